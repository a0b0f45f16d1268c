/// Percent-encoding (RFC 3986, section 2.1): `%` and two hexadecimal digits for a byte.
public enum PercentEncoding {
    /// Takes the encoding off. A `%` that two digits do not follow is kept, and reported.
    /// - Parameter plusIsSpace: Whether `+` stands for a space, as it does in forms.
    public static func decoded(
        _ bytes: some Sequence<UInt8>, plusIsSpace: Bool = false
    ) -> (bytes: [UInt8], isBroken: Bool) {
        let bytes = Array(bytes)
        guard bytes.contains(where: { $0 == UInt8(ascii: "%") || plusIsSpace && $0 == UInt8(ascii: "+") }) else {
            return (bytes, false)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var isBroken = false
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                if index + 1 < bytes.count, let high = bytes[index].hexValue,
                    let low = bytes[index + 1].hexValue
                {
                    decoded.append(high << 4 | low)
                    index += 2
                } else {
                    isBroken = true
                    decoded.append(byte)
                }
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return (decoded, isBroken)
    }

    /// Encodes every byte but those that are kept, with digits in upper case.
    /// - Parameter isKept: true for bytes of ASCII only.
    public static func encoded(_ bytes: some Sequence<UInt8>, keeping isKept: (UInt8) -> Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        encoded.reserveCapacity(bytes.underestimatedCount)
        for byte in bytes {
            if isKept(byte) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// Encodes a text for any part of a URL: everything but the unreserved characters of RFC 3986, section 2.3.
    public static func encoded(_ text: String) -> String { encoded(text.utf8, keeping: isUnreserved) }

    /// Whether a byte is a letter, a digit, `-`, `.`, `_` or `~`, which mean the same encoded and as they are.
    public static func isUnreserved(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || "-._~".utf8.contains(byte)
    }
}
