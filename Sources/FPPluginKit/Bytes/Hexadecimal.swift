/// Numbers as hexadecimal digits of a fixed count, in lower case: for names, tags and ids.
public enum Hexadecimal {
    /// Sixteen digits for each of the words.
    @inlinable
    public static func text(_ words: UInt64...) -> String {
        String(unsafeUninitializedCapacity: 16 * words.count) { buffer in
            var count = 0
            for word in words {
                for shift in stride(from: 60, through: 0, by: -4) {
                    let digit = UInt8(truncatingIfNeeded: word >> UInt64(shift) & 15)
                    buffer[count] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
                    count += 1
                }
            }
            return count
        }
    }

    /// The word that sixteen digits stand for; nil if they are not just that.
    public static func word(_ text: some Collection<UInt8>) -> UInt64? {
        guard text.count == 16, text.allSatisfy(isDigit) else { return nil }
        return text.reduce(0) { $0 << 4 | UInt64($1 < UInt8(ascii: "a") ? $1 & 15 : $1 - UInt8(ascii: "a") + 10) }
    }

    /// Whether a byte is a digit in lower case.
    public static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
