import FPFormats
import NIOHTTP1

/// What header fields may be made of (RFC 9110, section 5).
enum FieldSyntax {
    /// Whether a text is a token: a field name or a method (RFC 9110, section 5.6.2).
    static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
    }

    /// Whether a field value is safe to send: no CR, LF or NUL, nor any other control character but the tab.
    static func isValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default:
            "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension HTTPHeaders {
    /// Takes away the spaces and tabs behind the values, which are no part of them (RFC 9110, section 5.5). The parser
    /// does so only with those in front.
    mutating func trimValues() {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        guard contains(where: { $0.value.utf8.last.map(isBlank) ?? false }) else { return }
        self = HTTPHeaders(
            map { field in
                (field.name, String(field.value[...].trimmingBlanks()))
            })
    }
}
