import FPPluginAPI
import Glibc

/// The host as the plugin sees it (`fp_host`): collects what the plugin logs, and counts what it allocates.
///
/// `@unchecked Sendable`: constant after init but for the lines and the count, which the lock guards.
package final class HostRecord: @unchecked Sendable {
    /// A line that the plugin logged.
    package struct Line: Sendable {
        package let level: Int32
        package let message: String
        /// Names and values in turn.
        package let fields: [String]
    }

    package let pointer: UnsafeMutablePointer<fp_host>
    private let lock = Lock()
    private var lines: [Line] = []
    private var blocks = 0

    package init(shape: HostShape = .present) {
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
        pointer = shape.place(record).pointer
        pointer.pointee.host_data = Unmanaged.passRetained(self).toOpaque()
    }

    private static func of(_ host: UnsafePointer<fp_host>?) -> HostRecord? {
        guard let data = host?.pointee.host_data else { return nil }
        return Unmanaged<HostRecord>.fromOpaque(data).takeUnretainedValue()
    }

    private func add(_ line: Line) { lock.with { lines.append(line) } }
    private func count(_ change: Int) { lock.with { blocks += change } }

    package var logged: [Line] { lock.with { lines } }
    /// Blocks of the host's allocator that the plugin holds.
    package var heldBlocks: Int { lock.with { blocks } }
}
