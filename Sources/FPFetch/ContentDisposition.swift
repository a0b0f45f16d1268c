import FPFormats

/// Reads the file name out of a `Content-Disposition` field (RFC 6266), also where servers take liberties with it.
enum ContentDisposition {
    /// `filename*` (RFC 8187) if there is a readable one, else `filename`; of several the first.
    static func fileName(_ field: [UInt8]) -> String? {
        var plain: String?
        for parameter in parameters(field) {
            switch parameter.name {
            case "filename*":
                if let name = extended(parameter.value), !name.isEmpty { return name }
            case "filename":
                plain = plain ?? RemoteName.text(parameter.value)
            default:
                break
            }
        }
        return plain
    }

    private struct Parameter {
        let name: String
        let value: [UInt8]
    }

    /// What follows the disposition type, also when the type itself is missing.
    private static func parameters(_ field: [UInt8]) -> [Parameter] {
        var parameters: [Parameter] = []
        var rest = field[...]
        while !rest.isEmpty {
            let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ";") }
            rest = rest[name.endIndex...]
            guard rest.first == UInt8(ascii: "=") else {
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst().drop { $0 == 0x20 || $0 == 0x09 }
            let value = rest.first == UInt8(ascii: "\"") ? quoted(&rest) : token(&rest)
            parameters.append(Parameter(name: RemoteName.latin1(trimmed(name)).asciiLowercased(), value: value))
            rest = rest.drop { $0 != UInt8(ascii: ";") }.dropFirst()
        }
        return parameters
    }

    /// A quoted-string (RFC 9110 section 5.6.4); one that is not closed goes to the end.
    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        var value: [UInt8] = []
        rest = rest.dropFirst()
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() {
                value.append(escaped)
            } else {
                value.append(byte)
            }
        }
        return value
    }

    /// A token, or what is sent in its place without quotes: blanks included, up to the next semicolon.
    private static func token(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        let value = rest.prefix { $0 != UInt8(ascii: ";") }
        rest = rest[value.endIndex...]
        return trimmed(value)
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var bytes = bytes.drop { $0 == 0x20 || $0 == 0x09 }
        while bytes.last == 0x20 || bytes.last == 0x09 { bytes.removeLast() }
        return Array(bytes)
    }

    /// `charset'language'percent-encoded`, in the two charsets of RFC 8187 section 3.2.1 and RFC 5987.
    private static func extended(_ value: [UInt8]) -> String? {
        let parts = value.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let bytes = PercentEncoding.decoded(parts[2]).bytes
        return switch RemoteName.latin1(parts[0]).asciiLowercased() {
        case "utf-8": String(validating: bytes, as: UTF8.self)
        case "iso-8859-1": RemoteName.latin1(bytes)
        default: nil
        }
    }
}
