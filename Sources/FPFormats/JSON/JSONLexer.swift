/// Why a text is not JSON, or not JSON that is taken.
public struct JSONError: Error, Equatable {
    /// What kind of fault it is.
    public enum Kind: Sendable {
        /// It is not JSON.
        case syntax
        /// It holds half of a surrogate pair, which is no text.
        case surrogate
        /// It holds more than the limits allow.
        case tooMuch
    }

    /// What kind of fault it is.
    public var kind = Kind.syntax
    /// What is wrong, in words that follow "The body".
    public var reason: String
    /// The number of bytes before the fault.
    public var offset: Int
}

/// Splits JSON (RFC 8259) into tokens, for the parser, which makes values, and for the check of a text, which does not.
struct JSONLexer {
    let bytes: UnsafeBufferPointer<UInt8>
    var position = 0

    // MARK: - Strings

    /// The text between the quotes; the first of them is the next byte.
    mutating func string() throws(JSONError) -> String {
        var content: [UInt8] = []
        try readString { content.append(contentsOf: $0) }
        guard let text = String(validating: content, as: UTF8.self) else { throw fault("is not UTF-8") }
        return text
    }

    /// Passes over a string. What is no UTF-8 is not noticed.
    mutating func skipString() throws(JSONError) {
        try readString { _ in }
    }

    private mutating func readString(_ take: (UnsafeBufferPointer<UInt8>.SubSequence) -> Void) throws(JSONError) {
        position += 1
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return
            case UInt8(ascii: "\\"):
                position += 1
                let scalar = try escape()
                var text = String(scalar)
                text.withUTF8 { take($0[...]) }
            case 0..<0x20:
                throw fault("has a control character in a string")
            default:
                let start = position
                while let byte = peek(), byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                    position += 1
                }
                take(bytes[start..<position])
            }
        }
        throw fault("has a string without an end")
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        guard let byte = peek() else { throw fault("has a string without an end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw fault("has an unknown escape in a string")
        }
    }

    /// A half of a surrogate pair without the other, which JavaScript's strings can have, is no text: whatever stood in
    /// its place would be another string than the one that was sent.
    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try hex()
        if let scalar = Unicode.Scalar(first) { return scalar }
        let lone = fault("has half of a surrogate pair in a string", .surrogate)
        guard first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw lone }
        let second = try hex()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw lone }
        return scalar
    }

    private mutating func hex() throws(JSONError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw fault("has an incomplete escape in a string") }
        var value: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: throw fault("has an incomplete escape in a string")
            }
            value = value << 4 | UInt32(digit)
        }
        position += 4
        return value
    }

    // MARK: - The rest

    mutating func number() throws(JSONError) -> Range<Int> {
        let start = position
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits(orElse: "has something that is no JSON value") }
        if take(UInt8(ascii: ".")) { try digits(orElse: "has a number without digits after its point") }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits(orElse: "has a number without digits in its exponent")
        }
        return start..<position
    }

    private mutating func digits(orElse reason: String) throws(JSONError) {
        let start = position
        while let byte = peek(), (0x30...0x39).contains(byte) { position += 1 }
        guard position > start else { throw fault(reason) }
    }

    mutating func word(_ word: StaticString) throws(JSONError) {
        let count = word.utf8CodeUnitCount
        guard word.withUTF8Buffer({ bytes[position...].starts(with: $0) }) else {
            throw fault("has something that is no JSON value")
        }
        position += count
    }

    /// Passes over a value that is neither an array nor an object.
    mutating func skipScalar() throws(JSONError) {
        switch peek() {
        case UInt8(ascii: "\""): try skipString()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: _ = try number()
        }
    }

    /// Passes over a member's name and the colon behind it.
    mutating func skipName() throws(JSONError) {
        try checkName()
        try skipString()
        try colon()
    }

    mutating func checkName() throws(JSONError) {
        skipSpace()
        guard peek() == UInt8(ascii: "\"") else { throw fault("has no name where one must be") }
    }

    mutating func colon() throws(JSONError) {
        skipSpace()
        guard take(UInt8(ascii: ":")) else { throw fault("has no colon after a name") }
    }

    mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    func fault(_ reason: String, _ kind: JSONError.Kind = .syntax) -> JSONError {
        JSONError(kind: kind, reason: reason, offset: position)
    }
}
