import FPPluginAPI

/// A node of the `options:` tree in the host's configuration file, checked by the host against the plugin's options.
///
/// It is valid while the store is validated or created: copy what you keep.
public struct ConfigNode {
    private let raw: UnsafePointer<fp_node>
    private let node: fp_node

    init(_ raw: UnsafePointer<fp_node>) {
        self.raw = raw
        node = readHostStruct(raw)
    }

    /// What a node holds.
    public enum Kind: Sendable {
        /// Nothing.
        case null
        /// A text, number or flag.
        case scalar
        /// A sequence of nodes.
        case list
        /// Named nodes.
        case map
    }

    /// What the node holds.
    public var kind: Kind {
        switch node.type {
        case FP_N_SCALAR: .scalar
        case FP_N_LIST: .list
        case FP_N_MAP: .map
        default: .null
        }
    }

    /// The member's name; empty for the root and for items of a list.
    public var key: String { node.key.text ?? "" }

    /// The scalar as the file has it; empty for other kinds.
    public var text: String { node.text.text ?? "" }

    /// A flag as 0 or 1, an integer, a size in bytes or a duration in milliseconds, by the option's type; else 0.
    public var integer: Int64 { node.i64 }

    /// A number of the type `float`; else 0.
    public var number: Double { node.f64 }

    /// True if the value must never reach a log.
    public var isSecret: Bool { node.flags & FP_NF_SECRET != 0 }

    /// True if the file does not have the option, so that this is its default.
    public var isDefaulted: Bool { node.flags & FP_NF_DEFAULTED != 0 }

    /// The line in the configuration file, from 1; nil if it is not from there.
    public var line: Int? { node.line == 0 ? nil : Int(node.line) }

    /// The members of a map or the items of a list, in the file's order.
    public var children: [ConfigNode] {
        var found: [ConfigNode] = []
        var next = node.child
        while let pointer = next {
            let child = ConfigNode(pointer)
            found.append(child)
            next = child.node.next
        }
        return found
    }

    /// The node at a dotted path such as "tls.ca_file"; nil if it is absent or null.
    public subscript(path: String) -> ConfigNode? {
        var current = self
        for name in path.split(separator: ".") {
            guard let child = current.children.first(where: { $0.key == name }) else { return nil }
            current = child
        }
        return current.kind == .null ? nil : current
    }

    /// The value of an option, or its default.
    /// - Throws: `.config` if a required option is missing or a value does not decode.
    public func value<Value>(of option: Option<Value>) throws(PluginError) -> Value {
        guard let node = self[option.declaration.key] else {
            if let fallback = option.fallback { return fallback }
            throw PluginError(.config, "the option `\(option.declaration.key)` is required")
        }
        do {
            return try option.decode(node)
        } catch {
            let place = node.line.map { " (line \($0))" } ?? ""
            throw PluginError(.config, "the option `\(option.declaration.key)`\(place): \(error.reason)")
        }
    }
}
