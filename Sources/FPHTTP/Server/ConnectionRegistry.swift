import NIOCore
import Synchronization

/// The connections that a server has.
final class ConnectionRegistry: Sendable {
    private struct State {
        var handles: [ObjectIdentifier: ConnectionHandle] = [:]
        var waiting: [@Sendable () -> Void] = []
    }

    private let limit: Int
    private let state = Mutex(State())
    private let tally = Tally()

    init(limit: Int) {
        self.limit = limit
    }

    func insert(_ handle: ConnectionHandle) {
        tally.enter()
        state.withLock { $0.handles[ObjectIdentifier(handle)] = handle }
    }

    func remove(_ handle: ConnectionHandle) {
        let waiting = state.withLock { state -> [@Sendable () -> Void] in
            state.handles[ObjectIdentifier(handle)] = nil
            guard state.handles.count < limit else {
                return []
            }
            defer { state.waiting = [] }
            return state.waiting
        }
        tally.leave()
        for work in waiting {
            work()
        }
    }

    /// Whether another connection may come; if not, `work` runs once when one may.
    func hasRoom(orLater work: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.handles.count < limit {
                return true
            }
            state.waiting.append(work)
            return false
        }
    }

    func forEach(_ work: @escaping @Sendable (any ServedConnection) -> Void) {
        for handle in state.withLock({ Array($0.handles.values) }) {
            handle.run(work)
        }
    }

    /// Waits until there are none, or for the given time.
    func isEmpty(within time: Duration) async -> Bool {
        await tally.isEmpty(within: time)
    }
}
