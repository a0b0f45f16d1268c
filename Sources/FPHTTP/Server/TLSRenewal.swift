import Glibc
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// The certificate that new connections are shown: that of the files, as they are now.
///
/// A connection keeps what it began with. A pair of files that is no good, as when only one of them is replaced so far,
/// changes nothing.
final class TLSRenewal: Sendable {
    /// Tells one version of a file from the next.
    private struct Stamp: Equatable {
        var device: UInt = 0
        var inode: UInt = 0
        var size = 0
        var seconds = 0
        var nanoseconds = 0

        init(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return }
            (device, inode, size) = (UInt(status.st_dev), UInt(status.st_ino), Int(status.st_size))
            (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        }
    }

    private struct State {
        var identity: TLSIdentity
        var stamps: [Stamp]
        /// The day of the last warning that the certificate expires.
        var warned: Int64 = 0
    }

    private let files: TLSIdentity.Files
    private let protocols: [String]
    private let state: Mutex<State>

    /// - Parameter protocols: What clients may choose from (RFC 7301), the preferred one first.
    /// - Throws: What ``TLSIdentity/init(_:protocols:)`` throws.
    init(_ files: TLSIdentity.Files, protocols: [String]) throws(TLSIdentity.Failure) {
        self.files = files
        self.protocols = protocols
        let stamps = Self.stamps(files)
        state = Mutex(State(identity: try TLSIdentity(files, protocols: protocols), stamps: stamps))
    }

    /// What a new connection encrypts with.
    func handler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: state.withLock { $0.identity.context })
    }

    /// Looks at the files every so often, on a thread that may block, until the task is cancelled.
    func run(every interval: Duration, logger: Logger) async {
        while !Task.isCancelled {
            try? await NIOThreadPool.singleton.runIfActive { self.check(logger) }
            try? await Task.sleep(for: interval)
        }
    }

    /// Reads the files if they have changed. Blocks.
    func check(_ logger: Logger) {
        let stamps = Self.stamps(files)
        if state.withLock({ $0.stamps != stamps }) {
            do throws(TLSIdentity.Failure) {
                let identity = try TLSIdentity(files, protocols: protocols)
                state.withLock { $0.identity = identity }
                logger.notice("new connections get the new certificate of \(files.certificate)")
            } catch {
                logger.error("\(error); connections go on to get the certificate of before")
            }
            state.withLock { $0.stamps = stamps }
        }
        let now = Int64(time(nil))
        let warning = state.withLock { state -> String? in
            guard state.warned != now / 86_400 else { return nil }
            state.warned = now / 86_400
            return state.identity.expiryWarning(at: now)
        }
        if let warning { logger.warning("\(files.certificate): \(warning)") }
    }

    private static func stamps(_ files: TLSIdentity.Files) -> [Stamp] {
        [Stamp(files.certificate), Stamp(files.key)]
    }
}
