/// An element of an XML document from S3: it holds text or other elements. Attributes, comments and processing
/// instructions are skipped, since S3 says nothing in them.
struct XMLElement {
    let name: String
    fileprivate(set) var text = ""
    fileprivate(set) var children: [XMLElement] = []

    /// The text of the first child of that name; nil if there is none.
    subscript(name: String) -> String? { children.first { $0.name == name }?.text }

    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// The root of a document; nil if the bytes are not well-formed, or nested too deep.
    init?(document bytes: [UInt8]) {
        var reader = XMLReader(bytes)
        guard let root = reader.root() else { return nil }
        self = root
    }

    fileprivate init(_ name: String) { self.name = name }
}

private struct XMLReader {
    private var rest: ArraySlice<UInt8>
    /// A hostile server could nest without end.
    private static let deepest = 16

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func root() -> XMLElement? {
        while let tag = nextTag() {
            if case .start(let name, let isEmpty) = tag {
                var element = XMLElement(name)
                return isEmpty || fill(&element, depth: 1) ? element : nil
            }
        }
        return nil
    }

    private enum Tag {
        case start(String, isEmpty: Bool)
        case end(String)
        case other
    }

    /// Reads up to the element's end tag.
    private mutating func fill(_ element: inout XMLElement, depth: Int) -> Bool {
        guard depth <= Self.deepest else { return false }
        while true {
            let text = rest.prefix { $0 != UInt8(ascii: "<") }
            rest = rest.dropFirst(text.count)
            element.text += Self.decode(text)
            guard let tag = nextTag() else { return false }
            switch tag {
            case .other: continue
            case .end(let name): return name == element.name
            case .start(let name, let isEmpty):
                var child = XMLElement(name)
                guard isEmpty || fill(&child, depth: depth + 1) else { return false }
                element.children.append(child)
            }
        }
    }

    private mutating func nextTag() -> Tag? {
        guard let open = rest.firstIndex(of: UInt8(ascii: "<")) else { return nil }
        rest = rest[(open + 1)...]
        guard let close = rest.firstIndex(of: UInt8(ascii: ">")) else { return nil }
        let inside = rest[..<close]
        rest = rest[(close + 1)...]
        if inside.first == UInt8(ascii: "?") || inside.first == UInt8(ascii: "!") { return .other }
        if inside.first == UInt8(ascii: "/") { return .end(Self.name(inside.dropFirst())) }
        return .start(Self.name(inside), isEmpty: inside.last == UInt8(ascii: "/"))
    }

    /// The name without a prefix of a namespace.
    private static func name(_ tag: ArraySlice<UInt8>) -> String {
        let whole = tag.prefix { !" \t\r\n/".utf8.contains($0) }
        let local = whole.lastIndex(of: UInt8(ascii: ":")).map { whole[($0 + 1)...] } ?? whole
        return String(decoding: local, as: UTF8.self)
    }

    private static func decode(_ text: ArraySlice<UInt8>) -> String {
        guard text.contains(UInt8(ascii: "&")) else { return String(decoding: text, as: UTF8.self) }
        var decoded = ""
        var rest = text
        while let ampersand = rest.firstIndex(of: UInt8(ascii: "&")) {
            decoded += String(decoding: rest[..<ampersand], as: UTF8.self)
            rest = rest[(ampersand + 1)...]
            guard let semicolon = rest.prefix(12).firstIndex(of: UInt8(ascii: ";")) else {
                decoded += "&"
                continue
            }
            decoded += entity(String(decoding: rest[..<semicolon], as: UTF8.self))
            rest = rest[(semicolon + 1)...]
        }
        return decoded + String(decoding: rest, as: UTF8.self)
    }

    private static func entity(_ name: String) -> String {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            let digits = name.dropFirst(name.hasPrefix("#x") ? 2 : 1)
            let value = name.hasPrefix("#") ? UInt32(digits, radix: name.hasPrefix("#x") ? 16 : 10) : nil
            guard let value, let scalar = Unicode.Scalar(value) else { return "&\(name);" }
            return String(Character(scalar))
        }
    }
}

/// Makes `text` safe between two tags.
func xmlText(_ text: String) -> String {
    var safe = ""
    for character in text.unicodeScalars {
        switch character {
        case "&": safe += "&amp;"
        case "<": safe += "&lt;"
        case ">": safe += "&gt;"
        default: safe.unicodeScalars.append(character)
        }
    }
    return safe
}
