import Dispatch
import FPThreads
import Synchronization

/// The one writer: runs all changes, in the order they came, and lets those that wait at the same time share one
/// transaction and so one commit.
///
/// A change that finds the writer idle is committed alone and at once, by the thread that asks if that one may block
/// (``LendingThread``), otherwise by the writer's own. While a commit is under way, the changes that come pile up and
/// are the next batch. No timer, so no delay, and the busier the catalog the fewer commits a change costs.
final class ChangeQueue: Sendable {
    private let writer: Writer

    /// Writes through that connection, which nobody else uses from now on.
    /// - Parameter lock: what must be held until the connection is closed.
    /// - Throws: ``CatalogError/failed(_:)`` if the system has no thread to give.
    init(
        _ connection: Connection, _ outcomes: OutcomeRecord = OutcomeRecord(), lock: CatalogLock? = nil
    ) throws(CatalogError) {
        let writer = Writer(connection, outcomes, lock)
        guard DetachedThread.start(stackSize: 1 << 20, { writer.work() }) else {
            throw .failed("The catalog \(connection.path) cannot be opened: there is no thread for its changes.")
        }
        self.writer = writer
    }

    deinit { writer.stop() }

    /// The number of changes that wait for a batch to begin.
    var count: Int { writer.count }

    /// Makes a change.
    /// - Parameter change: what to do, inside a transaction; it may run more than once, and what it did is undone if
    ///   it throws.
    /// - Returns: what `change` returned, after the commit.
    func perform<Value: Sendable>(_ change: @escaping @Sendable (Connection) throws -> Value) async throws(CatalogError)
        -> Value
    {
        if LendingThread.isLent {
            let change = ChangeOf(change)
            if writer.make(change) { return try change.outcome.get() }
        }
        let outcome = await withCheckedContinuation {
            (caller: CheckedContinuation<Result<Value, CatalogError>, Never>) in
            writer.enqueue(ChangeOf(change) { caller.resume(returning: $0) })
        }
        return try outcome.get()
    }

    /// Refuses further changes, makes those that came before, and closes the connection after a last `work` on it.
    func close(_ work: @escaping @Sendable (Connection) -> Void = { _ in }) async {
        writer.stop(work)
        await withCheckedContinuation { caller in writer.ended.notify(queue: .global()) { caller.resume() } }
    }
}

/// A change that waits for its turn.
private class Change: @unchecked Sendable {  // Only the thread that makes it touches one after it was handed over.
    /// Makes the change.
    func run(_ db: Connection) throws { fatalError("a change is a ChangeOf") }

    /// Tells the caller that the change is committed.
    func succeed() { fatalError("a change is a ChangeOf") }

    /// Tells the caller that nothing has changed.
    func fail(_ error: CatalogError) { fatalError("a change is a ChangeOf") }
}

private final class ChangeOf<Value: Sendable>: Change, @unchecked Sendable {  // As a change is.
    private let change: @Sendable (Connection) throws -> Value
    private let tell: (@Sendable (Result<Value, CatalogError>) -> Void)?
    private var value: Value?
    /// What came of it.
    private(set) var outcome: Result<Value, CatalogError> = .failure(.failed("The change was not made."))

    init(
        _ change: @escaping @Sendable (Connection) throws -> Value,
        _ tell: (@Sendable (Result<Value, CatalogError>) -> Void)? = nil
    ) {
        self.change = change
        self.tell = tell
    }

    override func run(_ db: Connection) throws { value = try change(db) }

    override func succeed() {
        if let value { outcome = .success(value) }
        tell?(outcome)
    }

    override func fail(_ error: CatalogError) {
        outcome = .failure(error)
        tell?(outcome)
    }
}

/// What the thread and the queue share. The thread does not keep the queue, so that a catalog can be dropped unclosed.
private final class Writer: Sendable {
    private enum User { case thread, caller }

    private struct State {
        var waiting: [Change] = []
        var isAsleep = false
        var isStopped = false
        var last: (@Sendable (Connection) -> Void)?
        /// Until the thread has closed them.
        var connection: Connection?
        var lock: CatalogLock?
        /// Where the database has to be.
        var place: DatabasePlace
        /// Who is at work on the connection.
        var user: User?

        /// Whether the thread is to be woken, which it then has to be.
        mutating func callsThread() -> Bool {
            guard isAsleep, user == nil, isStopped || !waiting.isEmpty else { return false }
            isAsleep = false
            return true
        }
    }

    /// Bounds the memory of a transaction; at this size, the commit's share of a change's cost is negligible.
    private static let largestBatch = 1024

