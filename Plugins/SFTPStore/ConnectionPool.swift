import FPPluginKit
import Synchronization

/// The connections of a store. They are opened when there is work for them, and again after they broke.
final class ConnectionPool: Sendable {
    let settings: Settings
    private let sight = RootSight()
    private let log: Log
    private let state = Mutex(State())

    private struct State {
        var connections: [Connection] = []
        var isClosed = false
    }

    /// What the connection is for.
    enum Purpose {
        /// A few requests: any connection that is up will do.
        case requests
        /// A file's bytes: better a connection of its own.
        case bytes
    }

    init(_ settings: Settings, _ log: Log) {
        self.settings = settings
        self.log = log
    }

    /// A connection that is open, the least busy one.
    func connection(for purpose: Purpose, _ call: borrowing Call) throws(PluginError) -> Connection {
        let (chosen, isNew) = try choose(purpose)
        do throws(PluginError) {
            try chosen.waitUntilOpen(call)
            return chosen
        } catch {
            // A server that refuses another connection still serves those that it has.
            guard isNew, chosen.isClosed, let other = leastBusy() else { throw error }
            log.write(.warning, "no further connection, so that \(settings.server.name) is slower: \(error.message)")
            return other
        }
    }

    /// One that is up, for what need not succeed.
    var anyOpen: Connection? { leastBusy() }

    private func leastBusy() -> Connection? {
        state.withLock { $0.connections.filter(\.isOpen) }.min { $0.load < $1.load }
    }

    private func choose(_ purpose: Purpose) throws(PluginError) -> (Connection, isNew: Bool) {
        try state.withLock { state throws(PluginError) in
            guard !state.isClosed else { throw PluginError(.transient, "the store is closed") }
            state.connections.removeAll(where: \.isClosed)
            let answering = state.connections.filter { $0.isOpen && $0.silence < .seconds(3) }
            if let best = answering.min(by: { $0.load < $1.load }) {
                let isGood = purpose == .requests || best.fileCount == 0
                if isGood || state.connections.count >= settings.maxConnections { return (best, false) }
            } else if state.connections.count >= settings.maxConnections {
                // None has answered lately. Wait for one that is opening, or replace the one silent for longest.
                if let opening = state.connections.first(where: { !$0.isOpen }) { return (opening, false) }
                guard let quietest = state.connections.max(by: { $0.silence < $1.silence }) else {
                    throw PluginError(.internalError, "a pool without room")
                }
                guard quietest.silence > .seconds(10) else { return (quietest, false) }
                quietest.stop()
                state.connections.removeAll { $0 === quietest }
            } else if purpose == .requests, let opening = state.connections.first(where: { !$0.isOpen }) {
                return (opening, false)
            }
            let new = try Connection(settings, sight, log)
            state.connections.append(new)
            return (new, true)
        }
    }

    /// Runs `body` on a connection, and once more on another if the first turns out to have gone stale. Only for what
    /// can be done twice.
    func perform<Value>(
        _ call: borrowing Call, _ body: (Connection, borrowing Call) throws(PluginError) -> Value
    ) throws(PluginError) -> Value {
        let connection = try connection(for: .requests, call)
        do throws(PluginError) {
            return try body(connection, call)
        } catch {
            guard error.code == .transient, connection.isClosed else { throw error }
            return try body(try self.connection(for: .requests, call), call)
        }
    }

    /// Ends all connections, and waits for them a little.
    func close() {
        let closing = state.withLock {
            $0.isClosed = true
            return $0.connections
        }
        for connection in closing { connection.stop() }
        let deadline = Call.now + 3_000_000_000
        for connection in closing { connection.waitForEnd(before: deadline) }
    }
}
