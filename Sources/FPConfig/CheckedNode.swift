import FPFormats

/// A value that a table of keys has accepted, ready to be handed to a plugin as an `fp_node`.
public struct CheckedNode: Sendable, Equatable {
    /// The shape of a node.
    public enum Kind: Sendable, Equatable {
        /// One value.
        case scalar
        /// Children without names.
        case list
        /// Children with names.
        case map
    }

    /// The shape.
    public var type: Kind
    /// The name within the parent; nil for the root and for items of a list.
    public var key: String?
    /// The value as text: a secret resolved, a path absolute, everything else as the file has it.
    public var text = ""
    /// The value as a number: 0 or 1 of a Boolean, a whole number, a size in bytes, a duration in milliseconds; else 0.
    public var i64: Int64 = 0
    /// The value of a number that need not be whole; else 0.
    public var f64: Double = 0
    /// Whether the text must not be shown: the key is a secret, or the value came from a `file:` or `env:` reference.
    public var isSecret = false
    /// Whether the file does not give the value, so that the default holds.
    public var isDefaulted = false
    /// Where the file gives the value; nil for defaults.
    public var position: ConfigPosition?
    /// The members or items.
    public var children: [CheckedNode] = []
    /// Whether this map only groups keys with a common beginning, and is not a value itself.
    var isGroup = false
    /// The reference that is still to be followed, where the host does so later.
    var reference: SecretReference?

    /// The line in the file, counted from 1; 0 for defaults.
    public var line: Int { position?.line ?? 0 }

    /// The member at a dotted path, if there is one.
    public subscript(path: String) -> CheckedNode? {
        var node = self
        for segment in path.parts(at: ".") {
            guard let child = node.children.first(where: { $0.key == String(segment) }) else { return nil }
            node = child
        }
        return node
    }
}

extension CheckedNode: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The value in YAML's flow style, secrets as `***`.
    public var description: String {
        if isSecret { return "***" }
        switch type {
        case .scalar: return text
        case .list: return "[" + children.map(\.description).joined(separator: ", ") + "]"
        case .map:
            return "{" + children.map { "\($0.key ?? ""): \($0.description)" }.joined(separator: ", ") + "}"
        }
    }
    /// As `description`.
    public var debugDescription: String { description }
    /// Shows what `description` shows, so that `dump` does not tell secrets.
    public var customMirror: Mirror { Mirror(self, children: ["key": key ?? "", "value": description]) }
}

/// The options of one store as its plugin's table accepts them.
public struct CheckedOptions: Sendable, Equatable {
    /// A map with every option that is given or has a default, nested as its dotted name says.
    public var root: CheckedNode
    /// What the operator should know although the options are good.
    public var warnings: [ConfigProblem]
}
