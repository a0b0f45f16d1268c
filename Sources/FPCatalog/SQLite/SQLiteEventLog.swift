import FPFormats
import Synchronization

/// The events of a catalog in one SQLite file.
package final class SQLiteEventLog: EventLog {
    /// As ``EventLog/receivers`` says.
    package let receivers: [EventReceiver]
    private let changes: ChangeQueue
    private let reads: ReaderSet
    private let watchers = Mutex<[@Sendable () -> Void]>([])

    init(_ receivers: [EventReceiver], _ changes: ChangeQueue, _ reads: ReaderSet) {
        self.receivers = receivers
        self.changes = changes
        self.reads = reads
    }

    /// As ``EventLog/watch(_:)`` says.
    package func watch(_ wake: @escaping @Sendable () -> Void) { watchers.withLock { $0.append(wake) } }

    /// Wakes those who watch. To be called after the commit.
    func wake() {
        for wake in watchers.withLock({ $0 }) { wake() }
    }

    /// As ``EventLog/due(to:by:limit:)`` says.
    package func due(to receiver: String, by now: Timestamp, limit: Int) async throws(CatalogError) -> [DueDelivery] {
        try await reads.perform { db in try db.due(to: receiver, by: now, limit: limit) }
    }

    /// As ``EventLog/nextTry(to:after:)`` says.
    package func nextTry(to receiver: String, after now: Timestamp) async throws(CatalogError) -> Timestamp? {
        try await reads.perform { db in try db.nextTry(to: receiver, after: now) }
    }

    /// As ``EventLog/record(_:of:at:)`` says.
    package func record(
        _ outcome: AttemptOutcome, of delivery: DueDelivery, at now: Timestamp
    ) async throws(CatalogError) {
        switch outcome {
        case .failed(let error, _), .dead(let error): try checkText(error)
        case .delivered: break
        }
        try await changes.perform { db in try db.record(outcome, of: delivery, at: now) }
        wake()
    }

    /// As ``EventLog/events(matching:)`` says.
    package func events(matching query: EventQuery) async throws(CatalogError) -> [EventEntry] {
        guard isText(query.receiver), isText(query.upload) else { return [] }
        return try await reads.perform { db in try db.events(matching: query) }
    }

    /// As ``EventLog/replay(_:at:)`` says.
    package func replay(_ selection: ReplaySelection, at now: Timestamp) async throws(CatalogError) -> Int {
        let wanted: String?
        switch selection {
        case .event(let id, let receiver):
            guard isText(id) else { return 0 }
            wanted = receiver
        case .dead(let receiver): wanted = receiver
        }
        let names = receivers.map(\.name).filter { name in wanted.map { name.isSame(as: $0) } ?? true }
        let count = try await changes.perform { db in
            try names.reduce(0) { try $0 + db.replay(selection, to: $1, at: now) }
        }
        wake()
        return count
    }

    /// As ``EventLog/retire(at:)`` says.
    package func retire(at now: Timestamp) async throws(CatalogError) -> Int {
        let names = receivers.map(\.name)
        return try await changes.perform { db in try db.retireReceivers(except: names, at: now) }
    }

    /// As ``EventLog/prune(before:limit:)`` says.
    package func prune(before moment: Timestamp, limit: Int) async throws(CatalogError) -> Int {
        try await changes.perform { db in try db.pruneDeliveries(before: moment, limit: limit) }
    }
}
