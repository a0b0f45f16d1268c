import FPFormats

/// An entity tag (RFC 9110, section 8.8.3).
public struct EntityTag: Sendable, Equatable, CustomStringConvertible {
    /// The characters between the quotes.
    public var opaque: String
    /// Whether it promises only that the two are good enough for each other, not that they are the same bytes.
    public var isWeak = false

    /// A strong tag of those characters; `nil` if a tag cannot hold one of them.
    public init?(opaque: String) {
        guard opaque.utf8.allSatisfy(Self.isAllowed) else { return nil }
        self.opaque = opaque
    }

    private init(opaque: String, isWeak: Bool) {
        self.opaque = opaque
        self.isWeak = isWeak
    }

    /// The tag as a header field has it.
    public var description: String { (isWeak ? "W/" : "") + "\"\(opaque)\"" }

    /// The strong comparison (section 8.8.3.2): for ranges and for writing.
    public func isSame(as other: EntityTag) -> Bool { opaque.isSame(as: other.opaque) && !isWeak && !other.isWeak }

    /// The weak comparison (section 8.8.3.2): for reading whole representations again.
    public func isEquivalent(to other: EntityTag) -> Bool { opaque.isSame(as: other.opaque) }

    /// Reads one tag; `nil` if the text is anything else.
    public init?(_ text: some StringProtocol) {
        var rest = Substring(text)
        guard let tag = Self.next(in: &rest), rest.isEmpty else { return nil }
        self = tag
    }

    /// Takes a tag off the front of the text.
    fileprivate static func next(in text: inout Substring) -> EntityTag? {
        let strong = text.without(prefix: "W/")
        guard let body = (strong ?? text).without(prefix: "\""), let (opaque, rest) = body.cut(at: "\""),
            opaque.utf8.allSatisfy(isAllowed)
        else { return nil }
        text = rest
        return EntityTag(opaque: String(opaque), isWeak: strong != nil)
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
        var rest = Self.withoutSeparators(text[...])
        if rest == "*" {
            self = .any
            return
        }
        var tags: [EntityTag] = []
        while let tag = EntityTag.next(in: &rest) {
            tags.append(tag)
            rest = Self.withoutSeparators(rest)
        }
        self = .tags(tags)
    }

    private static func withoutSeparators(_ text: Substring) -> Substring {
        Substring(text.utf8.drop { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
    }
}
