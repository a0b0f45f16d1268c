/// Percent-decoding (RFC 3986, section 2.1), the part that paths and queries share.
package enum PercentEncoding {
    /// Decodes `bytes`; a `%` that two hexadecimal digits do not follow is kept, and reported.
    package static func decode(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool) -> (bytes: [UInt8], isBroken: Bool) {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var isBroken = false
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                if index + 1 < bytes.endIndex, let high = digit(bytes[index]), let low = digit(bytes[index + 1]) {
                    decoded.append(high << 4 | low)
                    index += 2
                } else {
                    isBroken = true
                    decoded.append(byte)
                }
            } else if byte == UInt8(ascii: "+"), plusIsSpace {
                decoded.append(UInt8(ascii: " "))
            } else {
                decoded.append(byte)
            }
        }
        return (decoded, isBroken)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
