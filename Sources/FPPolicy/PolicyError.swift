/// Why a text is no upload policy that holds, in words for whoever sent it.
public struct PolicyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A sentence.
    public let description: String

    init(_ description: String) {
        self.description = description
    }

    /// What does not have the form of a policy.
    static func malformed(_ what: String) -> PolicyError {
        PolicyError("The upload policy cannot be read: \(what).")
    }

    /// A member that says what it must not.
    static func member(_ name: String, _ complaint: String) -> PolicyError {
        PolicyError("The upload policy's member \"\(name)\" \(complaint).")
    }
}
