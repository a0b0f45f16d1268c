/// One node of a settings file that no table of keys has judged yet: its shape, its text, and where it stands.
///
/// The `options` of a store are kept as such a tree until the store's plugin says which options it has.
public struct ConfigNode: Sendable, Equatable {
    /// What a node holds.
    public enum Content: Sendable, Equatable {
        /// No value: `key:`, `~` or `null`.
        case null
        /// One value, as text.
        case scalar(Scalar)
        /// Values in order.
        case list([ConfigNode])
        /// Named values, in the order of the file; no name occurs twice.
        case map([Member])
    }

    /// One value, with `${NAME}` replaced.
    public struct Scalar: Sendable, Equatable {
        /// The text. Of `file:` and `env:` values the reference, not what it refers to.
        public var text: String
        /// Where the value is kept, if the file names a place instead of giving the value.
        public var reference: SecretReference?
    }

    /// One named value of a map.
    public struct Member: Sendable, Equatable {
        /// The name.
        public var key: String
        /// Where the name stands.
        public var keyPosition: ConfigPosition
        /// The value.
        public var value: ConfigNode
    }

    /// What the node holds.
    public var content: Content
    /// Where the node starts.
    public var position: ConfigPosition
    /// A complaint about this node is in the log already: a second one would only repeat it.
    var isRefused = false

    /// The members, if the node is a map.
    public var members: [Member]? {
        if case .map(let members) = content { members } else { nil }
    }

    /// Whether the node is one value or a list of them.
    var isValue: Bool {
        switch content {
        case .scalar, .list: true
        case .null, .map: false
        }
    }

    /// The value of a member, if the node is a map that has it.
    public subscript(key: String) -> ConfigNode? {
        members?.first { $0.key == key }?.value
    }

    /// What the node is, for a sentence: `a list`.
    var shape: String {
        switch content {
        case .null: "nothing"
        case .scalar: "a single value"
        case .list: "a list"
        case .map: "a map"
        }
    }
}

extension ConfigNode.Scalar: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// `***`: until a table of options has been consulted, any value may be a secret.
    public var description: String { "***" }
    /// `***`
    public var debugDescription: String { description }
    /// Shows nothing, so that `dump` does not tell what `description` hides.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
