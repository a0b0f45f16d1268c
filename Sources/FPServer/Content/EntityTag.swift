/// An entity tag (RFC 9110, section 8.8.3).
struct EntityTag: Equatable, CustomStringConvertible {
    /// The characters between the quotes.
    var opaque: String
    /// Whether it promises only that the two are good enough for each other, not that they are the same bytes.
    var isWeak = false

    /// A strong tag of those characters; `nil` if a tag cannot hold one of them.
    init?(opaque: String) {
        guard opaque.utf8.allSatisfy(Self.isAllowed) else { return nil }
        self.opaque = opaque
    }

    private init(opaque: String, isWeak: Bool) {
        self.opaque = opaque
        self.isWeak = isWeak
    }

    var description: String { (isWeak ? "W/" : "") + "\"\(opaque)\"" }

    /// Section 8.8.3.2: for ranges and for writing.
    func isSame(as other: EntityTag) -> Bool { self == other && !isWeak }

    /// Section 8.8.3.2: for reading whole representations again.
    func isEquivalent(to other: EntityTag) -> Bool { opaque == other.opaque }

    /// One tag and nothing else.
    init?(_ text: some StringProtocol) {
        var rest = Substring(text)
        guard let tag = Self.next(in: &rest), rest.isEmpty else { return nil }
        self = tag
    }

    /// Takes a tag off the front of the text.
    fileprivate static func next(in text: inout Substring) -> EntityTag? {
        let isWeak = text.hasPrefix("W/")
        let quoted = isWeak ? text.dropFirst(2) : text
        guard quoted.first == "\"" else { return nil }
        let body = quoted.dropFirst()
        guard let end = body.firstIndex(of: "\""), body[..<end].utf8.allSatisfy(isAllowed) else { return nil }
        text = body[end...].dropFirst()
        return EntityTag(opaque: String(body[..<end]), isWeak: isWeak)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        byte == 0x21 || (0x23...0x7E).contains(byte) || byte >= 0x80
    }
}

/// The value of `If-Match` or `If-None-Match` (RFC 9110, sections 13.1.1 and 13.1.2).
enum EntityTagCondition: Equatable {
    /// `*`: any current representation.
    case any
    /// One of these.
    case tags([EntityTag])

    /// The lines of a field, joined. Reading stops at what is no tag, and what came before it counts.
    init(_ lines: [String]) {
        let text = lines.joined(separator: ",")
        var rest = text[...].drop(while: Self.isSeparator)
        if rest == "*" {
            self = .any
            return
        }
        var tags: [EntityTag] = []
        while let tag = EntityTag.next(in: &rest) {
            tags.append(tag)
            rest = rest.drop(while: Self.isSeparator)
        }
        self = .tags(tags)
    }

    private static func isSeparator(_ character: Character) -> Bool {
        character == "," || character == " " || character == "\t"
    }
}
