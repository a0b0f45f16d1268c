import FPPluginAPI
import Glibc

extension PluginConfigNode {
    /// Lends the tree to a plugin in the contract's form; afterwards all of it is wiped.
    func withContractTree<R>(_ body: (UnsafePointer<fp_node>) -> R) -> R {
        let arena = ConfigArena()
        defer { arena.wipe() }
        return body(arena.node(for: self, underSecret: false))
    }
}

/// The memory of one tree.
private final class ConfigArena {
    private var nodes: [UnsafeMutablePointer<fp_node>] = []
    private var texts: [UnsafeMutableBufferPointer<CChar>] = []

    func node(for value: PluginConfigNode, underSecret: Bool) -> UnsafeMutablePointer<fp_node> {
        let node = UnsafeMutablePointer<fp_node>.allocate(capacity: 1)
        node.initialize(to: fp_node())
        nodes.append(node)
        let secret = underSecret || value.isSecret
        node.pointee.struct_size = UInt32(MemoryLayout<fp_node>.size)
        node.pointee.flags = (secret ? FP_NF_SECRET : 0) | (value.isDefaulted ? FP_NF_DEFAULTED : 0)
        node.pointee.line = UInt32(clamping: value.line)
        if let key = value.key { node.pointee.key = text(key) }
        switch value.kind {
        case .null:
            node.pointee.type = FP_N_NULL
        case .scalar(let string, let i64, let f64):
            node.pointee.type = FP_N_SCALAR
            node.pointee.text = text(string)
            node.pointee.i64 = i64
            node.pointee.f64 = f64
        case .list(let items):
            node.pointee.type = FP_N_LIST
            link(items, below: node, underSecret: secret)
        case .map(let members):
            node.pointee.type = FP_N_MAP
            link(members, below: node, underSecret: secret)
        }
        return node
    }

    private func link(_ children: [PluginConfigNode], below parent: UnsafeMutablePointer<fp_node>, underSecret: Bool) {
        var previous: UnsafeMutablePointer<fp_node>?
        for child in children {
            let node = node(for: child, underSecret: underSecret)
            if let previous {
                previous.pointee.next = UnsafePointer(node)
            } else {
                parent.pointee.child = UnsafePointer(node)
            }
            previous = node
        }
    }

    private func text(_ string: String) -> fp_str {
        let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: string.utf8.count + 1)
        _ = copy.initialize(from: string.utf8.map { CChar(bitPattern: $0) } + [0])
        texts.append(copy)
        return fp_str(ptr: copy.baseAddress, len: string.utf8.count)
    }

    func wipe() {
        for text in texts {
            if let start = text.baseAddress { explicit_bzero(start, text.count) }
            text.deallocate()
        }
        for node in nodes { node.deallocate() }
        texts = []
        nodes = []
    }
}
