import FPCatalog
import Support
import Testing

@Suite struct EventsKeptTests {
    @Test func `a catalog without receivers writes no events, and one that has them again goes on`() async throws {
        let directory = try TemporaryDirectory()
        for (stay, receivers) in [[], ["app"], [], ["app"]].enumerated() {
            let catalog = try await directory.openCatalog(receivers: receivers.map { EventReceiver(name: $0) })
            try await catalog.insert(.complete())
            #expect((catalog.events == nil) == receivers.isEmpty)
            if let log = catalog.events {
                let numbers = try await log.events(matching: EventQuery()).map(\.number)
                #expect(numbers == (stay == 1 ? [1] : [1, 2]), "each is kept until it is delivered")
            }
            await catalog.close()
        }
    }

    @Test func `what waits for a receiver that is gone is dead, and can be replayed once it is back`() async throws {
        let directory = try TemporaryDirectory()
        var catalog = try await directory.openCatalog(receivers: [EventReceiver(name: "old")])
        let upload = UploadRecord.complete()
        try await catalog.insert(upload)
        _ = try await catalog.beginDeleting(upload.id, from: [.complete])
        #expect(try await catalog.events?.retire(at: 2) == 0)
        await catalog.close()
        catalog = try await directory.openCatalog(receivers: [EventReceiver(name: "new")])
        #expect(try await catalog.events?.retire(at: 3) == 2)
        #expect(try await catalog.events?.replay(.dead(receiver: nil), at: 4) == 0, "nobody is there to be told")
        await catalog.close()
        catalog = try await directory.openCatalog(receivers: [EventReceiver(name: "old")])
        #expect(try await catalog.events?.replay(.dead(receiver: nil), at: 5) == 2)
        #expect(try await catalog.events?.due(to: "old", by: 9, limit: 9).map(\.number) == [1])
        await catalog.close()
    }
}
