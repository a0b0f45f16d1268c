import FPFormats

/// A user's name and password as HTTP Basic carries them (RFC 7617, section 2), in UTF-8.
struct BasicCredentials {
    let user: String
    let password: String

    /// Reads what is behind the scheme; `nil` if that is no base 64 of a name, a colon and a password, without control
    /// characters and of reasonable length.
    init?(_ text: some StringProtocol) {
        guard let bytes = Self.decoded(text.utf8), let pair = String(validating: bytes, as: UTF8.self),
            let (user, password) = pair.cut(at: ":"), !user.isEmpty, user.utf8.count <= PasswordTable.longestName,
            password.utf8.count <= PasswordHash.longestPassword, bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        self.user = String(user)
        self.password = String(password)
    }

    /// Base 64 with its padding (RFC 4648, section 4), and nothing else.
    private static func decoded(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4), text.count <= 2048 else { return nil }
        let digits = text.prefix { $0 != UInt8(ascii: "=") }
        let padding = text.count - digits.count
        guard padding <= 2, text.suffix(padding).allSatisfy({ $0 == UInt8(ascii: "=") }) else { return nil }
        var bytes: [UInt8] = []
        var (bits, count) = (UInt32(0), 0)
        for digit in digits {
            guard let value = value(of: digit) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        // What is left over has to be zero: one text for one value.
        return bits & (1 << count - 1) == 0 ? bytes : nil
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