    private let state: Mutex<State>
    private let path: String
    private let outcomes: OutcomeRecord
    private let alarm = DispatchSemaphore(value: 0)
    /// Until the thread has closed the connection.
    let ended = DispatchGroup()

    init(_ connection: Connection, _ outcomes: OutcomeRecord, _ lock: CatalogLock?) {
        path = connection.path
        self.outcomes = outcomes
        state = Mutex(State(connection: connection, lock: lock, place: DatabasePlace(connection.path)))
        ended.enter()
    }

    var count: Int { state.withLock { $0.waiting.count } }

    func enqueue(_ change: Change) {
        enum Turn { case asleep, awake, refused }
        let turn = state.withLock { state -> Turn in
            if state.isStopped { return .refused }
            state.waiting.append(change)
            return state.callsThread() ? .asleep : .awake
        }
        switch turn {
        case .asleep: alarm.signal()
        case .awake: break
        case .refused: change.fail(.closed(path))
        }
    }

    /// Makes a change on the calling thread, if nobody is at work and nothing waits.
    /// - Returns: false if nothing was done.
    func make(_ change: Change) -> Bool {
        let connection = state.withLock { state -> Connection? in
            guard !state.isStopped, state.user == nil, state.waiting.isEmpty else { return nil }
            state.user = .caller
            return state.connection
        }
        guard let connection else { return false }
        commit([change], connection)
        let callsThread = state.withLock { state in
            state.user = nil
            return state.callsThread()
        }
        if callsThread { alarm.signal() }
        return true
    }

    func stop(_ work: @escaping @Sendable (Connection) -> Void = { _ in }) {
        let callsThread = state.withLock { state in
            if !state.isStopped { state.last = work }
            state.isStopped = true
            return state.callsThread()
        }
        if callsThread { alarm.signal() }
    }

    /// The thread's whole life.
    func work() {
        while let (batch, db) = nextBatch() { commit(batch, db) }
        let (db, last) = state.withLock { ($0.connection.take(), $0.last.take()) }
        if let db {
            last?(db)
            db.close()
        }
        state.withLock { $0.lock = nil }
        ended.leave()
    }

    /// What waits, once something does and nobody else is at work; `nil` when nothing more comes.
    private func nextBatch() -> ([Change], Connection)? {
        enum Turn { case work([Change], Connection), sleep, end }
        while true {
            let turn = state.withLock { state -> Turn in
                if state.user == .thread { state.user = nil }
                guard state.user == nil, let connection = state.connection else {
                    state.isAsleep = true
                    return .sleep
                }
                if state.waiting.isEmpty {
                    if state.isStopped { return .end }
                    state.isAsleep = true
                    return .sleep
                }
                state.user = .thread
                guard state.waiting.count > Self.largestBatch else {
                    defer { state.waiting = [] }
                    return .work(state.waiting, connection)
                }
                defer { state.waiting.removeFirst(Self.largestBatch) }
                return .work(Array(state.waiting[..<Self.largestBatch]), connection)
            }
            switch turn {
            case .work(let batch, let connection): return (batch, connection)
            case .sleep: alarm.wait()
            case .end: return nil
            }
        }
    }

    /// Runs a batch in one transaction, and tells every caller what came of their change.
    private func commit(_ batch: [Change], _ db: Connection) {
        var refused: [Int: CatalogError] = [:]
        do {
            try state.withLock { try $0.place.check() }
            try db.run("BEGIN IMMEDIATE")
            for (number, change) in batch.enumerated() {
                do {
                    // One that is alone is undone with its transaction.
                    if batch.count > 1 { try db.run("SAVEPOINT change") }
                    try change.run(db)
                    if batch.count > 1 { try db.run("RELEASE change") }
                } catch let reason {
                    let error = CatalogError(reason, catalog: path)
                    if batch.count > 1, !db.isInsideTransaction {
                        // SQLite rolled back the whole transaction, not only this change: each is run again alone.
                        for change in batch { commit([change], db) }
                        return
                    }
                    outcomes.failed(reason, as: error)
                    refused[number] = error
                    if batch.count > 1 {
                        try db.run("ROLLBACK TO change")
                        try db.run("RELEASE change")
                    } else if db.isInsideTransaction {
                        try db.run("ROLLBACK")
                    }
                }
            }
            if db.isInsideTransaction { try db.run("COMMIT") }
        } catch let reason {
            let error = CatalogError(reason, catalog: path)
            outcomes.failed(reason, as: error)
            if db.isInsideTransaction { try? db.run("ROLLBACK") }
            for change in batch { change.fail(error) }
            return
        }
        if refused.count < batch.count { outcomes.committed() }
        for (number, change) in batch.enumerated() {
            if let error = refused[number] { change.fail(error) } else { change.succeed() }
        }
    }
}
