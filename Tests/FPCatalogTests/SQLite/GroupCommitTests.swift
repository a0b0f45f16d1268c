import CSQLite
import Dispatch
import Glibc
import Support
import Synchronization
import Testing

@testable import FPCatalog

/// Counts commits where SQLite reports them, and vetoes one on demand.
private final class CommitCounter: Sendable {
    private let state = Mutex((commits: 0, vetoes: 0))

    var commits: Int { state.withLock { $0.commits } }

    func reset() { state.withLock { $0 = (0, 0) } }

    func vetoNext() { state.withLock { $0.vetoes = 1 } }

    /// Counts from now on. The counter must outlive the connection.
    func watch(_ db: Connection) {
        sqlite3_commit_hook(
            db.handle,
            { counter in
                guard let counter else { return 0 }
                return Unmanaged<CommitCounter>.fromOpaque(counter).takeUnretainedValue().isVetoed() ? 1 : 0
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func isVetoed() -> Bool {
        state.withLock { state in
            defer { state.vetoes = 0 }
            if state.vetoes == 0 { state.commits += 1 }
            return state.vetoes > 0
        }
    }
}

/// Keeps a catalog's writer busy with a change that is not committed.
private struct Gate {
    private struct NoChange: Error {}

    private let opened = DispatchSemaphore(value: 0)

    /// Returns once the writer is at it.
    init(_ catalog: SQLiteCatalog) async throws {
        let begun = DispatchSemaphore(value: 0)
        let opened = opened
        Task {
            try await catalog.changes.perform { _ in
                begun.signal()
                opened.wait()
                throw NoChange()
            }
        }
        _ = try await waitFor("the writer to be busy", within: .seconds(30)) {
            begun.wait(timeout: .now()) == .success ? true : nil
        }
    }

    func open() { opened.signal() }
}

@Suite struct GroupCommitTests {
    private func withCatalog(_ test: (SQLiteCatalog, CommitCounter) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        let counter = CommitCounter()
        // The commit of the change that begins to count is the first that would be counted.
        try await catalog.changes.perform { db in counter.watch(db) }
        counter.reset()
        try await test(catalog, counter)
        await catalog.close()
        withExtendedLifetime(counter) {}
    }

    /// Keeps the writer busy, with a change that is not committed, until all of `calls` wait for it, and returns what
    /// became of them.
    /// - Parameter inOrder: whether they wait in their order.
    private func together(
        _ catalog: SQLiteCatalog, _ calls: [@Sendable () async throws -> Void], inOrder: Bool = false
    ) async throws -> [Refusal?] {
        let gate = try await Gate(catalog)
        defer { gate.open() }
        func waitForCount(_ count: Int) async throws {
            _ = try await waitFor("\(count) changes", within: .seconds(60)) {
                catalog.changes.count == count ? true : nil
            }
        }
        return try await withThrowingTaskGroup(of: (Int, Refusal?).self) { group in
            for (number, call) in calls.enumerated() {
                group.addTask { (number, await refusal(call)) }
                if inOrder { try await waitForCount(number + 1) }
            }
            try await waitForCount(calls.count)
            gate.open()
            var outcomes = [Refusal?](repeating: nil, count: calls.count)
            for try await (number, outcome) in group { outcomes[number] = outcome }
            return outcomes
        }
    }

    @Test func `changes that wait at the same time share one commit`() async throws {
        try await withCatalog { catalog, counter in
            let uploads = (0..<64).map { _ in UploadRecord.complete() }
            let outcomes = try await together(
                catalog, uploads.map { upload in { try await catalog.insert(upload) } }
            )
            #expect(outcomes.allSatisfy { $0 == nil })
            #expect(counter.commits == 1)
            #expect(try await catalog.counts() == [.complete: 64])
        }
    }

    @Test func `a thread that may block makes the change itself, unless the writer is at work`() async throws {
        try await withCatalog { catalog, counter in
            // The writer may still be about to put down the change before.
            _ = try await waitFor("the writer to be idle", within: .seconds(60)) {
                counter.reset()
                let (own, maker) = try await onLoan {
                    let own = pthread_self()
                    return (own, try await catalog.changes.perform { _ in pthread_self() })
                }
                return own == maker ? true : nil
            }
            #expect(counter.commits == 1)
            let gate = try await Gate(catalog)
            async let other = onLoan {
                let own = pthread_self()
                return (own, try await catalog.changes.perform { _ in pthread_self() })
            }
            _ = try await waitFor("the change to wait", within: .seconds(60)) {
                catalog.changes.count == 1 ? true : nil
            }
            gate.open()
            let (own, maker) = try await other
            #expect(own != maker)
        }
    }

    @Test func `changes of threads that may block, and of others, are all made or refused by themselves`() async throws
    {
        try await withCatalog { catalog, _ in
            try await withThrowingTaskGroup { group in
                for number in 0..<400 {
                    group.addTask {
                        let upload = UploadRecord.complete()
                        if number.isMultiple(of: 2) {
                            try await onLoan { try await catalog.insert(upload) }
                            #expect(await refusal { try await onLoan { try await catalog.insert(upload) } } == .failed)
                        } else {
                            try await catalog.insert(upload)
                            #expect(await refusal { try await catalog.insert(upload) } == .failed)
                        }
                        #expect(try await catalog.upload(upload.id) == upload)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await catalog.counts() == [.complete: 400])
        }
    }

    @Test func `closing waits for a change that a caller's thread makes, and refuses those after`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        let isBegun = Atomic(false)
        let gate = DispatchSemaphore(value: 0)
        let upload = UploadRecord.complete()
        async let change: Void = onLoan {
            try await catalog.changes.perform { db in
                isBegun.store(true, ordering: .relaxed)
                gate.wait()
                try db.insert(upload, within: OwnerLimits(), from: nil)
            }
        }
        _ = try await waitFor("the change", within: .seconds(60)) { isBegun.load(ordering: .relaxed) ? true : nil }
        async let closing: Void = catalog.close()
        _ = try await waitFor("the closing to begin", within: .seconds(60)) {
            await refusal { try await catalog.upload(upload.id) } == nil ? nil : true
        }
        gate.signal()
        try await change
        await closing
        #expect(await refusal { try await onLoan { try await catalog.insert(.complete()) } } == .failed)
        let again = try await directory.openCatalog()
        #expect(try await again.upload(upload.id) == upload)
        await again.close()
    }

    @Test func `a change that finds the writer idle has a commit of its own`() async throws {
        try await withCatalog { catalog, counter in
            for count in 1...5 {
                try await catalog.insert(.complete())
                #expect(counter.commits == count)
            }
        }
    }

    @Test func `a change that is refused does not touch the others of its batch`() async throws {
        try await withCatalog { catalog, counter in
            let winner = UploadRecord.stored(keys: ["free", "a"])
            let loser = UploadRecord.stored(keys: ["b", "a"])
            let third = UploadRecord.stored(keys: ["b"])
            let outcomes = try await together(
                catalog,
                [winner, loser, third, winner].map { upload in { try await catalog.insert(upload) } }, inOrder: true
            )
            #expect(outcomes == [nil, .pathTaken("media", "a"), nil, .failed])
            #expect(counter.commits == 1)
            #expect(try await catalog.upload(winner.id) == winner)
            #expect(try await catalog.upload(loser.id) == nil)
            #expect(try await catalog.upload(store: "media", key: "b") == third)
        }
    }

    @Test func `a commit that fails fails every change of its batch, and the next one is as good as ever`() async throws
    {
        try await withCatalog { catalog, counter in
            let uploads = (0..<8).map { _ in UploadRecord.complete() }
            counter.vetoNext()
            let outcomes = try await together(
                catalog, uploads.map { upload in { try await catalog.insert(upload) } }
            )
            #expect(outcomes == Array(repeating: .failed, count: 8))
            #expect(counter.commits == 0)
            #expect(try await catalog.counts().isEmpty)
            for upload in uploads { try await catalog.insert(upload) }
            #expect(try await catalog.counts() == [.complete: 8])
        }
    }

    @Test func `when the database is full, changes without room are refused and the others are made`() async throws {
        try await withCatalog { catalog, counter in
            let upload = UploadRecord.complete(at: 1)
            try await catalog.insert(upload)
            try await catalog.changes.perform { db in
                let pages = try #require(try db.first("PRAGMA page_count") { $0[0] as Int })
                try db.execute("PRAGMA max_page_count = \(pages)")
            }
            let large = {
                var upload = UploadRecord.complete()
                upload.metadata = String(repeating: "x", count: 1_000_000)
                return upload
            }()
            let outcomes = try await together(
                catalog,
                [
                    { try await catalog.touch(upload.id, at: 5) },
                    { try await catalog.insert(large) },
                    {
                        _ = try await catalog.beginDeleting(upload.id, from: [.complete])
                    },
                    { try await catalog.insert(large) },
                ], inOrder: true
            )
            #expect(outcomes == [nil, .full, nil, .full])
            let found = try await catalog.upload(upload.id)
            #expect(found?.touchedAt == 5)
            #expect(found?.state == .deleting)
            #expect(try await catalog.upload(large.id) == nil)
            try await catalog.changes.perform { db in try db.execute("PRAGMA max_page_count = 1000000") }
            try await catalog.insert(large)
            #expect(try await catalog.upload(large.id) == large)
        }
    }

    @Test func `a very long line of changes is taken in batches`() async throws {
        try await withCatalog { catalog, counter in
            let upload = UploadRecord.complete()
            try await catalog.insert(upload)
            let before = counter.commits
            let calls = Array(
                repeating: { @Sendable () async throws in try await catalog.touch(upload.id, at: 9) },
                count: 1500
            )
            #expect(try await together(catalog, calls).allSatisfy { $0 == nil })
            #expect(counter.commits == before + 2)
        }
    }

    @Test func `a read sees every change that returned before it, also in the midst of others`() async throws {
        try await withCatalog { catalog, _ in
            try await withThrowingTaskGroup { group in
                for _ in 0..<16 {
                    group.addTask {
                        let upload = UploadRecord.receiving()
                        try await catalog.insert(upload)
                        for number in 0..<30 as Range<UInt64> {
                            _ = try await catalog.advance(upload.id, by: ChunkArrival(number, 1))
                            #expect(try await catalog.upload(upload.id)?.session?.committed == number + 1)
                            #expect(try await catalog.chunk(of: upload.id, at: number) != nil)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `closing finishes the changes that wait`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        let gate = try await Gate(catalog)
        defer { gate.open() }
        let upload = UploadRecord.complete()
        async let inserted: Void = catalog.insert(upload)
        _ = try await waitFor("the change", within: .seconds(30)) { catalog.changes.count == 1 ? true : nil }
        async let closed: Void = catalog.close()
        gate.open()
        try await inserted
        await closed
        let again = try await directory.openCatalog()
        #expect(try await again.upload(upload.id) == upload)
        await again.close()
    }
}
