import FPCatalog
import FPFormats
import Testing

@Suite struct ProvenanceTests {
    @Test(arguments: CatalogUnderTest.all)
    func `a write is known as begun from its first record until it is forgotten`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let upload = UploadRecord.complete(names: ["a", "b"])
            try await catalog.insert(upload)
            let places = ["x", "y"].map { Destination(store: "media", key: $0) }
            _ = try await catalog.beginStoring(upload.id, destinations: places)
            #expect(try await catalog.begunWrites(to: ["x", "y"], in: "media").isEmpty)
            try await catalog.recordStoringSession(upload.id, file: 1, token: [0], at: 10)
            try await catalog.recordStoringSession(upload.id, file: 1, token: [7], at: 20)
            #expect(try await catalog.begunWrites(to: ["x", "y", "z"], in: "media") == ["y": 10])
            #expect(try await catalog.begunWrites(to: ["y"], in: "archive").isEmpty)
            #expect(try await catalog.storesWithBegunWrites(before: 11) == ["media"])
            #expect(try await catalog.storesWithBegunWrites(before: 10).isEmpty)

            try await catalog.forgetBegunWrites(in: "media", before: 99, except: [])
            #expect(try await catalog.begunWrites(to: ["y"], in: "media") == ["y": 10], "it is on its way there")
            _ = try await catalog.abandonStoring(upload.id, at: 30)
            #expect(try await catalog.begunWrites(to: ["y"], in: "media") == ["y": 10], "that is over")
            try await catalog.forget(upload.id)
            try await catalog.forgetBegunWrites(in: "media", before: 10, except: [])
            try await catalog.forgetBegunWrites(in: "media", before: 99, except: ["y"])
            try await catalog.forgetBegunWrites(in: "archive", before: 99, except: [])
            #expect(try await catalog.begunWrites(to: ["y"], in: "media") == ["y": 10])
            try await catalog.forgetBegunWrites(in: "media", before: 99, except: ["x"])
            #expect(try await catalog.begunWrites(to: ["y"], in: "media").isEmpty)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a key that only looks like one of this catalog's is somebody else's`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let upload = UploadRecord.complete()
            try await catalog.insert(upload)
            let (own, other) = ("caf\u{E9}", "cafe\u{301}")
            _ = try await catalog.beginStoring(upload.id, destinations: [Destination(store: "media", key: own)])
            try await catalog.recordStoringSession(upload.id, file: 0, token: [7], at: 10)
            let begun = try await catalog.begunWrites(to: [other, own], in: "media")
            #expect(begun[TextKey(own)] == 10)
            #expect(begun[TextKey(other)] == nil)
            let known = try await catalog.known(keys: [other, own], in: "media")
            #expect(known.contains(TextKey(own)))
            #expect(!known.contains(TextKey(other)))
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `an upload whose bytes are lost begins again at 0, in a new session under a new key`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let receiving = UploadRecord.receiving(size: 30)
            try await catalog.insert(receiving)
            _ = try await catalog.advance(receiving.id, by: ChunkArrival(0, 10))
            let complete = UploadRecord.complete()
            try await catalog.insert(complete)
            for upload in [receiving, complete] {
                let file = FileRecord(name: "n", size: 30, store: "staging", key: "tmp/\(upload.id)/new")
                #expect(try await catalog.beginAgain(upload.id, file: file, token: [9], at: 50))
                let again = try #require(try await catalog.upload(upload.id))
                #expect(again.state == .receiving)
                #expect(again.files == [file])
                #expect(again.session == WriteSession(token: [9], committed: 0))
                #expect(again.completedAt == nil)
                #expect(again.touchedAt == 50)
                #expect(again.createdAt == upload.createdAt)
                #expect(try await catalog.chunk(of: upload.id, at: 0) == nil)
                #expect(try await catalog.known(keys: [upload.files[0].key], in: "staging").isEmpty)
                #expect(try await catalog.complete(upload.id, file: file, chunk: nil, at: 60))
            }
            for upload in [UploadRecord.stored(keys: ["s"]), .complete(names: ["a", "b"])] {
                try await catalog.insert(upload)
                let file = FileRecord(name: "n", size: 30, store: "staging", key: "k")
                #expect(try await catalog.beginAgain(upload.id, file: file, token: [9], at: 50) == false)
                #expect(try await catalog.upload(upload.id) == upload)
            }
        }
    }

    @Test func `a name is known again by the catalog that made it, and by no other`() async throws {
        let identities = (0..<2).map { number in
            CatalogIdentity(
                id: Array(repeating: 7, count: 16), key: Array(repeating: UInt8(number), count: 16), place: "here")
        }
        for _ in 0..<200 {
            let (upload, other) = (UploadID.random(), UploadID.random())
            let name = identities[0].newName(for: upload)
            #expect(UploadID(name.description) == name)
            #expect(name != identities[0].newName(for: upload))
            #expect(identities[0].made(name, for: upload))
            #expect(!identities[0].made(name, for: other))
            #expect(!identities[1].made(name, for: upload))
            #expect(!identities[0].made(.random(), for: upload))
            var letters = Array(name.description.utf8)
            let place = Int.random(in: 0..<letters.count)
            letters[place] = letters[place] == UInt8(ascii: "x") ? UInt8(ascii: "y") : UInt8(ascii: "x")
            let changed = try #require(UploadID(String(decoding: letters, as: UTF8.self)))
            #expect(!identities[0].made(changed, for: upload))
        }
    }
}
