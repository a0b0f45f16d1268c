import FPCatalog
import Support
import Testing

@Suite struct DeliveryTests {
    private static let one = CatalogUnderTest.telling([EventReceiver(name: "app")])
    private static let two = CatalogUnderTest.telling([
        EventReceiver(name: "app"), EventReceiver(name: "search", kinds: [.stored]),
    ])

    /// An upload that was completed at 1 and is being deleted at 2.
    private func completedAndDeleted(_ catalog: any Catalog) async throws -> UploadRecord {
        let upload = UploadRecord.complete(at: 1)
        try await catalog.insert(upload)
        _ = try await catalog.beginDeleting(upload.id, from: [.complete], because: .reverted, at: 2)
        return upload
    }

    private func due(_ log: any EventLog, to receiver: String = "app", by now: Timestamp = 1000) async throws
        -> [DueDelivery]
    {
        try await log.due(to: receiver, by: now, limit: 100)
    }

    private func states(_ log: any EventLog) async throws -> [[DeliveryState]] {
        try await log.events(matching: EventQuery()).map { $0.deliveries.map(\.state) }
    }

    @Test(arguments: one)
    func `an upload's second event waits for the first, and holds nobody else up`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let log = try #require(catalog.events)
            let (first, second) = (try await completedAndDeleted(catalog), try await completedAndDeleted(catalog))
            #expect(try await due(log, by: 0).isEmpty)
            let found = try await due(log)
            #expect(found.map(\.upload) == [first.id.description, second.id.description])
            #expect(found.map(\.number) == [1, 3])
            try await log.record(.failed("no", next: 50), of: found[0], at: 3)
            try await log.record(.delivered, of: found[1], at: 3)
            #expect(try await due(log, by: 49).map(\.number) == [4])
            let later = try await due(log, by: 50)
            #expect(later.map(\.number) == [4, 1])
            #expect(later[1].attempts == 1)
            #expect(try await log.nextTry(to: "app", after: 3) == 50)
            try await log.record(.dead("gone"), of: later[1], at: 60)
            #expect(try await due(log, by: 60).map(\.number) == [4, 2])
            let listed = try await log.events(matching: EventQuery())
            #expect(listed[0].deliveries[0].lastError == "gone")
            #expect(listed[0].deliveries[0].attempts == 2)
            #expect(listed[0].deliveries[0].endedAt == 60)
            #expect(try await states(log) == [[.dead], [.waiting], [.delivered], [.waiting]])
        }
    }

    @Test(arguments: two)
    func `each receiver hears what it asked for, apart from the others`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let log = try #require(catalog.events)
            _ = try await completedAndDeleted(catalog)
            try await catalog.insert(.stored(keys: ["a"]))
            #expect(try await due(log).map(\.number) == [1, 3])
            let search = try await due(log, to: "search")
            #expect(search.map(\.number) == [3])
            try await log.record(.delivered, of: search[0], at: 5)
            #expect(try await states(log) == [[.waiting], [.waiting], [.waiting, .delivered]])
            var query = EventQuery()
            query.receiver = "search"
            #expect(try await log.events(matching: query).map(\.number) == [3])
            query.state = .waiting
            #expect(try await log.events(matching: query).isEmpty)
            query.receiver = "app"
            (query.after, query.limit) = (1, 1)
            #expect(try await log.events(matching: query).map(\.number) == [2])
        }
    }

    @Test(arguments: one)
    func `what is replayed is due as if it were new, and what an attempt from before comes to does not count`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let log = try #require(catalog.events)
            _ = try await completedAndDeleted(catalog)
            let first = try await due(log)[0]
            try await log.record(.dead("gone"), of: first, at: 5)
            #expect(try await log.replay(.dead(receiver: "nobody"), at: 6) == 0)
            #expect(try await log.replay(.dead(receiver: nil), at: 6) == 1)
            #expect(try await due(log).map(\.number) == [2], "one at a time of an upload, whoever came first")
            try await log.record(.delivered, of: try await due(log)[0], at: 7)
            let again = try await due(log)[0]
            #expect(again.number == 1)
            #expect(again.attempts == 0)
            #expect(again.id == first.id, "by which a receiver knows it")
            #expect(try await log.replay(.event(first.id, receiver: "app"), at: 8) == 1)
            try await log.record(.dead("late"), of: again, at: 9)
            #expect(try await states(log) == [[.waiting], [.delivered]])
            try await log.record(.delivered, of: try await due(log)[0], at: 10)
            #expect(try await log.replay(.event(first.id, receiver: nil), at: 11) == 1, "also what was delivered")
            #expect(try await log.replay(.event("evt_none", receiver: nil), at: 11) == 0)
            #expect(try await due(log).map(\.number) == [1])
        }
    }

    @Test(arguments: two)
    func `what has ended is forgotten after its time, and a number is never used again`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let log = try #require(catalog.events)
            try await catalog.insert(.stored(keys: ["a"]))
            try await log.record(.delivered, of: try await due(log)[0], at: 5)
            #expect(try await log.prune(before: 5, limit: 9) == 0)
            #expect(try await log.prune(before: 6, limit: 9) == 1)
            #expect(try await states(log) == [[.waiting]], "the other receiver has still to hear it")
            try await log.record(.dead("no"), of: try await due(log, to: "search")[0], at: 7)
            #expect(try await log.prune(before: 9, limit: 9) == 1)
            #expect(try await log.events(matching: EventQuery()).isEmpty)
            try await catalog.insert(.complete())
            #expect(try await log.events(matching: EventQuery()).map(\.number) == [2])
        }
    }

    @Test(arguments: one)
    func `a change that may have told something wakes whoever delivers`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let log = try #require(catalog.events)
            let (calls, caller) = AsyncStream.makeStream(of: Void.self)
            log.watch { caller.yield() }
            var iterator = calls.makeAsyncIterator()
            try await catalog.insert(.complete())
            await iterator.next()
            #expect(try await due(log).count == 1)
            _ = try await log.replay(.dead(receiver: nil), at: 6)
            await iterator.next()
        }
    }
}
