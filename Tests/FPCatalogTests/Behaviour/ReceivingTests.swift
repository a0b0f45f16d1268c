import FPCatalog
import Testing

@Suite struct ReceivingTests {
    /// Uploads in every state but receiving.
    private static let others: [UploadRecord] = {
        var storing = UploadRecord.complete()
        storing.state = .storing
        storing.files[0].destination = Destination(store: "media", key: "a")
        return [.complete(), storing, .stored(keys: ["b"])]
    }()

    @Test(arguments: CatalogUnderTest.all)
    func `a chunk that arrives moves the offset, tells of the file and can be found again`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            var upload = UploadRecord.receiving(at: 1)
            try await catalog.insert(upload)
            let first = ChunkArrival(
                .whole(ChunkRecord(offset: 0, length: 10, fingerprint: .max)), size: 25, name: "ü.bin", token: nil,
                arrivedAt: 5
            )
            #expect(try await catalog.advance(upload.id, by: first))
            upload.touchedAt = 5
            upload.session?.reach(10)
            upload.files[0].size = 25
            upload.files[0].name = "ü.bin"
            #expect(try await catalog.upload(upload.id) == upload)

            #expect(try await catalog.advance(upload.id, by: ChunkArrival(10, 15, at: 6, token: [9, 0, 9])))
            upload.touchedAt = 6
            upload.session = WriteSession(token: [9, 0, 9], committed: 25)
            #expect(try await catalog.upload(upload.id) == upload, "no size and no name change nothing")

            #expect(try await catalog.chunk(of: upload.id, at: 0) == first.chunk)
            #expect(try await catalog.chunk(of: upload.id, at: 10) == ChunkArrival(10, 15).chunk)
            #expect(try await catalog.chunk(of: upload.id, at: 5) == nil)
            #expect(try await catalog.chunk(of: upload.id, at: .max) == nil)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a chunk at the offset of another takes its place`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.receiving()
            try await catalog.insert(upload)
            _ = try await catalog.advance(upload.id, by: ChunkArrival(0, 10))
            var again = ChunkArrival(0, 4)
            let other = ChunkRecord(offset: 0, length: 4, fingerprint: 1)
            again.extent = .whole(other)
            #expect(try await catalog.advance(upload.id, by: again))
            #expect(try await catalog.chunk(of: upload.id, at: 0) == other)
            #expect(try await catalog.upload(upload.id)?.session?.committed == 4)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `the state of the digests goes with what is received, and back with it`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let id = UploadID.random()
            try await catalog.insert(UploadRecord.receiving(id))
            func digest() async throws -> [UInt8]? { try await catalog.upload(id)?.session?.digest }
            for (number, start) in [UInt64(0), 10, 20].enumerated() {
                #expect(try await catalog.advance(id, by: ChunkArrival(start, 10, digest: [UInt8(number)])))
                #expect(try await digest() == [UInt8(number)])
            }
            #expect(try await catalog.advance(id, by: ChunkArrival(upTo: 33, digest: [33])))
            #expect(try await catalog.advance(id, by: ChunkArrival(upTo: 33, digest: nil)))
            #expect(try await digest() == [33], "nothing new came")
            #expect(try await catalog.rewind(id, to: 33, at: 5))
            #expect(try await digest() == [33], "that is where it stands")
            #expect(try await catalog.rewind(id, to: 20, at: 5))
            #expect(try await digest() == [1], "the end of a chunk")
            #expect(try await catalog.advance(id, by: ChunkArrival(upTo: 24, digest: nil)))
            #expect(try await digest() == nil, "nobody knows it there")
            #expect(try await catalog.rewind(id, to: 15, at: 5))
            #expect(try await digest() == nil, "amid a chunk")
            #expect(try await catalog.rewind(id, to: 10, at: 5))
            #expect(try await digest() == [0])
            #expect(try await catalog.rewind(id, to: 0, at: 5))
            #expect(try await digest() == nil, "before the first byte")
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `what a whole file's bytes are known by is written once`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            var upload = UploadRecord.complete(names: ["a", "b"])
            upload.files[0].digests.crc64 = 1 << 63
            try await catalog.insert(upload)
            let sha256 = [UInt8](1...32)
            for file in 0..<3 {
                try await catalog.recordDigests(FileDigests(sha256: sha256, crc64: 5), of: upload.id, file: file)
                try await catalog.recordDigests(
                    FileDigests(sha256: sha256.reversed(), crc64: 6), of: upload.id, file: file)
            }
            upload.files[0].digests = FileDigests(sha256: sha256, crc64: 1 << 63)
            upload.files[1].digests = FileDigests(sha256: sha256, crc64: 5)
            #expect(try await catalog.upload(upload.id) == upload)

