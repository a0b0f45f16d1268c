import FPPluginKit
import Synchronization

/// The host's log, for threads of the plugin: the host may take it away when the store is closed.
final class Log: Sendable {
    private let host: Mutex<Host?>

    init(_ host: Host) { self.host = Mutex(host) }

    func write(_ level: Host.LogLevel, _ message: @autoclosure () -> String) {
        host.withLock { $0?.log(level, message()) }
    }

    func close() { host.withLock { $0 = nil } }
}
