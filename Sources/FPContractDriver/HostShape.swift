import FPPluginAPI
import Glibc

/// Which version of the host is simulated: it decides how large the structs are and what follows them in memory.
package struct HostShape: Sendable {
    package enum Kind: Sendable {
        /// This host.
        case present
        /// ABI 1.0 exactly: an input's last byte is the last of its page, and the next page must not be touched.
        case old
        /// A later minor version: its structs are larger, and their new fields are not zero.
        case future
    }

    package let kind: Kind

    package static let present = HostShape(kind: .present)

    package init(kind: Kind) { self.kind = kind }

    /// Bytes by which the structs are larger than those of fp_plugin.h.
    private var growth: Int { kind == .future ? 64 : 0 }

    /// The host's `abi_minor`.
    package var minor: UInt32 {
        switch kind {
        case .old: 0
        case .present: FP_ABI_MINOR
        case .future: 99
        }
    }

    /// The size of a struct in the host's version, in bytes. Structs that have grown since ABI 1.0 are listed with
    /// their first new field.
    private func size<Value>(of type: Value.Type) -> Int {
        let end: Int? =
            switch type {
            case is fp_health.Type: MemoryLayout<fp_health>.offset(of: \.limits)
            case is fp_copy_req.Type: MemoryLayout<fp_copy_req>.offset(of: \.content_type)
            default: nil
            }
        return kind == .old ? end ?? MemoryLayout<Value>.size : MemoryLayout<Value>.size
    }

    /// Puts an input that begins with `struct_size` into memory of its own, which the caller releases.
    package func place<Value>(_ value: Value) -> StructMemory<Value> {
        let size = size(of: Value.self)
        let memory = StructMemory<Value>(size + growth, beforeGuardPage: kind == .old)
        withUnsafeBytes(of: value) { memory.start.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: size) }
        memory.start.storeBytes(of: UInt32(size + growth), as: UInt32.self)
        if kind == .future { memset(memory.start + size, 0xA5, growth) }
        return memory
    }

    /// Lends an input that begins with `struct_size`.
    package func lend<Value, Result>(
        _ value: Value, _ body: (UnsafeMutablePointer<Value>) throws -> Result
    ) rethrows -> Result {
        let memory = place(value)
        defer { memory.release() }
        return try body(memory.pointer)
    }

    /// Lends an output that begins with `struct_size`, and sees to it that only fields that both sides know were written.
    /// - Parameters:
    ///   - slot: the name of the slot that `body` calls.
    ///   - buffers: the fields that are buffers of the host's.
    /// - Returns: what `body` returned, and the output. Fields that this host does not know of are 0.
    /// - Throws: `Broken`, and what `body` throws.
    package func lendOutput<Value, Result>(
        _ value: Value, of slot: String, buffers: [PartialKeyPath<Value>],
        _ body: (UnsafeMutablePointer<Value>) throws -> Result
    ) throws -> (Result, Value) {
        let size = size(of: Value.self)
        let memory = StructMemory<Value>(MemoryLayout<Value>.size + growth + 64)
        defer { memory.release() }
        let (start, pointer) = (memory.start, memory.pointer)
        pointer.initialize(to: value)
        start.storeBytes(of: UInt32(size + growth), as: UInt32.self)
        memset(start + size + growth, 0xC5, 64)
        if growth > 0 { memset(start + size, 0, growth) }
        let result = try body(pointer)
        let type = "\(Value.self)"
        guard start.load(as: UInt32.self) == UInt32(size + growth) else {
            throw Broken("\(slot) changed \(type).struct_size, which is the host's", .rule(1))
        }
        let behind = UnsafeRawBufferPointer(start: start + size + growth, count: 64)
        guard behind.allSatisfy({ $0 == 0xC5 }) else {
            throw Broken("\(slot) wrote behind \(type), whose struct_size is \(size + growth)", .rule(1))
        }
        for path in buffers {
            guard let before = value[keyPath: path] as? fp_buf, let after = pointer.pointee[keyPath: path] as? fp_buf
            else { continue }
            guard before.ptr == after.ptr, before.cap == after.cap else {
                throw Broken("\(slot) replaced a buffer of the host's in \(type); only len is the plugin's", .rule(2))
            }
            guard after.len <= after.cap else {
                throw Broken("\(slot) says that it wrote \(after.len) bytes to a buffer of \(after.cap)", .rule(2))
            }
        }
        if size < MemoryLayout<Value>.size { memset(start + size, 0, MemoryLayout<Value>.size - size) }
        return (result, pointer.pointee)
    }
}

/// Memory for one struct, zeroed; if wanted, it ends where an inaccessible guard page begins.
package struct StructMemory<Value> {
    package let start: UnsafeMutableRawPointer
    private let mapping: (base: UnsafeMutableRawPointer, size: Int)?

    package var pointer: UnsafeMutablePointer<Value> { start.bindMemory(to: Value.self, capacity: 1) }

    init(_ size: Int, beforeGuardPage isGuarded: Bool = false) {
        guard isGuarded else {
            start = .allocate(byteCount: size + 64, alignment: 16)
            memset(start, 0, size + 64)
            mapping = nil
            return
        }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let used = (size + page - 1) / page * page
        guard let base = mmap(nil, used + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            base != MAP_FAILED
        else { fatalError("no memory for a call") }
        mprotect(base + used, page, PROT_NONE)
        start = base + used - size
        mapping = (base, used + page)
    }

    package func release() {
        if let mapping { munmap(mapping.base, mapping.size) } else { start.deallocate() }
    }
}
