import FPCatalog
import Support
import Testing

@testable import FPUploads

@Suite("Receiving in chunks")
struct ReceiveTests {
    @Test("an upload is complete when its last chunk has arrived, and has exactly the bytes sent")
    func wholeUpload() async throws {
        let house = try await House()
        var random = SeededGenerator()
        let content = random.bytes(1_000_003)
        let upload = try await house.uploads.create(length: UInt64(content.count), metadata: #"{"a":1}"#)
        for start in stride(from: 0, to: content.count, by: 300_000) {
            let end = min(start + 300_000, content.count)
            let after = try await house.append(upload.id, content, start..<end)
            #expect(after.committed == UInt64(end))
            #expect(after.state == (end == content.count ? .complete : .receiving))
        }
        #expect(try await house.bytes(of: upload.id) == content)
        #expect(try await house.uploads.upload(upload.id)?.metadata == #"{"a":1}"#)
        await house.close()
    }

    @Test("an upload of no bytes is complete after its one empty chunk")
    func emptyUpload() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: 0, metadata: nil)
        let after = try await house.append(upload.id, [], 0..<0)
        #expect(after.state == .complete)
        #expect(try await house.append(upload.id, [], 0..<0).state == .complete)
        #expect(try await house.bytes(of: upload.id) == [])
        await house.close()
    }

    @Test("the extra empty chunk at the end of an exact multiple changes nothing")
    func extraEmptyChunk() async throws {
        let house = try await House()
        let content = [UInt8](repeating: 7, count: 200)
        let upload = try await house.uploads.create(length: 200, metadata: nil)
        try await house.append(upload.id, content, 0..<100)
        try await house.append(upload.id, content, 100..<200)
        #expect(try await house.append(upload.id, content, 200..<200).state == .complete)
        await house.close()
    }

    @Test("a chunk cut short does not count, whatever comes in its place", arguments: [false, true])
    func cutShort(restarting: Bool) async throws {
        let house = try await House()
        var random = SeededGenerator()
        var content = random.bytes(500_000)
        let upload = try await house.uploads.create(length: UInt64(content.count), metadata: nil)
        try await house.append(upload.id, content, 0..<200_000)
        let body = TestBody()
        body.feed(Array(content[200_000..<300_000]))
        body.fail(.truncated)
        #expect(
            await failure { try await house.append(upload.id, content, 200_000..<400_000, body: body) } == .truncated)
        #expect(try await house.uploads.upload(upload.id)?.committed == 200_000)
        if restarting { try await house.restart() }
        content.replaceSubrange(200_000..<400_000, with: random.bytes(200_000))
        try await house.append(upload.id, content, 200_000..<400_000)
        try await house.append(upload.id, content, 400_000..<500_000)
        #expect(try await house.bytes(of: upload.id) == content)
        await house.close()
    }

    @Test("a chunk that arrived before succeeds again, before and after the end")
    func replay() async throws {
        let house = try await House()
        var random = SeededGenerator()
        let content = random.bytes(300_000)
        let upload = try await house.uploads.create(length: 300_000, metadata: nil)
        for start in [0, 100_000] {
            for _ in 0..<2 { try await house.append(upload.id, content, start..<start + 100_000) }
        }
        #expect(try await house.append(upload.id, content, 0..<100_000).committed == 200_000)
        for _ in 0..<2 {
            #expect(try await house.append(upload.id, content, 200_000..<300_000).state == .complete)
        }
        #expect(try await house.bytes(of: upload.id) == content)
        await house.close()
    }

    @Test("other bytes at an offset that had arrived take the upload back to there, and the retry writes them")
    func changedReplay() async throws {
        let house = try await House()
        var random = SeededGenerator()
        let old = random.bytes(300_000)
        let new = random.bytes(300_000)
        let upload = try await house.uploads.create(length: 300_000, metadata: nil)
        try await house.append(upload.id, old, 0..<100_000)
        try await house.append(upload.id, old, 100_000..<200_000)
        #expect(await failure { try await house.append(upload.id, new, 0..<100_000) } == .conflict)
        #expect(try await house.uploads.upload(upload.id)?.committed == 0)
        for start in stride(from: 0, to: 300_000, by: 100_000) {
            try await house.append(upload.id, new, start..<start + 100_000)
        }
        #expect(try await house.bytes(of: upload.id) == new)
        await house.close()
    }

    @Test("a chunk of another length at a lower offset takes the upload back and is written at once")
    func otherChunkSize() async throws {
        let house = try await House()
        var random = SeededGenerator()
        let content = random.bytes(300_000)
        let upload = try await house.uploads.create(length: 300_000, metadata: nil)
        try await house.append(upload.id, random.bytes(300_000), 0..<200_000)
        #expect(try await house.append(upload.id, content, 0..<300_000).state == .complete)
        #expect(try await house.bytes(of: upload.id) == content)
        await house.close()
    }

    @Test("a chunk with other bytes after the upload is complete is refused, and the bytes stay")
    func changedAfterCompletion() async throws {
        let house = try await House()
        let content = [UInt8](repeating: 1, count: 1000)
        let upload = try await house.uploads.create(length: 1000, metadata: nil)
        try await house.append(upload.id, content, 0..<1000)
        let other = [UInt8](repeating: 2, count: 1000)
        #expect(await failure { try await house.append(upload.id, other, 0..<1000) } == .conflict)
        #expect(try await house.bytes(of: upload.id) == content)
        await house.close()
    }

    @Test("a chunk of a whole upload that was cut differently succeeds only with the bytes that are there")
    func otherChunkSizeAfterCompletion() async throws {
        let house = try await House()
        var random = SeededGenerator()
        let content = random.bytes(300_000)
        // Other in its last byte too, which is a range of its own below.
        let other = random.bytes(299_999) + [~content[299_999]]
        let chunked = try await house.uploads.create(length: 300_000, metadata: nil)
        for start in [0, 100_000, 200_000] {
            try await house.append(chunked.id, content, start..<start + 100_000)
        }
        let posted = try await house.receive(content)
        let stored = try await house.receive(content)
        _ = try await house.uploads.store(stored.id, path: "a/file.bin")
        for id in [chunked.id, posted.id, stored.id] {
            for range in [0..<300_000, 50_000..<170_000, 299_999..<300_000, 300_000..<300_000] {
                try await house.append(id, content, range)
                guard !range.isEmpty else { continue }
                #expect(await failure { try await house.append(id, other, range) } == .conflict)
            }
            #expect(try await house.bytes(of: id) == content)
        }
        await house.close()
    }

    @Test("what contradicts the upload or itself is refused before a byte is written")
    func refusals() async throws {
        var settings = UploadSettings()
        settings.maxSize = 1_000_000
        let house = try await House(settings: settings)
        #expect(await failure { _ = try await house.uploads.create(length: 1_000_001, metadata: nil) } == .tooLarge)
        let upload = try await house.uploads.create(length: 1000, metadata: nil)
        func append(_ offset: UInt64, _ length: UInt64?, total: UInt64? = 1000, name: String? = nil) async
            -> UploadError.Kind?
        {
            let chunk = Chunk(offset: offset, bodyLength: length, uploadLength: total, name: name)
            let body = TestBody([UInt8](repeating: 0, count: Int(min(length ?? 10, 2000))))
            return await failure { _ = try await house.uploads.append(upload.id, chunk, body: body) }
        }
        #expect(await append(1, 10) == .offsetAhead)
        #expect(await append(0, 1001) == .invalid)
        #expect(await append(0, 0) == .invalid)
        #expect(await append(1001, 0) == .invalid)
        #expect(await append(0, UInt64.max) == .invalid)
        #expect(await append(0, 10, total: 999) == .invalid)
        #expect(await append(0, 10, name: "a.txt") == nil)
        #expect(await append(10, 10, name: "b.txt") == .invalid)
        let unknown = UploadID.random()
        #expect(await failure { try await house.append(unknown, [1], 0..<1) } == .notFound)
        await house.close()
    }

    @Test("a body longer than announced is refused and does not count")
    func overlong() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: 100, metadata: nil)
        let chunk = Chunk(offset: 0, bodyLength: nil, uploadLength: 100, name: nil)
        let body = TestBody([UInt8](repeating: 0, count: 101))
        #expect(await failure { _ = try await house.uploads.append(upload.id, chunk, body: body) } == .invalid)
        #expect(try await house.uploads.upload(upload.id)?.committed == 0)
        await house.close()
    }

    @Test("a newcomer stops the request at work and goes on from the last whole chunk")
    func takeOver() async throws {
        let house = try await House()
        var random = SeededGenerator()
        let content = random.bytes(300_000)
        let upload = try await house.uploads.create(length: 300_000, metadata: nil)
        let uploads = house.uploads
        let body = TestBody()
        body.feed(Array(content[0..<50_000]))
        let stalled = Task {
            let chunk = Chunk(offset: 0, bodyLength: 300_000, uploadLength: 300_000, name: nil)
            return await failure { _ = try await uploads.append(upload.id, chunk, body: body) }
        }
        _ = try await waitFor("the first request to read", within: .seconds(10)) { body.isAsked ? true : nil }
        try await house.append(upload.id, content, 0..<300_000)
        #expect(await stalled.value == .interrupted)
        #expect(try await house.bytes(of: upload.id) == content)
        await house.close()
    }

    @Test("the chunk right behind the one being received waits for its turn")
    func nextChunkWaits() async throws {
        let house = try await House()
        var random = SeededGenerator()
        let content = random.bytes(200_000)
        let upload = try await house.uploads.create(length: 200_000, metadata: nil)
        let uploads = house.uploads
        let first = TestBody()
        let one = Task {
            let chunk = Chunk(offset: 0, bodyLength: 100_000, uploadLength: 200_000, name: nil)
            return try await uploads.append(upload.id, chunk, body: first).committed
        }
        _ = try await waitFor("the first chunk to be read", within: .seconds(10)) { first.isAsked ? true : nil }
        let second = TestBody(Array(content[100_000...]))
        let two = Task {
            let chunk = Chunk(offset: 100_000, bodyLength: 100_000, uploadLength: 200_000, name: nil)
            return try await uploads.append(upload.id, chunk, body: second).state
        }
        first.feed(Array(content[..<100_000]))
        #expect(!second.isAsked)
        first.finish()
        #expect(try await one.value == 100_000)
        #expect(try await two.value == .complete)
        #expect(try await house.bytes(of: upload.id) == content)
        await house.close()
    }

    @Test("a revert while a chunk arrives stops the chunk and leaves nothing")
    func revertDuringChunk() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: 300_000, metadata: nil)
        let uploads = house.uploads
        let body = TestBody()
        body.feed([UInt8](repeating: 1, count: 10_000))
        let stalled = Task {
            let chunk = Chunk(offset: 0, bodyLength: 300_000, uploadLength: 300_000, name: nil)
            return await failure { _ = try await uploads.append(upload.id, chunk, body: body) }
        }
        _ = try await waitFor("the chunk to be read", within: .seconds(10)) { body.isAsked ? true : nil }
        try await house.uploads.revert(upload.id)
        #expect(await stalled.value == .interrupted)
        #expect(try await house.uploads.upload(upload.id) == nil)
        #expect(house.filesOnDisk() == [])
        await house.close()
    }

    @Test("any sequence of whole, cut, repeated and changed chunks and restarts ends with the bytes last sent")
    func anySequence() async throws {
        var random = SeededGenerator()
        print("chunk sequences: FPHOST_TEST_SEED=\(random.seed)")
        for _ in 0..<20 {
            let house = try await House()
            let size = Int.random(in: 1...300_000, using: &random)
            let chunkSize = Int.random(in: 5_000...100_000, using: &random)
            var content = random.bytes(size)
            let upload = try await house.uploads.create(length: UInt64(size), metadata: nil)
            var committed = 0
            while committed < size {
                let end = min(committed + chunkSize, size)
                switch Int.random(in: 0..<10, using: &random) {
                case 0:
                    let body = TestBody()
                    body.feed(Array(content[committed..<Int.random(in: committed..<end, using: &random)]))
                    body.fail(.truncated)
                    _ = await failure { try await house.append(upload.id, content, committed..<end, body: body) }
                case 1 where committed > 0:
                    let start = Int.random(in: 0..<(committed + chunkSize - 1) / chunkSize, using: &random) * chunkSize
                    try await house.append(upload.id, content, start..<min(start + chunkSize, size))
                case 2 where committed > 0:
                    let start = Int.random(in: 0..<(committed + chunkSize - 1) / chunkSize, using: &random) * chunkSize
                    content.replaceSubrange(start..., with: random.bytes(size - start))
                    let range = start..<min(start + chunkSize, size)
                    #expect(await failure { try await house.append(upload.id, content, range) } == .conflict)
                    committed = start
                case 3:
                    try await house.restart()
                case 4:
                    _ = try await house.uploads.progress(of: upload.id)
                default:
                    try await house.append(upload.id, content, committed..<end)
                    committed = end
                }
                let known = try await house.uploads.upload(upload.id)?.committed
                try #require(known == UInt64(committed), "seed \(random.seed)")
                if let kept = house.uploads.writers.record(upload.id) {
                    try #require(try await house.catalog.upload(upload.id) == kept, "seed \(random.seed)")
                }
            }
            #expect(try await house.bytes(of: upload.id) == content, "seed \(random.seed)")
            await house.close()
        }
    }
}
