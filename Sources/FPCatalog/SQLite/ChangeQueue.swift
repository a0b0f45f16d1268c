import GRDB
import Synchronization

/// The one writer: runs all changes, in the order they came, and lets those that wait at the same time share one
/// transaction and so one commit.
///
/// A change that finds the writer idle is committed alone and at once; while a commit is under way, the changes that
/// come pile up and are the next batch. No timer, so no delay, and the busier the catalog the fewer commits a change
/// costs.
final class ChangeQueue: Sendable {
    /// A change that waits for its turn.
    private struct Change: Sendable {
        /// Makes the change and returns what tells its caller so, to be called once it is committed.
        var run: @Sendable (Database) throws -> @Sendable () -> Void
        /// Tells the caller that nothing has changed.
        var fail: @Sendable (CatalogError) -> Void
    }

    private struct State {
        var waiting: [Change] = []
        var isDraining = false
        var isClosed = false
    }

    /// Bounds the memory of a transaction; at this size, the commit's share of a change's cost is negligible.
    private static let largestBatch = 1024

    private let state = Mutex(State())
    private let database: DatabaseQueue
    private let outcomes: OutcomeRecord

    /// Writes through that connection, which nobody else uses for writing.
    init(_ database: DatabaseQueue, _ outcomes: OutcomeRecord = OutcomeRecord()) {
        self.database = database
        self.outcomes = outcomes
    }

    /// The number of changes that wait for a batch to begin.
    var count: Int { state.withLock { $0.waiting.count } }

    /// Makes a change.
    /// - Parameter change: what to do, inside a transaction; it may run more than once, and what it did is undone if
    ///   it throws.
    /// - Returns: what `change` returned, after the commit.
    func perform<Value: Sendable>(_ change: @escaping @Sendable (Database) throws -> Value) async throws(CatalogError)
        -> Value
    {
        let outcome = await withCheckedContinuation {
            (caller: CheckedContinuation<Result<Value, CatalogError>, Never>) in
            enqueue(
                Change(
                    run: { db in
                        let value = try change(db)
                        return { caller.resume(returning: .success(value)) }
                    },
                    fail: { caller.resume(returning: .failure($0)) }
                )
            )
        }
        return try outcome.get()
    }

    /// Refuses further changes and returns when those that came before are done.
    func close() async {
        state.withLock { $0.isClosed = true }
        // The connection is serial, and whoever drains does not leave before the last change.
        await withCheckedContinuation { caller in
            database.asyncWriteWithoutTransaction { _ in caller.resume() }
        }
    }

    private func enqueue(_ change: Change) {
        enum Turn { case mustDrain, isDrained, refused }
        let turn = state.withLock { state -> Turn in
            if state.isClosed { return .refused }
            state.waiting.append(change)
            if state.isDraining { return .isDrained }
            state.isDraining = true
            return .mustDrain
        }
        switch turn {
        case .mustDrain: database.asyncWriteWithoutTransaction { [self] db in drain(db) }
        case .isDrained: break
        case .refused: change.fail(.closed(database.path))
        }
    }

    private func drain(_ db: Database) {
        while let batch = nextBatch() { commit(batch, db) }
    }

    private func nextBatch() -> [Change]? {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.isDraining = false
                return nil
            }
            guard state.waiting.count > Self.largestBatch else {
                defer { state.waiting = [] }
                return state.waiting
            }
            defer { state.waiting.removeFirst(Self.largestBatch) }
            return Array(state.waiting[..<Self.largestBatch])
        }
    }

    /// Runs a batch in one transaction, and tells every caller what came of their change.
    private func commit(_ batch: [Change], _ db: Database) {
        var done: [(change: Change, tell: @Sendable () -> Void)] = []
        var refused: [(change: Change, error: CatalogError)] = []
        do {
            try db.run("BEGIN IMMEDIATE")
            for change in batch {
                do {
                    done.append((change, try attempt(change, db)))
                } catch let reason {
                    let error = CatalogError(reason, catalog: database.path, db: db)
                    if batch.count > 1, !db.isInsideTransaction {
                        // SQLite rolled back the whole transaction, not only this change: each is run again alone.
                        for change in batch { commit([change], db) }
                        return
                    }
                    outcomes.failed(reason, as: error)
                    refused.append((change, error))
                    if db.isInsideTransaction { try undo(db) }
                }
            }
            if db.isInsideTransaction { try db.run("COMMIT") }
        } catch let reason {
            let error = CatalogError(reason, catalog: database.path, db: db)
            outcomes.failed(reason, as: error)
            if db.isInsideTransaction { try? db.run("ROLLBACK") }
            for change in batch { change.fail(error) }
            return
        }
        if !done.isEmpty { outcomes.committed() }
        for (_, tell) in done { tell() }
        for (change, error) in refused { change.fail(error) }
    }

    private func attempt(_ change: Change, _ db: Database) throws -> @Sendable () -> Void {
        try db.run("SAVEPOINT change")
        let tell = try change.run(db)
        try db.run("RELEASE change")
        return tell
    }

    private func undo(_ db: Database) throws {
        try db.run("ROLLBACK TO change")
        try db.run("RELEASE change")
    }
}
