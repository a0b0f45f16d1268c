import FPFormats
import FPThreads
import Glibc
import Logging
import Synchronization

/// A file with keys, read again when it has changed. What replaces it and is no good leaves the last good keys in force.
final class KeyFile: Sendable {
    enum Form: Sendable {
        case pem, keySet
    }

    private struct Stamp: Equatable {
        var inode: UInt64
        var size: Int64
        var modified: [Int]
    }

    private struct State {
        var keys: [VerificationKey]
        var revision = 0
        /// Of the file as it was read.
        var stamp: Stamp?
        /// What was logged last of a file that is no good, so that it is logged once.
        var complaint: String?
    }

    private let path: String
    private let form: Form
    private let logger: Logger
    private let start: ContinuousClock.Instant
    private let lookout = Lookout(every: .seconds(1), patience: .seconds(1), now: .zero)
    private let state: Mutex<State>

    /// Reads the file.
    /// - Throws: The end of a sentence that begins with the path.
    init(_ path: String, _ form: Form, logger: Logger, now: ContinuousClock.Instant) throws(Complaint) {
        self.path = path
        self.form = form
        self.logger = logger
        start = now
        let stamp = Self.stamp(of: path)
        state = Mutex(State(keys: try Self.read(path, form), stamp: stamp))
    }

    /// The keys, and how often they have changed. Looks at the file once a second, and reads it when it has changed.
    func current(_ now: ContinuousClock.Instant) async -> (keys: [VerificationKey], revision: Int) {
        await lookout.upToDate(at: start.duration(to: now), whenLate: complain, look)
        return state.withLock { ($0.keys, $0.revision) }
    }

    private func complain() {
        logger.error(
            "\(path) cannot be looked at: the disk does not answer, or the system has no thread left. The keys that it had before stay in force."
        )
    }

    private func look() {
        var state = self.state.withLock(\.self)
        let stamp = Self.stamp(of: path)
        guard stamp != state.stamp else { return }
        renew(&state, stamp)
        self.state.withLock { $0 = state }
    }

    /// What fails is tried again at the next look: it may pass without another change of the file.
    private func renew(_ state: inout State, _ stamp: Stamp?) {
        do throws(Complaint) {
            state.keys = try Self.read(path, form)
            state.stamp = stamp
            state.revision += 1
            state.complaint = nil
            logger.notice("\(path) has changed; it has \(state.keys.count) keys for tokens now")
        } catch {
            guard state.complaint != error.text else { return }
            state.complaint = error.text
            logger.error("\(path) \(error.text). The keys that it had before stay in force.")
        }
    }

    private static func stamp(of path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: [
                status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
            ])
    }

    /// The keys of a file.
    /// - Throws: The end of a sentence that begins with the path.
    static func read(_ path: String, _ form: Form) throws(Complaint) -> [VerificationKey] {
        let bytes = try contents(of: path)
        return switch form {
        case .pem: try KeyText.pem(bytes)
        case .keySet: try KeyText.keySet(bytes, takesSecrets: true)
        }
    }

    private static func contents(of path: String) throws(Complaint) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw failed() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failed() }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Complaint("is not a regular file") }
        guard status.st_mode & S_IWOTH == 0 else {
            throw Complaint(
                "may be changed by any user of this machine, who could then make tokens; run: chmod o-w on it")
        }
        guard status.st_size <= KeyText.longest else {
            throw Complaint("is larger than \(Quantity.size.text(Int64(KeyText.longest)))")
        }
        var bytes = [UInt8](repeating: 0, count: KeyText.longest)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw failed() }
            if got == 0 { break }
            count += got
        }
        return Array(bytes[..<count])
    }

    private static func failed() -> Complaint { Complaint("cannot be read: \(String(cString: strerror(errno)))") }
}
