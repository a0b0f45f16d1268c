import Synchronization

/// Decides whether calls on a store are let through. Failures of the back-end in a row make the store DEGRADED, then
/// DOWN; while it is down calls fail at once, and one probe at a time finds out whether it is back.
final class Breaker: Sendable {
    /// What to do with a call.
    enum Admission: Equatable {
        case pass
        /// The store is down, and this caller is the one to ask how it is.
        case probe
        case refuse(retryAfter: Duration, reason: String)
    }

    /// How much worse an event makes things.
    enum Failure {
        /// A call failed in a way that is the back-end's fault.
        case call
        /// A health call failed, or a thread was lost.
        case grave
        /// The back-end rejects us; another try cannot help.
        case rejected

        var weight: Int {
            switch self {
            case .call: 1
            case .grave: 4
            case .rejected: Breaker.downAt
            }
        }
    }

    static let degradedAt = 3
    static let downAt = 8
    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(30)

    private struct State {
        var health = StoreHealth.State.ok
        var reason = ""
        var failures = 0
        var pause = Breaker.firstPause
        var probeAt = MonotonicTime.now
        var isProbing = false
    }

    private let state = Mutex(State())
    /// True while nothing is wrong: what the hot path reads instead of the lock.
    private let isClear = Atomic<Bool>(true)
    private let onChange: @Sendable (StoreHealth.State, String) -> Void

    init(onChange: @escaping @Sendable (StoreHealth.State, String) -> Void) {
        self.onChange = onChange
    }

    /// The state and the reason for it.
    var condition: (state: StoreHealth.State, reason: String) {
        if isClear.load(ordering: .relaxed) { return (.ok, "") }
        return state.withLock { ($0.health, $0.reason) }
    }

    /// - Parameter probing: whether the caller would ask the store how it is; one at a time is chosen.
    func admit(probing: Bool = true) -> Admission {
        if isClear.load(ordering: .relaxed) { return .pass }
        return state.withLock { state in
            guard state.health == .down else { return .pass }
            let now = MonotonicTime.now
            if probing, now >= state.probeAt, !state.isProbing {
                state.isProbing = true
                return .probe
            }
            return .refuse(retryAfter: max(.seconds(1), state.probeAt - now), reason: state.reason)
        }
    }

    /// A data call came back well.
    func succeeded() {
        if isClear.load(ordering: .relaxed) { return }
        state.withLock { state in
            if state.health == .down { return }
            state.failures = 0
            if state.health == .ok {
                state.pause = Self.firstPause
                isClear.store(true, ordering: .relaxed)
            }
        }
    }

    /// Something failed that is the back-end's fault.
    func failed(_ failure: Failure, _ reason: String) {
        change { state in
            state.failures += failure.weight
            state.reason = reason
            if state.failures >= Self.downAt {
                goDown(&state)
            } else if state.failures >= Self.degradedAt {
                state.health = max(state.health, .degraded)
            }
        }
    }

    /// A health call came back. A store that was down is on probation: one more failure and it is down again.
    func reported(_ health: StoreHealth.State, _ detail: String) {
        change { state in
            state.isProbing = false
            state.reason = detail
            switch health {
            case .down:
                state.failures = Self.downAt
                goDown(&state)
            case .ok, .degraded:
                if state.health == .down { state.failures = Self.downAt - 1 }
                state.health = health
            }
        }
    }

    /// A health call came to nothing; `failure` is what that says of the back-end, `nil` if nothing.
    func probeFailed(_ failure: Failure?, _ reason: String) {
        if let failure { failed(failure, reason) }
        state.withLock { $0.isProbing = false }
    }

    /// How long until it is worth asking a store that is not well.
    var pauseBeforeProbe: Duration {
        state.withLock { state in
            state.health == .down ? max(.seconds(1), state.probeAt - .now) : Self.firstPause
        }
    }

    private func goDown(_ state: inout State) {
        let now = MonotonicTime.now
        if state.health == .down, now < state.probeAt { return }
        state.health = .down
        // Many hosts on one back-end must not all ask at the same moment.
        state.probeAt = now + state.pause * Double.random(in: 0.8...1.2)
        state.pause = min(state.pause * 2, Self.longestPause)
    }

    private func change(_ body: (inout State) -> Void) {
        let changed: (StoreHealth.State, String)? = state.withLock { state in
            let before = state.health
            body(&state)
            isClear.store(state.health == .ok && state.failures == 0, ordering: .relaxed)
            return state.health == before ? nil : (state.health, state.reason)
        }
        if let changed { onChange(changed.0, changed.1) }
    }
}

extension StoreError {
    /// What the error says about the back-end, `nil` if nothing.
    var backendFailure: Breaker.Failure? {
        switch code {
        case .transient, .timeout: .call
        case .auth: .rejected
        case .other(let status): status / 100 == 2 ? .call : nil
        default: nil
        }
    }
}
