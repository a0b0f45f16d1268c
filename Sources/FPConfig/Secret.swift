import FPFormats

/// A text that must not show up in logs, error messages or `fphost check`.
public struct Secret: Sendable, Hashable {
    /// The text itself. Comparing it with what a client sent takes a comparison in constant time.
    public let value: String

    /// Wraps a text.
    public init(_ value: String) {
        self.value = value
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// `***`
    public var description: String { "***" }
    /// `***`
    public var debugDescription: String { description }
    /// Shows nothing, so that `dump` does not tell what `description` hides.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Where a secret is kept, if not in the settings file itself.
public enum SecretReference: Sendable, Hashable {
    /// `file:PATH`: the content of a file, without its trailing newline.
    case file(String)
    /// `env:NAME`: an environment variable.
    case variable(String)

    /// The reference that a value begins with, if it does.
    ///
    /// - Parameters:
    ///   - source: the value as the file has it. A variable's content never becomes a reference, so that a password
    ///     which happens to begin with `file:` stays a password.
    ///   - text: the value with `${NAME}` replaced.
    init?(source: String, text: String) {
        if source.begins(with: "file:") {
            self = .file(String(text.without(prefix: "file:") ?? ""))
        } else if source.begins(with: "env:") {
            self = .variable(String(text.without(prefix: "env:") ?? ""))
        } else {
            return nil
        }
    }
}
