import FPCatalog
import FPFormats
import Support
import Testing

@Suite struct EventTests {
    private static let all = CatalogUnderTest.telling([EventReceiver(name: "app")])

    private func events(_ catalog: any Catalog, _ query: EventQuery = EventQuery()) async throws -> [EventEntry] {
        try await #require(catalog.events).events(matching: query)
    }

    private func told(_ catalog: any Catalog, _ id: UploadID) async throws -> [String] {
        var query = EventQuery()
        query.upload = id.description
        return try await events(catalog, query).map { event in
            let reason = try member("reason", of: member("data", of: JSON(parsing: event.payload.utf8))).map { json in
                if case .string(let text) = json { text } else { json.text }
            }
            return reason.map { "\(event.kind) \($0)" } ?? event.kind
        }
    }

    private func member(_ name: String, of value: JSON?) -> JSON? {
        guard case .object(let members) = value else { return nil }
        return members.first { $0.name.isSame(as: name) }?.value
    }

    @Test(arguments: all)
    func `each change is told once, in order, and none that was not made`(_ withCatalog: CatalogUnderTest) async throws
    {
        try await withCatalog { catalog in
            let upload = UploadRecord.receiving(name: "a.txt", size: 3)
            try await catalog.insert(upload)
            #expect(try await told(catalog, upload.id) == [], "nothing has been completed yet")
            for now in [5, 6] as [Timestamp] {
                _ = try await catalog.complete(upload.id, file: upload.files[0], chunk: nil, at: now)
            }
            _ = try await catalog.beginStoring(upload.id, destinations: [Destination(store: "media", key: "a")])
            _ = try await catalog.abandonStoring(upload.id, at: 6)
            _ = try await catalog.beginStoring(upload.id, destinations: [Destination(store: "media", key: "b")])
            #expect(await refusal { try await catalog.finishStoring(upload.id, etags: [nil, nil], at: 7) } == .failed)
            for now in [7, 8] as [Timestamp] { _ = try await catalog.finishStoring(upload.id, etags: [nil], at: now) }
            for now in [9, 10] as [Timestamp] {
                _ = try await catalog.beginDeleting(upload.id, from: [.stored], because: .deleted, at: now)
            }
            try await catalog.forget(upload.id)
            #expect(
                try await told(catalog, upload.id) == ["upload.completed", "upload.stored", "upload.deleted deleted"])
            #expect(try await events(catalog).map(\.happenedAt) == [5, 7, 9])
        }
    }

    @Test(arguments: all)
    func `an upload that ends is told once more, with the reason`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            for end in UploadEnd.allCases where end != .released {
                let (receiving, whole) = (UploadRecord.receiving(), UploadRecord.complete())
                for upload in [receiving, whole] { try await catalog.insert(upload) }
                for upload in [receiving, whole] {
                    _ = try await catalog.beginDeleting(upload.id, from: [upload.state], because: end, at: 3)
                    _ = try await catalog.beginDeleting(upload.id, from: [upload.state], because: .expired, at: 4)
                }
                let last = end == .expired ? "upload.expired" : "\(end.kind.rawValue) \(end.rawValue)"
                #expect(try await told(catalog, receiving.id) == [last])
                #expect(try await told(catalog, whole.id) == ["upload.completed", last])
            }
            let stored = UploadRecord.stored(keys: ["a"])
            try await catalog.insert(stored)
            #expect(try await catalog.release(stored.id, at: 5))
            #expect(try await !catalog.release(stored.id, at: 6))
            #expect(try await catalog.upload(stored.id) == nil)
            #expect(try await told(catalog, stored.id) == ["upload.stored", "upload.deleted released"])
        }
    }

    @Test(arguments: all)
    func `an upload that is replaced is told of once the other is in its place`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let (old, new) = (UploadRecord.stored(keys: ["a"]), UploadRecord.complete())
            for upload in [old, new] { try await catalog.insert(upload) }
            var place = Destination(store: "media", key: "a")
            place.replaced = Replaced(upload: old.id, etag: nil)
            #expect(try await catalog.beginStoring(new.id, destinations: [place]))
            #expect(try await told(catalog, old.id) == ["upload.stored"])
            for now in [3, 4] as [Timestamp] { _ = try await catalog.finishStoring(new.id, etags: [nil], at: now) }
            #expect(try await told(catalog, old.id) == ["upload.stored", "upload.deleted replaced"])
            #expect(try await told(catalog, new.id) == ["upload.completed", "upload.stored"])
        }
    }

    @Test(arguments: all)
    func `an upload that was complete and has lost its bytes has failed, one that was arriving has not`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let (whole, arriving) = (UploadRecord.complete(), UploadRecord.receiving())
            for upload in [whole, arriving] {
                try await catalog.insert(upload)
                #expect(try await catalog.beginAgain(upload.id, file: upload.files[0], token: [1], at: 3))
            }
            #expect(try await told(catalog, whole.id) == ["upload.completed", "upload.failed bytes_lost"])
            #expect(try await told(catalog, arriving.id) == [])
        }
    }

    @Test(arguments: all)
    func `what is told is what was so at the time of the change`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            var upload = UploadRecord.complete(at: 1, owner: "ann", names: ["é\".txt", "b"])
            upload.metadata = #"{"album": 7}"#
            try await catalog.insert(upload)
            let places = ["x/a", "x/b"].map { Destination(store: "media", key: $0) }
            _ = try await catalog.beginStoring(upload.id, destinations: places)
            _ = try await catalog.finishStoring(upload.id, etags: [nil, nil], at: 2000)
            try await catalog.forget(upload.id)
            let payloads = try await events(catalog).map(\.payload)
            #expect(
                payloads[1] == """
                    {"type":"upload.stored","timestamp":"1970-01-01T00:00:02.000Z","data":{"id":"\(upload.id)",\
                    "created_at":"1970-01-01T00:00:00.001Z","completed_at":"1970-01-01T00:00:00.001Z",\
                    "stored_at":"1970-01-01T00:00:02.000Z","owner":"ann","metadata":{"album": 7},"files":[\
                    {"name":"é\\".txt","size":3,"content_type":"text/plain","role":"main","store":"media","path":"x/a"},\
                    {"name":"b","size":3,"content_type":"text/plain","role":"variant","store":"media","path":"x/b"}]}}
                    """)
            #expect(
                payloads[0].hasSuffix(
                    #""role":"variant","store":"staging","path":null}]}}"#), "staging places are nobody's to know")
        }
    }

    @Test(arguments: all, 0..<4)
    func `any sequence of changes is told as it went, refused ones not at all`(
        _ withCatalog: CatalogUnderTest, round: Int
    ) async throws {
        var random = SeededGenerator()
        let seed = random.seed
        print("events: FPHOST_TEST_SEED=\(seed)")
        let (world, model) = (RandomWorld(), ModelCatalog())
        let ids = (0..<6).map { _ in UploadID.random(&random) }
        var expected: [String] = []
        try await withCatalog { catalog in
            for _ in 0..<400 {
                let (id, now) = (random.pick(ids), world.time(&random))
                let (upload, file, end) = (
                    world.upload(id, &random), world.file(&random), random.pick(UploadEnd.allCases)
                )
                let places = (0..<random.pick([1, 1, 2])).map { _ in world.destination(&random) }
                let kind = Int.random(in: 0..<9, using: &random)
                let before = try await model.upload(id)
                for catalog in [catalog, model] as [any Catalog] {
                    switch kind {
                    case 0...1: try? await catalog.insert(upload)
                    case 2: _ = try? await catalog.complete(id, file: file, chunk: nil, at: now)
                    case 3: _ = try? await catalog.beginStoring(id, destinations: places)
                    case 4: _ = try? await catalog.finishStoring(id, etags: places.map { _ in nil }, at: now)
                    case 5: _ = try? await catalog.beginAgain(id, file: file, token: [1], at: now)
                    case 6: _ = try? await catalog.release(id, at: now)
                    case 7:
                        _ = try? await catalog.beginDeleting(id, from: [upload.state], because: end, at: now)
                    default:
                        if before?.state == .deleting { try? await catalog.forget(id) }
                    }
                }
                switch (before?.state, try await model.upload(id)?.state) {
                case (nil, .complete), (.receiving, .complete): expected.append("upload.completed \(id)")
                case (nil, .stored), (.storing, .stored): expected.append("upload.stored \(id)")
                case (.complete, .receiving): expected.append("upload.failed \(id)")
                case (.stored, nil): expected.append("upload.deleted \(id)")
                case (let old?, .deleting) where old != .deleting: expected.append("\(end.kind.rawValue) \(id)")
                default: break
                }
            }
            var query = EventQuery()
            query.limit = 1000
            let told = try await events(catalog, query)
            #expect(told.map { "\($0.kind) \($0.upload)" } == expected, "seed \(seed)")
            #expect(Set(told.map(\.id)).count == told.count)
            #expect(told.map(\.number) == told.map(\.number).sorted())
        }
    }
}
