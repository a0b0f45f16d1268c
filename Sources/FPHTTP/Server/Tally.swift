import Synchronization

/// Counts tasks under way, and lets a caller wait until there are none.
final class Tally: Sendable {
    private struct State {
        var count = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var lastWaiter = 0
    }

    private let state = Mutex(State())

    func enter() {
        state.withLock { $0.count += 1 }
    }

    func leave() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.count -= 1
            guard state.count == 0 else {
                return []
            }
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters {
            waiter.resume()
        }
    }

    /// Waits until the count is 0, or for the given time.
    ///
    /// - Returns: Whether the count reached 0.
    func isEmpty(within time: Duration) async -> Bool {
        await withTaskGroup { group in
            group.addTask {
                await self.drained()
                return true
            }
            group.addTask {
                try? await Task.sleep(for: time)
                return false
            }
            let isEmpty = await group.next() ?? false
            group.cancelAll()
            return isEmpty
        }
    }

    private func drained() async {
        let key = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.count == 0 || Task.isCancelled {
                        return true
                    }
                    state.waiters[key] = continuation
                    return false
                }
                if isDone {
                    continuation.resume()
                }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: key) }?.resume()
        }
    }
}
