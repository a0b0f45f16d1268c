/// A store's options as a tree, ready to be shown to a plugin (`fp_node`). A plain value: whoever reads the
/// options builds it, checked and complete.
public struct PluginConfigNode: Sendable, Equatable {
    /// What a node holds.
    public indirect enum Kind: Sendable, Equatable {
        /// Nothing: `key:` or `~`.
        case null
        /// One value: as text, and as the number that an option's type gives it (BOOL 0/1, INT value, SIZE in bytes,
        /// DURATION in milliseconds).
        case scalar(text: String, i64: Int64, f64: Double)
        /// Items in order.
        case list([PluginConfigNode])
        /// Members in the order of the file; each has a key.
        case map([PluginConfigNode])
    }

    /// The member's name; `nil` for the root and for list items.
    public var key: String?
    /// What it holds.
    public var kind: Kind
    /// The 1-based line in the configuration file, 0 if none.
    public var line: Int
    /// Whether the value must never be shown.
    public var isSecret: Bool
    /// Whether the value is the option's default, not the file's.
    public var isDefaulted: Bool

    /// Makes a node.
    public init(key: String? = nil, kind: Kind, line: Int = 0, isSecret: Bool = false, isDefaulted: Bool = false) {
        self.key = key
        self.kind = kind
        self.line = line
        self.isSecret = isSecret
        self.isDefaulted = isDefaulted
    }

    /// A text.
    public static func scalar(_ text: String, key: String? = nil) -> PluginConfigNode {
        PluginConfigNode(key: key, kind: .scalar(text: text, i64: 0, f64: 0))
    }

    /// A whole number.
    public static func integer(_ number: Int64, key: String? = nil) -> PluginConfigNode {
        PluginConfigNode(key: key, kind: .scalar(text: "\(number)", i64: number, f64: 0))
    }

    /// A mapping.
    public static func map(_ members: [PluginConfigNode], key: String? = nil) -> PluginConfigNode {
        PluginConfigNode(key: key, kind: .map(members))
    }

    /// The members of a map or the items of a list.
    public var children: [PluginConfigNode] {
        switch kind {
        case .null, .scalar: []
        case .list(let items): items
        case .map(let members): members
        }
    }

    /// The text of a scalar.
    public var text: String? {
        if case .scalar(let text, _, _) = kind { text } else { nil }
    }

    /// Every secret text in the tree, for masking.
    var secrets: [String] {
        var found: [String] = []
        collectSecrets(underSecret: false, into: &found)
        return found
    }

    private func collectSecrets(underSecret: Bool, into found: inout [String]) {
        let secret = underSecret || isSecret
        if secret, let text, !text.isEmpty { found.append(text) }
        for child in children { child.collectSecrets(underSecret: secret, into: &found) }
    }
}
