/// What the plugin's reader makes of a document.
public struct XMLDocument {
    private let root: XMLElement

    /// `nil` if it is refused.
    public init?(_ bytes: [UInt8]) {
        guard let root = XMLElement(document: bytes) else { return nil }
        self.root = root
    }

    /// The text of the root's first child of that name.
    public func text(of name: String) -> String? { root[name] }

    /// Text as the plugin writes it between two tags.
    public static func escaped(_ text: String) -> String { xmlText(text) }
}
