/// The `Content-Disposition` of a download (RFC 6266), in the one form that browsers, FilePond 4 and FilePond 5 all
/// read a name from.
///
/// FilePond takes what follows the last `filename=` or `filename*=…''` and passes it through `decodeURI`. So
/// `filename*` comes last, nothing follows it, and the plain `filename` has no `%` that `decodeURI` could choke on.
/// What RFC 8187 lets stand unescaped stands unescaped, as `decodeURI` would keep the escapes of `#`, `$`, `&` and `+`.
enum ContentDisposition {
    /// The name that a file without one gets.
    static let namelessFile = "file"

    /// `attachment` with the name, for any name: what comes out is one line of printable ASCII.
    static func attachment(name: String) -> String {
        let name = name.isEmpty ? namelessFile : name
        return "attachment; filename=\"\(fallback(name))\"; filename*=UTF-8''\(extended(name))"
    }

    /// The name for readers that know only RFC 2616: every character that is not plain ASCII, or that means something
    /// to one of the parsers, is replaced.
    private static func fallback(_ name: String) -> String {
        var result = ""
        for character in name {
            guard let ascii = character.asciiValue, (0x20...0x7E).contains(ascii) else {
                result.append("_")
                continue
            }
            switch character {
            case "%", "\"", "\\": result.append("_")
            default: result.append(character)
            }
        }
        return result
    }

    /// `value-chars` of RFC 8187, section 3.2.1.
    private static func extended(_ name: String) -> String {
        var result = ""
        for byte in name.utf8 {
            if isAttributeCharacter(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result.append("%")
                result.append(hexDigits[Int(byte >> 4)])
                result.append(hexDigits[Int(byte & 0xF)])
            }
        }
        return result
    }

    private static let hexDigits = Array("0123456789ABCDEF")

    private static func isAttributeCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"),
            UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default:
            false
        }
    }
}
