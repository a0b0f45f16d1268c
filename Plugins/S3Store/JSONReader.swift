/// The texts of one JSON object (RFC 8259), which is all that sources of credentials answer with. Values that are
/// numbers, words, objects or lists are passed over.
enum JSONReader {
    /// The members that are texts; nil if the bytes are no object.
    static func texts(of bytes: [UInt8]) -> [String: String]? {
        var scanner = Scanner(bytes)
        guard scanner.next() == UInt8(ascii: "{") else { return nil }
        var members: [String: String] = [:]
        if scanner.peek() == UInt8(ascii: "}") { return members }
        while true {
            guard let name = scanner.text(), scanner.next() == UInt8(ascii: ":") else { return nil }
            if scanner.peek() == UInt8(ascii: "\"") {
                guard let value = scanner.text() else { return nil }
                members[name] = value
            } else {
                guard scanner.skipValue() else { return nil }
            }
            switch scanner.next() {
            case UInt8(ascii: ","): continue
            case UInt8(ascii: "}"): return members
            default: return nil
            }
        }
    }
}

private struct Scanner {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func peek() -> UInt8? {
        rest = rest.drop { " \t\r\n".utf8.contains($0) }
        return rest.first
    }

    mutating func next() -> UInt8? {
        _ = peek()
        return rest.popFirst()
    }

    mutating func text() -> String? {
        guard next() == UInt8(ascii: "\"") else { return nil }
        var units: [UInt16] = []
        var bytes: [UInt8] = []
        var result = ""
        func flushed(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "\\"), !units.isEmpty {
                result += String(decoding: units, as: UTF16.self)
                units = []
            }
            switch byte {
            case UInt8(ascii: "\""): return result + flushed(bytes)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                if escaped == UInt8(ascii: "u") {
                    guard let unit = UInt16(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16) else {
                        return nil
                    }
                    rest = rest.dropFirst(4)
                    result += flushed(bytes)
                    bytes = []
                    units.append(unit)
                } else {
                    if !units.isEmpty {
                        result += String(decoding: units, as: UTF16.self)
                        units = []
                    }
                    bytes.append(Self.meaning(of: escaped))
                }
            default: bytes.append(byte)
            }
        }
        return nil
    }

    /// Passes over a value that is no text.
    mutating func skipValue() -> Bool {
        var depth = 0
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                guard text() != nil else { return false }
                if depth == 0 { return true }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return true }
                depth -= 1
                if depth == 0 {
                    rest = rest.dropFirst()
                    return true
                }
            case UInt8(ascii: ","): if depth == 0 { return true }
            default: break
            }
            rest = rest.dropFirst()
        }
        return false
    }

    private static func meaning(of escaped: UInt8) -> UInt8 {
        switch escaped {
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        default: escaped
        }
    }
}
