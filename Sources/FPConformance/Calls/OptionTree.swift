import FPPluginAPI
import Glibc

/// The options of a store in the contract's form. Borrowed by the plugin during a call; afterwards every text in it is
/// overwritten, so that a plugin which kept a pointer finds rubbish.
final class OptionTree {
    private let shape: HostShape
    private var rooms: [GuardedRoom] = []
    private var texts: [UnsafeMutableBufferPointer<CChar>] = []

    static func lend<Result>(
        _ options: OptionNode, _ shape: HostShape, _ body: (UnsafePointer<fp_node>) throws -> Result
    ) rethrows -> Result {
        let tree = OptionTree(shape)
        defer { tree.spoil() }
        return try body(tree.node(options))
    }

    private init(_ shape: HostShape) { self.shape = shape }

    private func node(_ value: OptionNode) -> UnsafePointer<fp_node> {
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
            let pointer = UnsafeMutablePointer(mutating: self.node(child))
            pointer.pointee.next = next
            next = UnsafePointer(pointer)
        }
        node.child = next
        let total = shape.lend(node) { Int(UnsafeRawPointer($0).load(as: UInt32.self)) }
        let room = shape.kind == .old ? GuardedRoom(MemoryLayout<fp_node>.size) : GuardedRoom(unguarded: total)
        rooms.append(room)
        let pointer = room.start.bindMemory(to: fp_node.self, capacity: 1)
        pointer.initialize(to: node)
        pointer.pointee.struct_size = UInt32(total)
        return UnsafePointer(pointer)
    }

    private func text(_ string: String) -> fp_str {
        let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: string.utf8.count + 1)
        _ = copy.initialize(from: string.utf8.map { CChar(bitPattern: $0) } + [0])
        texts.append(copy)
        return fp_str(ptr: copy.baseAddress, len: string.utf8.count)
    }

    private func spoil() {
        for text in texts {
            text.update(repeating: CChar(bitPattern: UInt8(ascii: "#")))
            text.deallocate()
        }
        for room in rooms { room.release() }
    }
}