            let receiving = UploadRecord.receiving()
            try await catalog.insert(receiving)
            try await catalog.recordDigests(FileDigests(sha256: sha256), of: receiving.id, file: 0)
            #expect(try await catalog.upload(receiving.id) == receiving, "it is not whole")
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a part of a chunk raises what is received, and leaves what is committed and the chunks as they are`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            var upload = UploadRecord.receiving(at: 1)
            try await catalog.insert(upload)
            _ = try await catalog.advance(upload.id, by: ChunkArrival(0, 10))
            let part = ChunkArrival(upTo: 17, at: 5, size: 40, name: "n", token: [3])
            #expect(try await catalog.advance(upload.id, by: part))
            upload.touchedAt = 5
            upload.session = WriteSession(token: [3], committed: 10, received: 17)
            upload.files[0].size = 40
            upload.files[0].name = "n"
            #expect(try await catalog.upload(upload.id) == upload)
            #expect(try await catalog.chunk(of: upload.id, at: 0) == ChunkArrival(0, 10).chunk)
            #expect(try await catalog.chunk(of: upload.id, at: 10) == nil)

            #expect(try await catalog.advance(upload.id, by: ChunkArrival(upTo: 12, at: 6)))
            upload.touchedAt = 6
            #expect(try await catalog.upload(upload.id) == upload, "what is received never falls")

            #expect(try await catalog.advance(upload.id, by: ChunkArrival(17, 3, at: 7)))
            upload.touchedAt = 7
            upload.session = WriteSession(token: [3], committed: 20)
            #expect(try await catalog.upload(upload.id) == upload, "a whole chunk sets both")
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `taking an upload back takes back what is received, also where no chunk ends beyond`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.receiving(at: 1)
            try await catalog.insert(upload)
            _ = try await catalog.advance(upload.id, by: ChunkArrival(0, 10))
            _ = try await catalog.advance(upload.id, by: ChunkArrival(upTo: 17))
            for (offset, committed, received) in [(30, 10, 17), (15, 10, 15), (10, 10, 10), (4, 4, 4)]
                as [(UInt64, UInt64, UInt64)]
            {
                #expect(try await catalog.rewind(upload.id, to: offset, at: 3))
                let session = try await catalog.upload(upload.id)?.session
                #expect(session?.committed == committed)
                #expect(session?.received == received)
            }
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `taking an upload back drops the chunks that end beyond the offset`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let upload = UploadRecord.receiving(at: 1)
            try await catalog.insert(upload)
            for offset in [0, 10, 20] as [UInt64] {
                _ = try await catalog.advance(upload.id, by: ChunkArrival(offset, 10))
            }
            #expect(try await catalog.rewind(upload.id, to: 99, at: 3))
            #expect(try await catalog.upload(upload.id)?.session?.committed == 30, "it never rises")
            #expect(try await catalog.rewind(upload.id, to: 15, at: 4))
            let back = try #require(try await catalog.upload(upload.id))
            #expect(back.session?.committed == 15)
            #expect(back.touchedAt == 4)
            #expect(try await catalog.chunk(of: upload.id, at: 0) != nil)
            #expect(try await catalog.chunk(of: upload.id, at: 10) == nil)
            #expect(try await catalog.chunk(of: upload.id, at: 20) == nil)
            #expect(try await catalog.rewind(upload.id, to: 10, at: 5))
            #expect(try await catalog.chunk(of: upload.id, at: 0) != nil, "it ends at the offset, not beyond")
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `completing replaces the file, keeps the chunks and ends the session`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let upload = UploadRecord.receiving(at: 1)
            try await catalog.insert(upload)
            _ = try await catalog.advance(upload.id, by: ChunkArrival(0, 10))
            let file = FileRecord(
                name: "whole", size: 20, contentType: "image/png", etag: "e", store: "staging", key: "elsewhere"
            )
            let last = ChunkRecord(offset: 10, length: 10, fingerprint: 3)
            #expect(try await catalog.complete(upload.id, file: file, chunk: last, at: 9))
            let whole = UploadRecord(
                id: upload.id, state: .complete, createdAt: 1, touchedAt: 9, completedAt: 9, files: [file]
            )
            #expect(try await catalog.upload(upload.id) == whole)
            #expect(try await catalog.chunk(of: upload.id, at: 0) == ChunkArrival(0, 10).chunk)
            #expect(try await catalog.chunk(of: upload.id, at: 10) == last)
            #expect(try await catalog.known(tokens: [upload.session!.token]).isEmpty)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `completing needs no chunk`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.receiving()
            try await catalog.insert(upload)
            #expect(try await catalog.complete(upload.id, file: upload.files[0], chunk: nil, at: 2))
            #expect(try await catalog.upload(upload.id)?.state == .complete)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `what only a receiving upload does leaves any other as it is`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            for upload in Self.others {
                try await catalog.insert(upload)
                #expect(try await catalog.advance(upload.id, by: ChunkArrival(0, 1)) == false)
                #expect(try await catalog.advance(upload.id, by: ChunkArrival(upTo: 1)) == false)
                #expect(try await catalog.rewind(upload.id, to: 0, at: 9) == false)
                let chunk = ChunkRecord(offset: 0, length: 1, fingerprint: 1)
                #expect(try await catalog.complete(upload.id, file: upload.files[0], chunk: chunk, at: 9) == false)
                #expect(try await catalog.upload(upload.id) == upload)
                #expect(try await catalog.chunk(of: upload.id, at: 0) == nil)
            }
            #expect(try await catalog.advance(.random(), by: ChunkArrival(0, 1)) == false)
            #expect(try await catalog.rewind(.random(), to: 0, at: 9) == false)
            #expect(try await catalog.complete(.random(), file: Self.others[0].files[0], chunk: nil, at: 9) == false)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `touching renews temporary uploads only`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            for upload in Self.others + [.receiving()] {
                try await catalog.insert(upload)
                try await catalog.touch(upload.id, at: 50)
                var expected = upload
                if [.receiving, .complete].contains(upload.state) { expected.touchedAt = 50 }
                #expect(try await catalog.upload(upload.id) == expected)
            }
        }
    }

    @Test(arguments: CatalogUnderTest.databases)
    func `a chunk that cannot be is refused and changes nothing`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.receiving()
            try await catalog.insert(upload)
            var named = ChunkArrival(0, 1)
            named.name = "a\0b"
            let impossible = [
                ChunkArrival(.max, 2), ChunkArrival(1 << 62, 1 << 62), ChunkArrival(0, 1, token: []), named,
                ChunkArrival(upTo: .max), ChunkArrival(upTo: 1, token: []),
            ]
            for change in impossible {
                let refused = await refusal {
                    try await catalog.advance(upload.id, by: change)
                }
                #expect(refused == .failed)
            }
            #expect(try await catalog.upload(upload.id) == upload)
        }
    }
}
