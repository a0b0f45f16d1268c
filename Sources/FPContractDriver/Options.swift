import FPPluginAPI

/// An option's value, or a group of them, as the plugin gets it (`fp_node`).
package struct OptionNode: Codable, Sendable {
    package enum Kind: String, Codable, Sendable { case scalar, list, map }

    package var kind: Kind
    /// Absent for the root and for the items of a list.
    package var key: String?
    package var text: String
    /// A number, a size in bytes, a duration in milliseconds, 0 or 1 for a flag.
    package var i64: Int64
    package var f64: Double
    package var isSecret: Bool
    package var isDefaulted: Bool
    /// The line in the configuration file, counted from 1; 0 for none.
    package var line: Int
    package var children: [OptionNode]

    package init(
        kind: Kind = .map, key: String? = nil, text: String = "", i64: Int64 = 0, f64: Double = 0,
        isSecret: Bool = false, isDefaulted: Bool = false, line: Int = 0, children: [OptionNode] = []
    ) {
        self.kind = kind
        self.key = key
        self.text = text
        self.i64 = i64
        self.f64 = f64
        self.isSecret = isSecret
        self.isDefaulted = isDefaulted
        self.line = line
        self.children = children
    }

    /// Options without their types: each is given as text, and as a number too where the text is one. A name with a dot
    /// is a member of the group before the dot. They are in the order of their names, one a line from line 10 on.
    /// - Parameter secrets: the names of those that are secret.
    package init(texts: [String: String], secrets: Set<String> = []) {
        self.init(children: Self.members(texts, secrets, below: ""))
    }

    private static func members(_ texts: [String: String], _ secrets: Set<String>, below group: String) -> [OptionNode]
    {
        var nodes: [String: OptionNode] = [:]
        var groups: [String: [String: String]] = [:]
        for (name, text) in texts {
            let parts = name.split(separator: ".", maxSplits: 1).map(String.init)
            if parts.count == 2 {
                groups[parts[0], default: [:]][parts[1]] = text
            } else {
                nodes[name] = OptionNode(
                    kind: .scalar, key: name, text: text, i64: text == "true" ? 1 : Int64(text) ?? 0,
                    f64: Double(text) ?? 0, isSecret: secrets.contains(group + name))
            }
        }
        for (name, inner) in groups {
            nodes[name] = OptionNode(key: name, children: members(inner, secrets, below: group + name + "."))
        }
        return nodes.sorted { $0.key < $1.key }.enumerated().map { index, member in
            var node = member.value
            node.line = index + 10
            return node
        }
    }
}

extension HostShape {
    /// Lends options in the contract's form. Afterwards every text in them is overwritten, so that a plugin which kept a
    /// pointer finds garbage.
    package func lend<Result>(
        _ options: OptionNode, _ body: (UnsafePointer<fp_node>) throws -> Result
    ) rethrows -> Result {
        let tree = OptionTree(self)
        defer { tree.spoil() }
        return try body(tree.node(options))
    }
}

/// The memory of options that are lent.
private final class OptionTree {
    private let shape: HostShape
    private var structs: [StructMemory<fp_node>] = []
    private var texts: [UnsafeMutableBufferPointer<CChar>] = []

    init(_ shape: HostShape) { self.shape = shape }

    func node(_ value: OptionNode) -> UnsafeMutablePointer<fp_node> {
        var node = fp_node()
        node.flags = (value.isSecret ? FP_NF_SECRET : 0) | (value.isDefaulted ? FP_NF_DEFAULTED : 0)
        node.line = UInt32(clamping: value.line)
        if let key = value.key { node.key = text(key) }
        switch value.kind {
        case .scalar:
            node.type = FP_N_SCALAR
            node.text = text(value.text)
            node.i64 = value.i64
            node.f64 = value.f64
        case .list: node.type = FP_N_LIST
        case .map: node.type = FP_N_MAP
        }
        var next: UnsafePointer<fp_node>?
        for child in value.children.reversed() {
            let pointer = self.node(child)
            pointer.pointee.next = next
            next = UnsafePointer(pointer)
        }
        node.child = next
        let memory = shape.place(node)
        structs.append(memory)
        return memory.pointer
    }

    private func text(_ string: String) -> fp_str {
        let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: string.utf8.count + 1)
        _ = copy.initialize(from: string.utf8.map { CChar(bitPattern: $0) } + [0])
        texts.append(copy)
        return fp_str(ptr: copy.baseAddress, len: string.utf8.count)
    }

    func spoil() {
        for text in texts {
            text.update(repeating: CChar(bitPattern: UInt8(ascii: "#")))
            text.deallocate()
        }
        for memory in structs { memory.release() }
    }
}
