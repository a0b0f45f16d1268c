import FPPluginKit
import Synchronization

/// What this process knows of the sessions that it has worked on.
///
/// Bytes that were under way when a writer was closed or a connection broke may still reach the file. Whoever goes on
/// with the session has to wait for them first.
final class SessionLedger: Sendable {
    enum History: Sendable {
        /// Nothing is under way.
        case settled
        /// These writes are.
        case draining(WriteTracker, Connection)
        /// Nothing is known: another process wrote, or a connection broke.
        case unknown
    }

    private enum Entry {
        case live
        case ended(History)
    }

    private let entries = Mutex<[SessionID: Entry]>([:])
    /// Beyond that many, ended ones are forgotten; to go on with those takes a little longer.
    private static let capacity = 4096

    /// Takes a session over.
    /// - Throws: `.conflict` if another writer of this process has it.
    func take(_ id: SessionID) throws(PluginError) -> History {
        let found = entries.withLock { entries -> Entry? in
            let found = entries[id]
            entries[id] = .live
            return found
        }
        switch found {
        case .live: throw PluginError(.conflict, "another writer holds this upload")
        case .ended(let history): return history
        case nil: return .unknown
        }
    }

    func begin(_ id: SessionID) { entries.withLock { $0[id] = .live } }

    func end(_ id: SessionID, _ history: History) {
        entries.withLock { entries in
            entries[id] = .ended(history)
            guard entries.count > Self.capacity else { return }
            entries = entries.filter { if case .live = $0.value { true } else { false } }
        }
    }

    func forget(_ id: SessionID) {
        entries.withLock { entries in
            if case .ended = entries[id] { entries[id] = nil }
        }
    }
}
