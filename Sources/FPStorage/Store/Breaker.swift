import Synchronization

/// Decides whether calls on a store are let through, by the store's health and not by what single calls say.
///
/// Failing calls are a suspicion: a few make the store DEGRADED, and when there are enough, the back-end is asked. Only
/// if that question fails, or is answered with DOWN, the store goes down; then calls fail at once, and one probe at a
/// time finds out whether it is back. A single key on which calls fail does not take the store down, however often it
/// is tried.
final class Breaker: Sendable {
    /// What to do with a call.
    enum Admission: Equatable {
        case pass
        /// The store is down, and this caller is the one to ask how it is.
        case probe
        case refuse(retryAfter: Duration, reason: String)
    }

    /// How much worse an event makes things.
    enum Failure: Equatable {
        /// A call failed in a way that may be the back-end's fault.
        /// - Parameter subject: the key, or what else the call was about.
        case call(subject: Int)
        /// A health call failed, or a thread was lost.
        case grave
        /// The back-end rejects us; another try cannot help.
        case rejected
    }

    /// How the store is.
    struct Condition {
        var state = StoreHealth.State.ok
        var reason = ""
        /// Since when it has been in that state, in milliseconds since 1970.
        var since: Int64 = 0
    }

    // Weights, in quarters of a failing call: a further failure on the same key counts a quarter.
    private static let onePart = 1
    private static let oneCall = 4
    private static let oneGraveEvent = 16
    static let degradedAt = 3 * oneCall
    static let suspectAt = 8 * oneCall

    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(30)
    /// How many failing keys are told apart; the store is suspect long before there are as many.
    private static let knownSubjects = 16

    private struct State {
        /// What the back-end said of itself last; never `.down`.
        var reported = StoreHealth.State.ok
        var reportedDetail = ""
        var isDown = false
        var downReason = ""
        /// The weight of the failures since the last call that succeeded.
        var failures = 0
        var failure = ""
        var failedAt = MonotonicTime.now
        var subjects: [Int] = []
        /// The store was down, and no call has succeeded since.
        var isOnProbation = false
        var pause = Breaker.firstPause
        var probeAt = MonotonicTime.now
        var isProbing = false
        var changedAt = WallClock.milliseconds

        var isSuspect: Bool { !isDown && failures >= (isOnProbation ? 1 : Breaker.suspectAt) }

        var health: StoreHealth.State {
            isDown ? .down : max(reported, failures >= Breaker.degradedAt ? .degraded : .ok)
        }

        var reason: String {
            isDown ? downReason : failures >= Breaker.degradedAt ? failure : reportedDetail
        }

        mutating func forgetFailures() {
            failures = 0
            subjects = []
        }
    }

    private let state = Mutex(State())
    /// True while nothing is wrong: what the hot path reads instead of the lock.
    private let isClear = Atomic<Bool>(true)
    private let onChange: @Sendable (StoreHealth.State, String) -> Void

    init(onChange: @escaping @Sendable (StoreHealth.State, String) -> Void) {
        self.onChange = onChange
    }

    /// The state, the reason for it, and since when.
    var condition: Condition {
        state.withLock { Condition(state: $0.health, reason: $0.reason, since: $0.changedAt) }
    }

    /// - Parameter probing: whether the caller would ask the store how it is; one at a time is chosen.
    func admit(probing: Bool = true) -> Admission {
        if isClear.load(ordering: .relaxed) { return .pass }
        return state.withLock { state in
            guard state.isDown else { return .pass }
            let now = MonotonicTime.now
            if probing, now >= state.probeAt, !state.isProbing {
                state.isProbing = true
                return .probe
            }
            return .refuse(retryAfter: max(.seconds(1), state.probeAt - now), reason: state.downReason)
        }
    }

    /// A data call succeeded.
    func succeeded() {
        if isClear.load(ordering: .relaxed) { return }
        change { state in
            if state.isDown { return }
            state.forgetFailures()
            state.isOnProbation = false
            if state.reported == .ok { state.pause = Self.firstPause }
        }
    }

