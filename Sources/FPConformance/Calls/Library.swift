import FPPluginAPI
import Glibc

/// A plugin as a host sees it: a table of C functions. It stays loaded, as the contract says.
///
/// `@unchecked Sendable`: all of it is constant; functions and texts in the table live as long as the process.
final class Library: @unchecked Sendable {
    typealias EntryPoint = @convention(c) (UnsafePointer<fp_host>?) -> UnsafePointer<fp_plugin>?

    let path: String
    let entry: EntryPoint
    let pointer: UnsafePointer<fp_plugin>
    /// The table as far as it reaches; slots that the plugin does not have are nil.
    let table: fp_plugin
    let host: HostRecord

    /// Loads the plugin and makes its library-wide start.
    /// - Throws: `Broken`.
    init(path: String, shape: HostShape = .present, calling load: Bool = true) throws {
        Breadcrumb.shared.leave("dlopen")
        // A plugin that writes to a connection which the peer has closed must get EPIPE, not end the process.
        signal(SIGPIPE, SIG_IGN)
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | Int32(RTLD_NODELETE)) else {
            throw Broken("dlopen refuses it: \(String(cString: dlerror()))", .slot("fp_plugin_entry_v1"))
        }
        guard let symbol = dlsym(handle, FP_ENTRY_SYMBOL) else {
            throw Broken("it exports no \(FP_ENTRY_SYMBOL)", .slot("fp_plugin_entry_v1"))
        }
        let entry = unsafeBitCast(symbol, to: EntryPoint.self)
        host = HostRecord(shape: shape)
        Breadcrumb.shared.leave("fp_plugin_entry_v1")
        guard let pointer = entry(host.pointer) else {
            throw Broken("\(FP_ENTRY_SYMBOL) refuses a host of ABI 1.\(shape.minor)", .slot("fp_plugin_entry_v1"))
        }
        self.path = path
        self.entry = entry
        self.pointer = pointer
        table = try Self.copy(pointer)
        if load, let start = table.load {
            var invocation = Invocation()
            invocation.shape = shape
            try invocation.perform("load") { start(host.pointer, $0) }
        }
    }

    private static func copy(_ pointer: UnsafePointer<fp_plugin>) throws -> fp_plugin {
        let head = UnsafeRawPointer(pointer).loadUnaligned(as: fp_head.self)
        guard head.magic == FP_MAGIC else { throw Broken("its table does not begin with FP_MAGIC", .slot("fp_head")) }
        guard head.abi_major == FP_ABI_MAJOR else {
            throw Broken("it is built for ABI \(head.abi_major), where this kit tests ABI 1", .slot("fp_head"))
        }
        var table = fp_plugin()
        withUnsafeMutableBytes(of: &table) { room in
            let count = min(room.count, Int(head.struct_size))
            room.copyBytes(from: UnsafeRawBufferPointer(start: pointer, count: count))
        }
        return table
    }
}

/// The host as the plugin sees it (`fp_host`); collects what the plugin logs.
///
/// `@unchecked Sendable`: constant after init but for the lines and the count, which the lock guards.
final class HostRecord: @unchecked Sendable {
    struct Line: Sendable {
        let level: Int32
        let message: String
        let fields: [String]
    }

    let pointer: UnsafeMutablePointer<fp_host>
    private let lock = Lock()
    private var lines: [Line] = []
    private var blocks = 0

    init(shape: HostShape = .present) {
        var record = fp_host()
        record.abi_major = FP_ABI_MAJOR
        record.abi_minor = shape.minor
        record.log_level = UInt32(FP_LOG_TRACE)
        record.name = UnsafePointer(strdup("fphost"))
        record.version = UnsafePointer(strdup("0.0.0"))
        record.log = { host, level, message, fields, count in
            let pairs = UnsafeBufferPointer(start: fields, count: fields == nil ? 0 : count)
            HostRecord.of(host)?.add(
                Line(level: level, message: message.string, fields: pairs.flatMap { [$0.key.string, $0.value.string] }))
        }
        record.alloc = { host, size in
            HostRecord.of(host)?.count(1)
            return malloc(max(1, size))
        }
        record.realloc = { host, block, size in
            if block == nil { HostRecord.of(host)?.count(1) }
            return realloc(block, max(1, size))
        }
        record.free = { host, block in
            if block != nil { HostRecord.of(host)?.count(-1) }
            free(block)
        }
        record.get_extension = { _, _ in nil }
        // The plugin may keep the pointer for as long as the process lives, so this is never freed.
        pointer = shape.lend(record) { lent in
            let size = MemoryLayout<fp_host>.size
            let total = Int(UnsafeRawPointer(lent).load(as: UInt32.self))
            let room = shape.kind == .old ? GuardedRoom(size) : GuardedRoom(unguarded: total)
            memcpy(room.start, lent, total)
            return room.start.bindMemory(to: fp_host.self, capacity: 1)
        }
        pointer.pointee.host_data = Unmanaged.passRetained(self).toOpaque()
    }

    private static func of(_ host: UnsafePointer<fp_host>?) -> HostRecord? {
        guard let data = host?.pointee.host_data else { return nil }
        return Unmanaged<HostRecord>.fromOpaque(data).takeUnretainedValue()
    }

    private func add(_ line: Line) { lock.with { lines.append(line) } }
    private func count(_ change: Int) { lock.with { blocks += change } }

    var logged: [Line] { lock.with { lines } }
    /// Blocks of the host's allocator that the plugin holds.
    var heldBlocks: Int { lock.with { blocks } }
}
