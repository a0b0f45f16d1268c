import CSQLite
import Dispatch
import Synchronization

/// A fixed number of read-only connections, each busy with one read at a time; the reads beyond that wait in line
/// without a thread.
///
/// An idle connection gets the read directly, and a busy one takes the next in line when it is done.
final class ReaderSet: Sendable {
    private struct Read: Sendable {
        var run: @Sendable (Connection) -> Void
        var fail: @Sendable (CatalogError) -> Void
    }

    private struct State {
        var idle: [Connection]
        var waiting = Line<Read>()
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let connectionCount: Int
    private let threads: DispatchQueue
    private let state: Mutex<State>
    private let path: String
    private let outcomes: OutcomeRecord

    /// Reads through those connections, which nobody else uses.
    init(_ connections: [Connection], catalog path: String, _ outcomes: OutcomeRecord = OutcomeRecord()) {
        self.outcomes = outcomes
        connectionCount = connections.count
        threads = DispatchQueue(label: "fphost.catalog.reads", attributes: .concurrent)
        self.path = path
        state = Mutex(State(idle: connections))
    }

    /// The number of reads that wait for a connection.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Whether every connection is at work.
    var isBusy: Bool { state.withLock { $0.idle.isEmpty } }

    /// Whether further reads are refused.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Runs a read on a thread that may block.
    func perform<Value: Sendable>(_ body: @escaping @Sendable (Connection) throws -> Value) async throws(CatalogError)
        -> Value
    {
        let outcome = await withCheckedContinuation {
            (caller: CheckedContinuation<Result<Value, CatalogError>, Never>) in
            enqueue(
                Read(
                    run: { [path, outcomes] db in
                        do {
                            caller.resume(returning: .success(try body(db)))
                        } catch {
                            let told = CatalogError(error, catalog: path)
                            outcomes.failed(error, as: told)
                            caller.resume(returning: .failure(told))
                        }
                    },
                    fail: { caller.resume(returning: .failure($0)) }
                )
            )
        }
        return try outcome.get()
    }

    /// Runs a read of a few rows at once on the calling thread, which waits for no lock and for the disk only where the
    /// rows are in no cache; where that cannot be, as ``perform(_:)``.
    func performHere<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(CatalogError) -> Value {
        guard let connection = state.withLock({ $0.isClosed ? nil : $0.idle.popLast() }) else {
            return try await perform(body)
        }
        let outcome: Result<Value, any Error>
        do {
            connection.waitForLocks(atMost: 0)
            defer { connection.waitForLocks() }
            outcome = .success(try body(connection))
        } catch {
            outcome = .failure(error)
        }
        if let next = next(after: connection) { run(next, on: connection) }
        do {
            return try outcome.get()
        } catch let error as SQLiteError where error.primaryCode == SQLITE_BUSY {
            return try await perform(body)
        } catch {
            let told = CatalogError(error, catalog: path)
            outcomes.failed(error, as: told)
            throw told
        }
    }

    /// Refuses further reads, waits for those that came before, and closes the connections.
    func close() async {
        await withCheckedContinuation { caller in
            let isQuiet = state.withLock { state in
                state.isClosed = true
                if state.idle.count == connectionCount { return true }
                state.closers.append(caller)
                return false
            }
            if isQuiet { caller.resume() }
        }
        let connections = state.withLock { state in
            defer { state.idle = [] }
            return state.idle
        }
        for connection in connections { connection.close() }
    }

    private func enqueue(_ read: Read) {
        enum Turn { case now(Connection), later, refused }
        let turn = state.withLock { state -> Turn in
            if state.isClosed { return .refused }
            if let connection = state.idle.popLast() { return .now(connection) }
            state.waiting.append(read)
            return .later
        }
        switch turn {
        case .now(let connection): run(read, on: connection)
        case .later: break
        case .refused: read.fail(.closed(path))
        }
    }

    /// Runs a read, and then those that wait, on a thread that may block.
    private func run(_ read: Read, on connection: Connection) {
        threads.async { [self] in
            read.run(connection)
            while let next = next(after: connection) { next.run(connection) }
        }
    }

    /// The read that waits longest; if there is none, the connection is idle.
    private func next(after connection: Connection) -> Read? {
        let (read, closers) = state.withLock { state -> (Read?, [CheckedContinuation<Void, Never>]) in
            if let read = state.waiting.popFirst() { return (read, []) }
            state.idle.append(connection)
            guard state.isClosed, state.idle.count == connectionCount else { return (nil, []) }
            defer { state.closers = [] }
            return (nil, state.closers)
        }
        for closer in closers { closer.resume() }
        return read
    }
}

/// First in, first out, at constant cost.
struct Line<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var count: Int { elements.count - head }

    mutating func append(_ element: Element) {
        elements.append(element)
    }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        defer {
            elements[head] = nil
            head += 1
            if head > 64, head * 2 > elements.count {
                elements.removeFirst(head)
                head = 0
            }
        }
        return elements[head]
    }
}
