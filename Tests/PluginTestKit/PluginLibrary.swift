import FPPluginAPI
import Glibc

/// A plugin as a host sees it: a table of C functions.
package final class PluginLibrary: Sendable {
    // The table is constant and lives as long as the process.
    nonisolated(unsafe) package let table: UnsafePointer<fp_plugin>

    /// Loads `lib<name>.so` from the directory that the tests themselves were built into.
    package init(named name: String) throws {
        let path = try Self.buildDirectory() + "/lib\(name).so"
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw Problem("cannot load \(path): \(String(cString: dlerror()))")
        }
        guard let symbol = dlsym(library, FP_ENTRY_SYMBOL) else { throw Problem("\(path) has no entry point") }
        let entry = unsafeBitCast(symbol, to: fp_plugin_entry_fn.self)
        guard let table = HostRecord.shared.withPointer({ entry($0) }) else { throw Problem("\(path) refuses us") }
        self.table = table
    }

    /// Takes a plugin that is linked into the tests.
    package init(entry: (UnsafePointer<fp_host>?) -> UnsafePointer<fp_plugin>?) throws {
        guard let table = HostRecord.shared.withPointer({ entry($0) }) else { throw Problem("the plugin refuses us") }
        self.table = table
    }

    /// Where the test bundle lies, and every other product beside it.
    package static func buildDirectory() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw Problem("cannot read /proc/self/exe") }
        let path = String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard let slash = path.lastIndex(of: "/") else { throw Problem("no directory in \(path)") }
        return String(path[..<slash])
    }
}

/// What went wrong in the tests' own machinery.
package struct Problem: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// The host's side as the plugin sees it; collects what the plugin logs.
package final class HostRecord: @unchecked Sendable {
    package static let shared = HostRecord()
    // Constant after init, but for the lines, which the lock guards: hence Sendable by hand.
    private let record: UnsafeMutablePointer<fp_host>
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var lines: [LogLine] = []

    /// A line that the plugin logged.
    package struct LogLine: Sendable {
        package let level: Int32
        package let message: String
        package let fields: [String: String]
    }

    package init(structSize: Int = MemoryLayout<fp_host>.size, major: UInt32 = FP_ABI_MAJOR) {
        pthread_mutex_init(lock, nil)
        record = .allocate(capacity: 1)
        record.initialize(to: fp_host())
        record.pointee.struct_size = UInt32(structSize)
        record.pointee.abi_major = major
        record.pointee.abi_minor = FP_ABI_MINOR
        record.pointee.name = UnsafePointer(strdup("tests"))
        record.pointee.version = UnsafePointer(strdup("0.0.1"))
        record.pointee.host_data = Unmanaged.passUnretained(self).toOpaque()
        record.pointee.log = { host, level, message, fields, count in
            guard let data = host?.pointee.host_data else { return }
            let pairs = UnsafeBufferPointer(start: fields, count: count).map { ($0.key.string, $0.value.string) }
            Unmanaged<HostRecord>.fromOpaque(data).takeUnretainedValue()
                .add(LogLine(level: level, message: message.string, fields: Dictionary(uniqueKeysWithValues: pairs)))
        }
    }

    package func withPointer<Result>(_ body: (UnsafePointer<fp_host>) throws -> Result) rethrows -> Result {
        try body(record)
    }

    package var logged: [LogLine] {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return lines
    }

    private func add(_ line: LogLine) {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        lines.append(line)
    }
}

extension fp_str {
    /// The text that the other side lent.
    package var string: String {
        String(decoding: UnsafeRawBufferPointer(start: ptr, count: ptr == nil ? 0 : len), as: UTF8.self)
    }

    package var array: [UInt8] { Array(UnsafeRawBufferPointer(start: ptr, count: ptr == nil ? 0 : len)) }
}

/// Lends bytes as an `fp_str` with the zero behind them that the contract promises.
package func lend<Result>(_ bytes: some Collection<UInt8>, _ body: (fp_str) throws -> Result) rethrows -> Result {
    try (Array(bytes) + [0]).withUnsafeBytes {
        try body(fp_str(ptr: $0.baseAddress?.assumingMemoryBound(to: CChar.self), len: bytes.count))
    }
}

package func lend<Result>(_ text: String, _ body: (fp_str) throws -> Result) rethrows -> Result {
    try lend(Array(text.utf8), body)
}
