import FPFormats

/// Reads `value; name=value; name="value"` as header fields of forms have it.
///
/// A quoted value is read so that what browsers send and what RFC 2045 defines both come out right. Browsers escape
/// nothing by backslash: in theirs a backslash is a character of the file's name. So a backslash is an escape only before
/// another backslash, or before a quote that cannot be the closing one.
struct ParameterScanner {
    private var rest: ArraySlice<UInt8>

    init(_ text: String) {
        rest = Array(text.utf8)[...]
    }

    /// The value before the first parameter.
    mutating func leadingValue() -> String {
        let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
        defer { rest = rest[end...] }
        return Self.trimmed(rest[..<end])
    }

    /// The next parameter, its name in lower case; nil after the last.
    mutating func next() throws(MultipartError) -> (name: String, value: String)? {
        skipSpace()
        if rest.isEmpty {
            return nil
        }
        guard rest.popFirst() == UInt8(ascii: ";") else {
            throw .brokenParameter
        }
        skipSpace()
        if rest.isEmpty {
            // A semicolon at the end is common, and harmless.
            return nil
        }
        guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else {
            throw .brokenParameter
        }
        let name = Self.trimmed(rest[..<equals]).asciiLowercased()
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "\"") })
        else {
            throw .brokenParameter
        }
        rest = rest[(equals + 1)...]
        skipSpace()
        if rest.first == UInt8(ascii: "\"") {
            rest = rest.dropFirst()
            return (name, try quotedValue())
        }
        let end = rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
        defer { rest = rest[end...] }
        return (name, Self.trimmed(rest[..<end]))
    }

    private mutating func quotedValue() throws(MultipartError) -> String {
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") {
                // The bytes came out of a String by cutting at ASCII characters only.
                return String(decoding: value, as: UTF8.self)
            }
            if byte == UInt8(ascii: "\\"), let next = rest.first, isEscapable(next) {
                value.append(next)
                rest = rest.dropFirst()
            } else {
                value.append(byte)
            }
        }
        throw .brokenParameter
    }

    /// Whether the byte after a backslash is what the backslash escapes.
    private func isEscapable(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\\"): true
        case UInt8(ascii: "\""): !isEndOfValue(rest.dropFirst())
        default: false
        }
    }

    /// Whether `tail`, after a quote, reads as if that quote was the closing one: nothing, or the next parameter.
    private func isEndOfValue(_ tail: ArraySlice<UInt8>) -> Bool {
        var copy = self
        copy.rest = tail
        copy.skipSpace()
        guard copy.rest.popFirst() == UInt8(ascii: ";") else {
            return copy.rest.isEmpty && tail.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        }
        copy.skipSpace()
        let name = copy.rest.prefix { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "*"),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return copy.rest.isEmpty || !name.isEmpty && copy.rest.dropFirst(name.count).first == UInt8(ascii: "=")
    }

    private mutating func skipSpace() {
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        var bytes = bytes.drop(while: isSpace)
        while let last = bytes.last, isSpace(last) {
            bytes.removeLast()
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
