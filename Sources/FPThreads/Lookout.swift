import Synchronization

/// Looks at something that may have changed, once in a while and when somebody needs it: on a thread of its own, so that a
/// slow disk stalls no thread that has other work. Who needs it waits for a look that is under way, but not for long.
package final class Lookout: Sendable {
    private struct State {
        /// When the next look is due.
        var next: Duration
        /// How many looks were begun.
        var number = 0
        var isLooking = false
        /// The look takes so long that nobody waits for it any more.
        var isLate = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private enum Step {
        case go, wait, look
    }

    private let interval: Duration
    private let patience: Duration
    private let state: Mutex<State>

    /// - Parameters:
    ///   - interval: The time between two looks.
    ///   - patience: How long anybody waits for one.
    ///   - now: The time of the look that was the first.
    package init(every interval: Duration, patience: Duration, now: Duration) {
        self.interval = interval
        self.patience = patience
        state = Mutex(State(next: now + interval))
    }

    /// Has a look if one is due. Returns when it is over, unless that takes too long.
    /// - Parameters:
    ///   - now: The time, from a clock that never goes back.
    ///   - whenLate: Is called once for a look that nobody waits for any more, or that no thread can be had for.
    ///   - look: What to do; never twice at once.
    package func upToDate(
        at now: Duration, whenLate: @escaping @Sendable () -> Void, _ look: @escaping @Sendable () -> Void
    ) async {
        let step = state.withLock { state -> Step in
            if state.isLooking { return state.isLate ? .go : .wait }
            guard now >= state.next else { return .go }
            state.next = now + interval
            state.number += 1
            state.isLooking = true
            return .look
        }
        if step == .go { return }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                guard state.isLooking, !state.isLate else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
            if step == .look { begin(look, whenLate) }
        }
    }

    private func begin(_ look: @escaping @Sendable () -> Void, _ whenLate: @escaping @Sendable () -> Void) {
        let number = state.withLock(\.number)
        let timer = Task {
            do { try await Task.sleep(for: patience) } catch { return }
            if giveUp(number) { whenLate() }
        }
        let isStarted = DetachedThread.start {
            look()
            timer.cancel()
            self.end()
        }
        guard !isStarted else { return }
        timer.cancel()
        end()
        whenLate()
    }

    private func giveUp(_ number: Int) -> Bool {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
            guard state.isLooking, state.number == number else { return nil }
            state.isLate = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting ?? [] { continuation.resume() }
        return waiting != nil
    }

    private func end() {
        let waiting = state.withLock { state in
            state.isLooking = false
            state.isLate = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