    /// Something failed that may be the back-end's fault.
    func failed(_ failure: Failure, _ reason: String) {
        change { state in
            if state.isDown { return }
            state.failures = min(state.failures + Self.weight(of: failure, &state), Self.suspectAt)
            state.failure = reason
            state.failedAt = .now
        }
    }

    /// Whether the caller is to ask the store how it is, since calls fail and nobody asks yet.
    func takeSuspicion() -> Bool {
        if isClear.load(ordering: .relaxed) { return false }
        return state.withLock { state in
            let now = MonotonicTime.now
            guard state.isSuspect, !state.isProbing, now >= state.probeAt else { return false }
            state.isProbing = true
            return true
        }
    }

    /// A health call came back. A store that was down is on probation: one more failure, and it is asked again.
    func reported(_ health: StoreHealth.State, _ detail: String) {
        change { state in
            state.isProbing = false
            if health == .down { return goDown(&state, detail) }
            state.reported = health
            state.reportedDetail = detail
            if state.isDown {
                state.isDown = false
                state.isOnProbation = true
                state.probeAt = .now
                state.forgetFailures()
            } else if state.isSuspect {
                // It is well, and the calls fail for reasons of their own: enough to say so, and to ask again only
                // after many more.
                state.failures = min(state.failures, Self.degradedAt)
                state.isOnProbation = false
                state.probeAt = .now + Self.firstPause
            } else if state.failures > 0, MonotonicTime.now - state.failedAt > Self.longestPause {
                state.forgetFailures()
            }
        }
    }

    /// A health call gave no answer; `failure` is what that says about the back-end, `nil` if nothing.
    func probeFailed(_ failure: Failure?, _ reason: String) {
        change { state in
            state.isProbing = false
            guard let failure else { return }
            if !state.isDown, !state.isSuspect {
                state.failures = min(state.failures + Self.weight(of: failure, &state), Self.suspectAt)
                state.failure = reason
                state.failedAt = .now
                guard state.isSuspect else { return }
            }
            goDown(&state, reason)
        }
    }

    /// How long until it is worth asking a store that is not well.
    var pauseBeforeProbe: Duration {
        state.withLock { state in
            state.isDown ? max(.seconds(1), state.probeAt - .now) : Self.firstPause
        }
    }

    private static func weight(of failure: Failure, _ state: inout State) -> Int {
        switch failure {
        case .grave: return oneGraveEvent
        case .rejected: return suspectAt
        case .call(let subject):
            if state.subjects.contains(subject) { return onePart }
            if state.subjects.count < knownSubjects { state.subjects.append(subject) }
            return oneCall
        }
    }

    private func goDown(_ state: inout State, _ reason: String) {
        let now = MonotonicTime.now
        state.downReason = reason
        if state.isDown, now < state.probeAt { return }
        state.isDown = true
        // Many hosts on one back-end must not all ask at the same moment.
        state.probeAt = now + state.pause * Double.random(in: 0.8...1.2)
        state.pause = min(state.pause * 2, Self.longestPause)
    }

    private func change(_ body: (inout State) -> Void) {
        let changed: (StoreHealth.State, String)? = state.withLock { state in
            let before = state.health
            body(&state)
            let health = state.health
            isClear.store(health == .ok && state.failures == 0 && !state.isOnProbation, ordering: .relaxed)
            if health == before { return nil }
            state.changedAt = WallClock.milliseconds
            return (health, state.reason)
        }
        if let changed { onChange(changed.0, changed.1) }
    }
}

extension StoreError {
    /// What the error says about the back-end, `nil` if nothing.
    /// - Parameter subject: what the call was about.
    func backendFailure(subject: Int) -> Breaker.Failure? {
        if isHostExhausted { return nil }
        switch code {
        case .transient, .timeout: return .call(subject: subject)
        case .auth: return .rejected
        case .other(let status): return status / 100 == 2 ? .call(subject: subject) : nil
        default: return nil
        }
    }
}
