import Synchronization

/// What the last writes to a store, and its health calls, said about whether it can be written.
///
/// A write that fails for lack of space or of permission is recorded at once. A later write that succeeds, or a deep
/// health call, clears the record, so that the store recovers even if no caller writes to it meanwhile.
final class WriteRecord: Sendable {
    /// Something that the store cannot do.
    struct Trouble {
        /// The back-end's words, for the operator.
        var reason: String
        /// In milliseconds since 1970.
        var since = WallClock.milliseconds
    }

    private struct State {
        /// From a write that failed.
        var learned: [StoreHealth.Limits.RawValue: Trouble] = [:]
        /// From health.
        var reported: [StoreHealth.Limits.RawValue: Trouble] = [:]
        var probeAt = MonotonicTime.now
    }

    /// The time between two deep health calls.
    private static let probePause = Duration.seconds(2)
    private static let known: [StoreHealth.Limits] = [.cannotWrite, .noSpace]

    private let state = Mutex(State())
    /// Whether a success has something to take back: what the hot path reads instead of the lock.
    private let hasLearned = Atomic<Bool>(false)

    /// What the store cannot do at the moment.
    var troubles: [(limit: StoreHealth.Limits, trouble: Trouble)] {
        state.withLock { state in
            Self.known.compactMap { limit in
                (state.learned[limit.rawValue] ?? state.reported[limit.rawValue]).map { (limit, $0) }
            }
        }
    }

    /// A call succeeded.
    func succeeded(_ operation: StoreOperation) {
        guard hasLearned.load(ordering: .relaxed) else { return }
        let proven = operation.provesWriting
        guard !proven.isEmpty else { return }
        forget(proven)
    }

    /// A call failed.
    /// - Parameter isOwnKey: whether the host generated the key. No rule of the store can be about such a key, so if it
    ///   is denied, writing as such is.
    func failed(_ operation: StoreOperation, _ error: StoreError, isOwnKey: Bool) {
        let limit: StoreHealth.Limits =
            switch error.code {
            case .readOnly: .cannotWrite
            case .denied where isOwnKey && operation.changesStore: .cannotWrite
            case .noSpace: .noSpace
            default: []
            }
        guard !limit.isEmpty else { return }
        state.withLock { state in
            hasLearned.store(true, ordering: .relaxed)
            let reason = "\(operation.rawValue): \(error.message)"
            if state.learned[limit.rawValue]?.reason == reason { return }
            let since = state.learned[limit.rawValue]?.since
            state.learned[limit.rawValue] = Trouble(reason: reason, since: since ?? WallClock.milliseconds)
        }
    }

    /// What a health call said.
    func reported(_ health: StoreHealth) {
        state.withLock { state in
            for limit in Self.known {
                guard health.limits.contains(limit) else {
                    state.reported[limit.rawValue] = nil
                    continue
                }
                let since = state.reported[limit.rawValue]?.since ?? WallClock.milliseconds
                state.reported[limit.rawValue] = Trouble(reason: health.detail, since: since)
            }
        }
    }

    /// Whether the caller is to find out by a deep health call if what was learned from a write still holds.
    func takeProbe() -> Bool {
        guard hasLearned.load(ordering: .relaxed) else { return false }
        return state.withLock { state in
            let now = MonotonicTime.now
            guard !state.learned.isEmpty, now >= state.probeAt else { return false }
            state.probeAt = now + Self.probePause
            return true
        }
    }

    /// A deep health call wrote, read and removed an object.
    func proven() {
        forget([.cannotWrite, .noSpace])
    }

    private func forget(_ limits: StoreHealth.Limits) {
        state.withLock { state in
            for limit in Self.known where limits.contains(limit) { state.learned[limit.rawValue] = nil }
            hasLearned.store(!state.learned.isEmpty, ordering: .relaxed)
        }
    }
}

extension StoreOperation {
    /// Which troubles a success disproves. Only written bytes prove that there is space; a copy may need none.
    fileprivate var provesWriting: StoreHealth.Limits {
        switch self {
        case .writeSync, .writeCommit, .put: [.cannotWrite, .noSpace]
        case .copy, .transfer: .cannotWrite
        default: []
        }
    }
}
