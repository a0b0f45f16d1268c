import CFPStorage
import FPPluginAPI
import Glibc
import Synchronization

/// Who this host is, for plugins to see.
public struct PluginHostInfo: Sendable {
    /// The program's name.
    public var name: String
    /// Its version, `2.3.1`.
    public var version: String

    /// Makes a description of the host.
    public init(name: String = "fphost", version: String) {
        self.name = name
        self.version = version
    }
}

/// What the host offers one plugin or one store (`fp_host`): a log, and memory that is counted.
///
/// `@unchecked Sendable`: the pointers are written in `init` and freed in `deinit` only; in between plugins and host
/// read them from any thread. Whoever hands `pointer` to a plugin keeps this object for as long as the plugin may use it.
final class HostTable: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<fp_host>
    let log: PluginLog
    let info: PluginHostInfo
    private let allocated = Atomic<Int>(0)
    private let name: UnsafeMutablePointer<CChar>?
    private let version: UnsafeMutablePointer<CChar>?

    /// Bytes that the plugin holds of what it got from the host's allocator.
    var allocatedBytes: Int { allocated.load(ordering: .relaxed) }

    init(info: PluginHostInfo, log: PluginLog) {
        self.info = info
        self.log = log
        name = strdup(info.name)
        version = strdup(info.version)
        pointer = .allocate(capacity: 1)
        pointer.initialize(
            to: fp_host(
                struct_size: UInt32(MemoryLayout<fp_host>.size), abi_major: FP_ABI_MAJOR, abi_minor: FP_ABI_MINOR,
                log_level: log.contractLevel, name: name, version: version, host_data: nil,
                log: { host, level, message, fields, count in
                    guard let table = HostTable.of(host) else { return }
                    let pairs = UnsafeBufferPointer(start: fields, count: fields == nil ? 0 : count)
                    table.log.record(
                        level: level, message: message.string, fields: pairs.map { ($0.key.string, $0.value.string) })
                },
                alloc: { host, size in HostTable.of(host)?.metered(nil, size) },
                realloc: { host, block, size in HostTable.of(host)?.metered(block, size) },
                free: { host, block in HostTable.of(host)?.release(block) },
                get_extension: { _, _ in nil }))
        pointer.pointee.host_data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        pointer.deallocate()
        free(name)
        free(version)
    }

    private static func of(_ host: UnsafePointer<fp_host>?) -> HostTable? {
        guard let data = host?.pointee.host_data else { return nil }
        return Unmanaged<HostTable>.fromOpaque(data).takeUnretainedValue()
    }

    private func metered(_ block: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
        let before = block.map { fps_block_size($0) } ?? 0
        // glibc aligns to 16 bytes on every 64-bit machine, as the contract asks.
        guard let grown = realloc(block, max(1, size)) else { return nil }
        allocated.add(fps_block_size(grown) - before, ordering: .relaxed)
        return grown
    }

    private func release(_ block: UnsafeMutableRawPointer?) {
        guard let block else { return }
        allocated.subtract(fps_block_size(block), ordering: .relaxed)
        free(block)
    }
}
