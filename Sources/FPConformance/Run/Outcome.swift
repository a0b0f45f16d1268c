/// How a case ended.
package struct Outcome: Codable, Sendable {
    package enum Verdict: String, Codable, Sendable {
        case passed, failed, skipped
        /// Failed, and the overrides file says why it may.
        case excused
        /// The overrides file excuses it, and yet it passed.
        case unexpectedlyPassed = "passed although excused"
    }

    package var verdict: Verdict
    /// What broke the promise, or why the case was skipped or is excused.
    package var reason: String
    /// The place in fp_plugin.h, where it is not the one that the case is about.
    package var clause: String?
    package var seconds: Double = 0

    init(_ verdict: Verdict, _ reason: String = "", clause: String? = nil) {
        self.verdict = verdict
        self.reason = reason
        self.clause = clause
    }
}

/// A case with its outcome.
package struct Finding: Sendable {
    package let subject: Case
    package var outcome: Outcome
}
