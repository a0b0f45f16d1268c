import FPStorage
import Logging
import Synchronization

/// Whether the staging store has room for one more upload beside the reserve.
///
/// The store is asked at most once a second, and what was let in since then counts as if it were there already. What is
/// under way is not asked again: the reserve is what it goes on with.
final class StagingSpace: Sendable {
    private struct State {
        /// What the store said last that is free.
        var free: UInt64?
        var askedAt: ContinuousClock.Instant?
        /// The bytes let in since the start, and how many of them there were when the store was asked.
        var admitted: UInt64 = 0
        var admittedBefore: UInt64 = 0
        var asking: Task<Void, Never>?
        var hasWarned = false
    }

    private static let wait: Duration = .seconds(60)

    private let store: Store
    private let reserve: UInt64
    private let freshness: Duration
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - reserve: the bytes that are to stay free; 0 for none, and then nothing is asked.
    ///   - freshness: how long an answer of the store holds.
    init(_ store: Store, reserve: UInt64, freshness: Duration = .seconds(1), logger: Logger) {
        self.freshness = freshness
        self.store = store
        self.reserve = reserve
        self.logger = logger
    }

    /// Lets an upload in.
    /// - Parameter length: how many bytes it announces; 0 if it does not say.
    /// - Throws: ``UploadError`` of the kind ``UploadError/Kind/noSpace`` if the reserve would be touched. A store that
    ///   does not answer, or does not know, lets everything in: the write itself fails if it must.
    func admit(_ length: UInt64) async throws(UploadError) {
        guard reserve > 0 else { return }
        await refresh()
        let isRoom = state.withLock { state in
            guard let free = state.free else { return true }
            let pending = state.admitted - state.admittedBefore
            let (taken, overflow) = pending.addingReportingOverflow(length)
            let (needed, isTooMuch) = taken.addingReportingOverflow(reserve)
            guard !overflow, !isTooMuch, needed <= free else { return false }
            state.admitted += length
            return true
        }
        guard isRoom else {
            throw UploadError(
                .noSpace, "The server has no room for this upload at the moment; try again later.",
                detail:
                    "the staging store \"\(store.name)\" is down to the reserve of \(reserve) bytes (uploads.reserve)",
                retryAfter: Self.wait)
        }
    }

    /// Asks the store, unless it was asked just now. Those who come meanwhile wait for one answer.
    private func refresh() async {
        let asking = state.withLock { state -> Task<Void, Never>? in
            if let asked = state.askedAt, asked.duration(to: .now) < freshness { return nil }
            if let asking = state.asking { return asking }
            let admitted = state.admitted
            let asking = Task { await self.ask(admittedBefore: admitted) }
            state.asking = asking
            return asking
        }
        await asking?.value
    }

    private func ask(admittedBefore admitted: UInt64) async {
        let health = try? await store.health()
        let isNews = state.withLock { state in
            state.free = health?.freeBytes
            state.askedAt = .now
            state.admittedBefore = admitted
            state.asking = nil
            guard let health, health.freeBytes == nil, !state.hasWarned else { return false }
            state.hasWarned = true
            return true
        }
        if isNews {
            logger.warning(
                """
                the staging store "\(store.name)" does not say how much room it has, so uploads.reserve has no effect
                """)
        }
    }
}
