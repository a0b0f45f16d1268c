import FPPluginAPI

// Sendable by hand: the record is constant and every member of it may be called from any thread (contract, fp_host).
/// The host that loaded the plugin: its name, and its log.
///
/// The one given to a store is valid until the store's `close()` returns.
public struct Host: @unchecked Sendable {
    private let raw: UnsafePointer<fp_host>
    private let record: fp_host

    init(_ raw: UnsafePointer<fp_host>) {
        self.raw = raw
        record = readHostStruct(raw)
    }

    /// How much a log line matters.
    public enum LogLevel: UInt32, Sendable, Comparable {
        /// Every step.
        case trace = 0
        /// For somebody who looks for a fault.
        case debug = 1
        /// Worth a line in a healthy system.
        case info = 2
        /// Somebody should look, soon.
        case warning = 3
        /// Somebody should look, now.
        case error = 4

        /// By weight.
        public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
    }

    /// "fphost", or the name of another host.
    public var name: String { record.name.map { String(cString: $0) } ?? "" }

    /// The host's version, as it prints it.
    public var version: String { record.version.map { String(cString: $0) } ?? "" }

    /// True if a line of this level would be kept.
    public func records(_ level: LogLevel) -> Bool { level.rawValue >= record.log_level }

    /// Writes a line to the host's log. The host masks the values of secret options.
    public func log(
        _ level: LogLevel, _ message: @autoclosure () -> String,
        _ fields: @autoclosure () -> [(key: String, value: String)] = []
    ) {
        guard records(level), let write = record.log else { return }
        let fields = fields()
        withBorrowed(message()) { message in
            // All fields share one buffer, so that their pointers stay valid together.
            var text: [UInt8] = []
            for field in fields {
                text += field.key.utf8
                text += field.value.utf8
            }
            withBorrowed(text) { all in
                var position = 0
                func next(_ string: String) -> fp_str {
                    defer { position += string.utf8.count }
                    return fp_str(ptr: all.ptr.map { $0 + position }, len: string.utf8.count)
                }
                let pairs = fields.map { fp_kv(key: next($0.key), value: next($0.value)) }
                pairs.withUnsafeBufferPointer {
                    write(raw, Int32(level.rawValue), message, $0.baseAddress, $0.count)
                }
            }
        }
    }
}
