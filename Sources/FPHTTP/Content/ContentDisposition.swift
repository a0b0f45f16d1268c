import FPFormats

/// The `Content-Disposition` of a download (RFC 6266), in a form from which browsers and scripts in pages all read the
/// name.
///
/// Scripts often take what follows the last `filename=` or `filename*=…''` and pass it through `decodeURI`, which keeps
/// the escapes of `;/?:@&=+$,#`, whereas RFC 8187 wants those of `,/:;=?@`. So a name of plain ASCII goes as `filename`
/// alone. Any other goes as `filename*`, which comes last, behind a plain `filename` that has no `%` that `decodeURI`
/// could choke on; what RFC 8187 lets stand unescaped stands unescaped there.
public enum ContentDisposition {
    /// The name that a file without one gets.
    public static let namelessFile = "file"

    /// `attachment` with the name, for any name: what comes out is one line of printable ASCII.
    public static func attachment(name: String) -> String {
        let name = name.isEmpty ? namelessFile : name
        if isPlain(name) { return "attachment; filename=\"\(name)\"" }
        return "attachment; filename=\"\(fallback(name))\"; filename*=UTF-8''\(extended(name))"
    }

    /// Whether every reader takes the name out of quotes as it was put in. Scripts drop a quote, an apostrophe or a
    /// semicolon before the closing quote, white space at either end, and everything before a parameter's name.
    private static func isPlain(_ name: String) -> Bool {
        guard name.utf8.allSatisfy({ (0x20...0x7E).contains($0) && fallbackByte($0) == $0 }) else { return false }
        guard !"'; ".utf8.contains(name.utf8.last ?? 0), name.utf8.first != UInt8(ascii: " ") else { return false }
        let folded = name.asciiLowercased()
        return !folded.holds("filename=") && !folded.holds("filename*=")
    }

    /// The name for readers that know only RFC 2616: every scalar that is not plain ASCII, or that means something to
    /// one of the parsers, is replaced.
    private static func fallback(_ name: String) -> String {
        String(decoding: name.unicodeScalars.map { fallbackByte($0.isASCII ? UInt8($0.value) : 0) }, as: UTF8.self)
    }

    private static func fallbackByte(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "%"), UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "_")
        case 0x20...0x7E: byte
        default: UInt8(ascii: "_")
        }
    }

    /// `value-chars` of RFC 8187, section 3.2.1.
    private static func extended(_ name: String) -> String {
        PercentEncoding.encoded(name.utf8) { byte in
            byte.isASCIILetter || byte.isASCIIDigit || "!#$&+-.^_`|~".utf8.contains(byte)
        }
    }
}
