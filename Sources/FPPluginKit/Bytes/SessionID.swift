/// The random name of what one write stages: 128 bits, so that no two writes of any process share one.
public struct SessionID: Hashable, Sendable {
    /// The first half.
    public let high: UInt64
    /// The second half.
    public let low: UInt64

    /// An id from its halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the 32 digits of ``text``; nil if they are anything else.
    public init?(_ text: some StringProtocol) {
        let digits = text.utf8
        guard digits.count == 32, let high = Hexadecimal.word(digits.prefix(16)),
            let low = Hexadecimal.word(digits.suffix(16))
        else { return nil }
        self.init(high: high, low: low)
    }

    /// A new id.
    public static func random() -> SessionID {
        SessionID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }

    /// 32 hexadecimal digits in lower case: fit for the name of a file, an object or a header field.
    public var text: String { Hexadecimal.text(high, low) }
}
