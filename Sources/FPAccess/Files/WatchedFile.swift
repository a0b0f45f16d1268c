import Crypto
import FPThreads
import Logging
import Synchronization

/// What a file says, kept up to date while the host runs: whoever asks later than a second after a change gets the new
/// content. It costs a `stat` a second, and a read of a bounded file after a change. A disk that does not answer for a second
/// is waited for no longer: what the file said last holds on.
final class WatchedFile<Content: Sendable>: Sendable {
    private struct State {
        var content: Content
        /// Grows with each change.
        var generation = 0
        /// Of the bytes; `nil` if there never was a file.
        var digest: SHA256Digest?
        /// Of the version that was read last; `nil` while there is no file.
        var stamp: GuardedFile.Stamp?
        var isSettled = true
        /// What was logged last, so that it is logged once.
        var complaint: String?
    }

    private let path: String
    private let limit: Int
    private let clock: AccessClock
    private let logger: Logger
    private let parse: @Sendable ([UInt8], _ path: String) throws(AccessFileError) -> Content
    private let lookout: Lookout
    private let state: Mutex<State>

    /// Reads the file.
    /// - Parameters:
    ///   - limit: The most bytes that it may have.
    ///   - empty: What a file says that is not there; `nil` if it must be there.
    /// - Throws: ``AccessFileError`` if it cannot be used.
    init(
        _ path: String, limit: Int, empty: Content?, clock: AccessClock, logger: Logger,
        parse: @escaping @Sendable ([UInt8], _ path: String) throws(AccessFileError) -> Content
    ) throws(AccessFileError) {
        self.path = path
        self.limit = limit
        self.clock = clock
        self.logger = logger
        self.parse = parse
        let found = try GuardedFile.read(path, limit: limit)
        let content = if let found { try parse(found.bytes, path) } else { empty }
        guard let content else { throw AccessFileError(path, "does not exist; create it or correct the path") }
        lookout = Lookout(every: .seconds(1), patience: .seconds(1), now: clock.uptime())
        state = Mutex(
            State(
                content: content, digest: found.map { SHA256.hash(data: $0.bytes) }, stamp: found?.stamp,
                isSettled: found?.isSettled ?? true))
    }

    /// What the file said when it was last read, and a number that grows with each change.
    var latest: (content: Content, generation: Int) { state.withLock { ($0.content, $0.generation) } }

    /// Reads the file again if it has changed.
    func upToDate() async {
        await lookout.upToDate(at: clock.uptime(), whenLate: complain, look)
    }

    private func complain() {
        logger.error(
            "\(path) cannot be looked at: the disk does not answer, or the system has no thread left. What it said before goes on to hold."
        )
    }

    private func look() {
        var state = self.state.withLock(\.self)
        look(&state)
        self.state.withLock { $0 = state }
    }

    /// A version that cannot be used changes nothing: the last good one stands.
    private func look(_ state: inout State) {
        let stamp = GuardedFile.stamp(at: path)
        if stamp == state.stamp, state.isSettled { return }
        let isNew = stamp != state.stamp
        state.stamp = stamp
        state.isSettled = true
        do throws(AccessFileError) {
            guard let found = try GuardedFile.read(path, limit: limit) else {
                throw AccessFileError(path, "is gone")
            }
            state.stamp = found.stamp
            state.isSettled = found.isSettled
            let digest = SHA256.hash(data: found.bytes)
            if digest != state.digest {
                state.content = try parse(found.bytes, path)
                state.digest = digest
                state.generation += 1
            }
            if isNew || state.complaint != nil { logger.info("read \(path) again") }
            state.complaint = nil
        } catch {
            // It may pass without another change of the file, and what was revoked there must not come back.
            state.isSettled = false
            guard state.complaint != error.description else { return }
            state.complaint = error.description
            logger.error("\(error.description) What it said before goes on to hold.")
        }
    }
}
