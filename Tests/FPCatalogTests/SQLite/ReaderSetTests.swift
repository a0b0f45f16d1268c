import Dispatch
import Foundation
import Glibc
import Support
import Synchronization
import Testing

@testable import FPCatalog

/// Numbers in the order in which they came.
private final class Numbers: Sendable {
    private let state = Mutex<[Int]>([])

    var all: [Int] { state.withLock(\.self) }

    func append(_ number: Int) { state.withLock { $0.append(number) } }
}

@Suite struct ReaderSetTests {
    private func readers(_ count: Int) throws -> ReaderSet {
        ReaderSet(try (0..<count).map { _ in try Connection(":memory:") }, catalog: "test")
    }

    @Test func `reads beyond the connections wait without a thread and come in their order`() async throws {
        let readers = try readers(1)
        let gate = DispatchSemaphore(value: 0)
        let order = Numbers()
        try await withThrowingTaskGroup { group in
            group.addTask { try await readers.perform { _ in gate.wait() } }
            _ = try await waitFor("the connection to be busy", within: .seconds(30)) { readers.isBusy ? true : nil }
            // Many times what Swift has threads: if each held one, the last would never get in line.
            for number in 0..<64 {
                group.addTask { try await readers.perform { _ in order.append(number) } }
                _ = try await waitFor("read \(number)", within: .seconds(30)) {
                    readers.waitingCount == number + 1 ? true : nil
                }
            }
            gate.signal()
            try await group.waitForAll()
        }
        #expect(order.all == Array(0..<64))
        await readers.close()
    }

    @Test func `as many reads run at once as there are connections`() async throws {
        let readers = try readers(2)
        let first = DispatchSemaphore(value: 0)
        let second = DispatchSemaphore(value: 0)
        // Each waits for the other to have begun.
        async let one: Void = readers.perform { _ in
            first.signal()
            second.wait()
        }
        async let two: Void = readers.perform { _ in
            second.signal()
            first.wait()
        }
        _ = try await (one, two)
        await readers.close()
    }

    @Test func `a short read needs no other thread, unless every connection is at work`() async throws {
        let readers = try readers(1)
        let threads = try await onLoan {
            let own = pthread_self()
            return (own, try await readers.performHere { _ in pthread_self() })
        }
        #expect(threads.0 == threads.1)
        let gate = DispatchSemaphore(value: 0)
        async let long: Void = readers.perform { _ in gate.wait() }
        _ = try await waitFor("the connection to be busy", within: .seconds(30)) { readers.isBusy ? true : nil }
        async let short = readers.performHere { db in try db.first("SELECT 7") { $0[0] as Int } }
        _ = try await waitFor("the short read", within: .seconds(30)) { readers.waitingCount == 1 ? true : nil }
        gate.signal()
        #expect(try await short == 7)
        try await long
        await readers.close()
        #expect(await refusal { try await readers.performHere { _ in } } == .failed)
    }

    @Test func `reads that wait while a short one runs have their turn`() async throws {
        let readers = try readers(1)
        let gate = DispatchSemaphore(value: 0)
        async let short: Void = onLoan { try await readers.performHere { _ in gate.wait() } }
        _ = try await waitFor("the connection to be busy", within: .seconds(30)) { readers.isBusy ? true : nil }
        async let waiting = readers.perform { db in try db.first("SELECT 7") { $0[0] as Int } }
        _ = try await waitFor("the second read", within: .seconds(30)) { readers.waitingCount == 1 ? true : nil }
        gate.signal()
        #expect(try await waiting == 7)
        try await short
        await readers.close()
    }

    @Test func `a short read of a database that another program has locked waits on another thread`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.url.appending(path: "locked.db").path
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        let locker = try Connection(path)
        try locker.execute("CREATE TABLE t (a); INSERT INTO t VALUES (7); BEGIN EXCLUSIVE")
        let readers = ReaderSet([try Connection(path, readOnly: true, patience: 60_000)], catalog: path)
        async let read = readers.performHere { db in try db.first("SELECT a FROM t") { $0[0] as Int } }
        // Begun again with patience, it holds the connection until the lock is gone.
        _ = try await waitFor("the connection to be busy", within: .seconds(30)) { readers.isBusy ? true : nil }
        try locker.execute("COMMIT")
        #expect(try await read == 7)
        await readers.close()
    }

    @Test func `a read that fails leaves its connection usable`() async throws {
        let readers = try readers(1)
        for _ in 0..<3 {
            let refused = await refusal {
                try await readers.perform { db in
                    try db.inSnapshot { try db.run("SELECT * FROM nowhere") }
                }
            }
            #expect(refused == .failed)
            #expect(try await readers.perform { db in try db.first("SELECT 7") { $0[0] as Int } } == 7)
        }
        await readers.close()
    }

    @Test func `closing waits for the reads that came before and refuses those after`() async throws {
        let readers = try readers(1)
        let gate = DispatchSemaphore(value: 0)
        async let running: Void = readers.perform { _ in gate.wait() }
        _ = try await waitFor("the connection to be busy", within: .seconds(30)) { readers.isBusy ? true : nil }
        async let waiting = readers.perform { db in try db.first("SELECT 7") { $0[0] as Int } }
        _ = try await waitFor("the second read", within: .seconds(30)) { readers.waitingCount == 1 ? true : nil }
        async let closed: Void = readers.close()
        _ = try await waitFor("closing", within: .seconds(30)) { readers.isClosed ? true : nil }
        #expect(await refusal { try await readers.perform { _ in } } == .failed)
        gate.signal()
        try await running
        #expect(try await waiting == 7)
        await closed
    }

    @Test func `a line gives back what it got, in order, over many refills`() {
        var line = Line<Int>()
        var given = 0
        var taken = 0
        for round in 1...300 {
            for _ in 0..<(round % 7 + 1) {
                line.append(given)
                given += 1
            }
            for _ in 0..<(round % 5 + 1) {
                if let next = line.popFirst() {
                    #expect(next == taken)
                    taken += 1
                }
            }
        }
        while let next = line.popFirst() {
            #expect(next == taken)
            taken += 1
        }
        #expect(taken == given)
        #expect(line.popFirst() == nil)
    }
}
