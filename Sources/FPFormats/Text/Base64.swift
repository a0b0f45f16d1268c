/// Bytes as text: base64 with padding (RFC 4648, section 4).
public enum Base64 {
    /// The text for bytes.
    public static func encoded(_ bytes: some Collection<UInt8>) -> String {
        let text = Base64Alphabet.standard.encoded(bytes)
        return text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    }

    /// The bytes of a text; `nil` if ``encoded(_:)`` would not have made it: each sequence of bytes has one text.
    public static func decoded(_ text: some BidirectionalCollection<UInt8>) -> [UInt8]? {
        let isPadding = { (letter: UInt8) in letter == UInt8(ascii: "=") }
        let padding = text.reversed().prefix(while: isPadding).count
        let letters = text.count - padding
        guard text.count.isMultiple(of: 4), padding == (4 - letters % 4) % 4 else { return nil }
        return Base64Alphabet.standard.decoded(text.prefix(letters))
    }
}

/// The letters of base64, of which its kinds have all but two in common.
struct Base64Alphabet {
    /// RFC 4648, section 4.
    static let standard = Base64Alphabet(last: "+/")
    /// RFC 4648, section 5.
    static let url = Base64Alphabet(last: "-_")

    private let letters: [UInt8]

    private init(last: String) {
        letters = Array(("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + last).utf8)
    }

    /// The text for bytes, without padding.
    func encoded(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var (bits, count) = (UInt32(0), 0)
        for byte in bytes {
            (bits, count) = (bits << 8 | UInt32(byte), count + 8)
            while count >= 6 {
                count -= 6
                text.append(letters[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { text.append(letters[Int(bits << UInt32(6 - count) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of a text without padding; `nil` if ``encoded(_:)`` would not have made it.
    func decoded(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count * 3 / 4)
        var (bits, count) = (UInt32(0), 0)
        for letter in text {
            guard let value = value(of: letter) else { return nil }
            (bits, count) = (bits << 6 | value, count + 6)
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        // What is left over is less than a letter, and nothing.
        guard count < 6, bits & (1 << UInt32(count) - 1) == 0 else { return nil }
        return bytes
    }

    private func value(of letter: UInt8) -> UInt32? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter - UInt8(ascii: "a") + 26)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter - UInt8(ascii: "0") + 52)
        case letters[62]: 62
        case letters[63]: 63
        default: nil
        }
    }
}
