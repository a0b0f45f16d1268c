import FPFormats

/// When a file was last changed, in the whole seconds that HTTP compares (RFC 9110, sections 5.6.7 and 8.8.2).
public struct ModificationDate: Sendable, Equatable, Comparable {
    /// Seconds since 1970-01-01T00:00:00Z.
    public var seconds: Int64

    /// The second that many seconds after 1970-01-01T00:00:00Z.
    public init(seconds: Int64) {
        self.seconds = seconds
    }

    /// The second in which lies the moment that many milliseconds after 1970-01-01T00:00:00Z.
    public init(milliseconds: Int64) {
        seconds = milliseconds.flooredSeconds
    }

    /// Reads what ``HTTPDate/parse(_:now:)`` reads.
    public init?(_ text: String, now: ModificationDate) {
        guard let seconds = HTTPDate.parse(text, now: now.seconds) else { return nil }
        self.seconds = seconds
    }

    /// Whether one is earlier than the other.
    public static func < (one: ModificationDate, other: ModificationDate) -> Bool { one.seconds < other.seconds }
}
