import FPFormats

/// One complaint about the settings: where, and a sentence that says what would be right.
public struct ConfigProblem: Sendable, Hashable {
    /// Whether the host can start in spite of it.
    public enum Severity: String, Sendable, Hashable {
        /// The host does not start.
        case error
        /// The host starts; the operator should know.
        case warning
    }

    /// Where the file says what is wrong.
    public var position: ConfigPosition
    /// What is wrong and what would be right, in one line.
    public var message: String
    /// Whether the host can start in spite of it.
    public var severity: Severity

    /// A complaint about one place of the settings.
    public init(at position: ConfigPosition, _ message: String, severity: Severity = .error) {
        self.position = position
        self.message = message
        self.severity = severity
    }
}

extension ConfigProblem: CustomStringConvertible {
    /// `fphost.yaml:12:7: unknown key "bakend" in "stores.media"; did you mean "plugin"?`
    public var description: String {
        switch severity {
        case .error: "\(position): \(message)"
        case .warning: "\(position): warning: \(message)"
        }
    }
}

/// Everything that is wrong with the settings, in the order of the file.
public struct ConfigErrors: Error, Sendable, Equatable {
    /// The complaints, in the order of the file. Never empty when thrown by this module.
    public var problems: [ConfigProblem]
    /// How many more there were, beyond those that are listed.
    public var omitted: Int

    /// Complaints that together keep the host from starting.
    public init(_ problems: [ConfigProblem], omitted: Int = 0) {
        self.problems = problems
        self.omitted = omitted
    }
}

extension ConfigErrors: CustomStringConvertible {
    /// One line per complaint.
    public var description: String {
        var lines = problems.map(\.description)
        if omitted > 0 {
            lines.append("and \(omitted) more")
        }
        return lines.joined(separator: "\n")
    }
}
