import FPCatalog
import FPFormats
import FPStorage
import Foundation
import Support
import Testing

@testable import FPUploads

@Suite("Receiving where every safe byte is kept")
struct SafeBytesTests {
    private static let content = (0..<100).map { UInt8($0) }

    /// What a call failed with.
    private func error(_ call: () async throws -> Void) async -> UploadError? {
        do {
            try await call()
            return nil
        } catch {
            return error as? UploadError
        }
    }

    /// A body that is cut.
    private func body(_ bytes: some Sequence<UInt8>, then end: ByteSourceError) -> TestBody {
        let body = TestBody()
        body.feed(Array(bytes), piece: 7)
        body.fail(end)
        return body
    }

    @Test("a chunk whose digest is another does not count at all, and the upload goes on from where it was")
    func otherDigest() async throws {
        let house = try await House()
        var random = SeededGenerator()
        let content = random.bytes(500_000)
        let upload = try await house.uploads.create(length: 500_000, metadata: nil)
        try await house.appendInOrder(upload.id, at: 0, Array(content[..<200_000]))
        for (range, restarts) in [(200_000..<400_000, false), (200_000..<500_000, true)] {
            let chunk = Chunk(
                offset: 200_000, bodyLength: UInt64(range.count), uploadLength: nil, name: nil, keeping: .everySafeByte)
            let stated = DigestSet(.sha256, [UInt8](repeating: 0, count: 32))
            let body = CheckedSource(TestBody(Array(content[range])), DigestCheck(stated))
            #expect(
                await failure { _ = try await house.uploads.append(upload.id, chunk, body: body) } == .digestMismatch,
                "seed \(random.seed)")
            if restarts { try await house.restart() }
            #expect(try await house.uploads.progress(of: upload.id)?.received == 200_000, "seed \(random.seed)")
        }
        try await house.appendInOrder(upload.id, at: 200_000, Array(content[200_000...]))
        #expect(try await house.bytes(of: upload.id) == content, "seed \(random.seed)")
        await house.close()
    }

    @Test("a chunk that is cut counts as far as it came, and that is on record when its request fails")
    func cut() async throws {
        for (end, kind) in [(ByteSourceError.truncated, UploadError.Kind.truncated), (.tooSlow, .tooSlow)] {
            let house = try await House()
            let upload = try await house.uploads.create(length: 100, metadata: nil)
            #expect(try await house.appendInOrder(upload.id, at: 0, Array(Self.content[..<20])).received == 20)
            let body = body(Self.content[20..<63], then: end)
            let failed = await failure {
                try await house.appendInOrder(upload.id, at: 20, Array(Self.content[20...]), body: body)
            }
            #expect(failed == kind)
            let session = try await house.catalog.upload(upload.id)?.session
            #expect(session?.received == 63)
            #expect(session?.committed == 20, "the end of the last whole chunk")
            #expect(try await house.uploads.progress(of: upload.id)?.received == 63)
            try await house.restart()
            #expect(try await house.uploads.progress(of: upload.id)?.received == 63)
            let whole = try await house.appendInOrder(upload.id, at: 63, Array(Self.content[63...]))
            #expect(whole.state == .complete && whole.received == 100 && whole.committed == 100)
            #expect(try await house.bytes(of: upload.id) == Self.content)
            await house.close()
        }
    }

    @Test("nothing counts of a body that its own source gives up")
    func givenUp() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: 100, metadata: nil)
        try await house.appendInOrder(upload.id, at: 0, Array(Self.content[..<20]))
        let body = body([UInt8](repeating: 0xFF, count: 80), then: .failed(UploadError(.invalid, "another checksum")))
        let failed = await error {
            try await house.appendInOrder(upload.id, at: 20, Array(Self.content[20...]), body: body)
        }
        #expect(failed?.message == "another checksum")
        #expect(try await house.uploads.progress(of: upload.id)?.received == 20)
        try await house.appendInOrder(upload.id, at: 20, Array(Self.content[20...]))
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test("a chunk that begins anywhere but where the upload stands is told where that is, and changes nothing")
    func otherOffsets() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: 100, metadata: nil)
        let body = body(Self.content[..<33], then: .truncated)
        _ = await failure { try await house.appendInOrder(upload.id, at: 0, Self.content, body: body) }
        for offset in [0, 20, 32, 34, 100, 101] {
            let refused = await error {
                try await house.appendInOrder(upload.id, at: offset, Array(Self.content[min(offset, 100)...]))
            }
            #expect(refused?.kind == .conflict)
            #expect(refused?.expectedOffset == 33)
        }
        #expect(try await house.catalog.upload(upload.id)?.session?.received == 33)
        try await house.appendInOrder(upload.id, at: 33, Array(Self.content[33...]))
        for offset in [0, 33, 99] {
            let refused = await error { try await house.appendInOrder(upload.id, at: offset, [1]) }
            #expect(refused?.kind == .conflict)
            #expect(refused?.expectedOffset == 100, "also when the upload is whole")
        }
        #expect(try await house.appendInOrder(upload.id, at: 100, []).state == .complete, "the end once more")
        #expect(await failure { try await house.appendInOrder(upload.id, at: 100, [1]) } == .invalid)
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test("a newcomer stops the one at work, whose bytes count; also the chunk right behind it does not wait")
    func newcomer() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: 100, metadata: nil)
        let uploads = house.uploads
        let stalled = TestBody()
        let holder = Task {
            let chunk = Chunk(offset: 0, bodyLength: 50, uploadLength: nil, name: nil, keeping: .everySafeByte)
            return await failure { _ = try await uploads.append(upload.id, chunk, body: stalled) }
        }
        stalled.feed(Array(Self.content[..<31]))
        _ = try await waitFor("the first bytes to be taken", within: .seconds(10)) { stalled.isEmpty ? true : nil }
        let refused = await error { try await house.appendInOrder(upload.id, at: 50, Array(Self.content[50...])) }
        #expect(refused?.expectedOffset == 31)
        #expect(await holder.value == .interrupted)
        try await house.appendInOrder(upload.id, at: 31, Array(Self.content[31...]))
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test("what a request received counts although its task was cancelled")
    func cancelled() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: 100, metadata: nil)
        let uploads = house.uploads
        let body = TestBody()
        let request = Task {
            let chunk = Chunk(offset: 0, bodyLength: 100, uploadLength: nil, name: nil, keeping: .everySafeByte)
            return await failure { _ = try await uploads.append(upload.id, chunk, body: body) }
        }
        body.feed(Array(Self.content[..<31]))
        _ = try await waitFor("the first bytes to be taken", within: .seconds(10)) { body.isEmpty ? true : nil }
        request.cancel()
        #expect(await request.value == .interrupted)
        #expect(try await house.catalog.upload(upload.id)?.session?.received == 31)
        await house.close()
    }

    // MARK: - Where an upload ends

    @Test("the end is counted or announced, with the length known or not", arguments: [0, 1, 60, 100])
    func ends(size: Int) async throws {
        let house = try await House()
        let content = Array(Self.content[..<size])
        let half = size / 2
        for isKnown in [true, false] {
            for tellsLength in [true, false] {
                // The end comes with the last bytes, or behind them.
                for isEmpty in [true, false] {
                    let upload = try await house.uploads.create(length: isKnown ? UInt64(size) : nil, metadata: nil)
                    let first = try await house.appendInOrder(
                        upload.id, at: 0, Array(content[..<half]), tellsLength: tellsLength, isLast: false)
                    #expect(first.state == .receiving && first.received == half)
                    if isEmpty {
                        let all = try await house.appendInOrder(
                            upload.id, at: half, Array(content[half...]), tellsLength: tellsLength, isLast: false)
                        #expect(all.state == .receiving && all.received == size, "all bytes, and not the end")
                    }
                    let whole = try await house.appendInOrder(
                        upload.id, at: isEmpty ? size : half, isEmpty ? [] : Array(content[half...]),
                        tellsLength: tellsLength, isLast: true)
                    #expect(whole.state == .complete && whole.files[0].size == UInt64(size))
                    #expect(try await house.bytes(of: upload.id) == content)
                }
            }
        }
        let counted = try await house.uploads.create(length: UInt64(size), metadata: nil)
        #expect(try await house.appendInOrder(counted.id, at: 0, content, isLast: nil).state == .complete)
        #expect(try await house.bytes(of: counted.id) == content)
        await house.close()
    }

    @Test("a length that is told late ends the upload like one that was known from the start")
    func lateLength() async throws {
        let house = try await House()
        for (announcedAt, isEmpty) in [(0, false), (40, false), (100, true)] {
            let upload = try await house.uploads.create(length: nil, metadata: nil)
            for start in stride(from: 0, to: 100, by: 20) {
                let after = try await house.appendInOrder(
                    upload.id, at: start, Array(Self.content[start..<start + 20]),
                    total: start == announcedAt ? 100 : nil)
                #expect(after.state == (start == 80 && !isEmpty ? .complete : .receiving))
            }
            if isEmpty { try await house.appendInOrder(upload.id, at: 100, [], total: 100) }
            #expect(try await house.uploads.upload(upload.id)?.state == .complete)
            #expect(try await house.bytes(of: upload.id) == Self.content)
        }
        await house.close()
    }

    @Test("a length that is told with a chunk that is cut is on record, and no other is taken after it")
    func contradictions() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: nil, metadata: nil)
        try await house.appendInOrder(upload.id, at: 0, Array(Self.content[..<40]))
        let tooSmall = await failure { try await house.appendInOrder(upload.id, at: 40, [], total: 39) }
        #expect(tooSmall == .invalid, "less than has arrived")
        let body = body(Self.content[40..<50], then: .truncated)
        _ = await failure {
            try await house.appendInOrder(upload.id, at: 40, Array(Self.content[40...]), total: 100, body: body)
        }
        #expect(try await house.uploads.upload(upload.id)?.files[0].size == 100)
        #expect(await failure { try await house.appendInOrder(upload.id, at: 50, [1], total: 99) } == .invalid)
        #expect(await failure { try await house.appendInOrder(upload.id, at: 50, [1, 2], isLast: true) } == .invalid)
        #expect(try await house.uploads.upload(upload.id)?.received == 50)
        let early = await failure {
            try await house.appendInOrder(
                upload.id, at: 50, Self.content[50..<60] + [], tellsLength: false, isLast: true)
        }
        #expect(early == .invalid, "the end came too early")
        #expect(try await house.uploads.upload(upload.id)?.received == 60, "and the bytes are good")
        let long = await failure {
            try await house.appendInOrder(upload.id, at: 60, Self.content[60...] + [1], tellsLength: false)
        }
        #expect(long == .invalid)
        let received = Int(try #require(try await house.uploads.upload(upload.id)?.received))
        try await house.appendInOrder(upload.id, at: received, Array(Self.content[received...]))
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test("no way leads beyond the size that an upload may have")
    func maxSize() async throws {
        var settings = UploadSettings()
        settings.maxSize = 50
        let house = try await House(settings: settings)
        let upload = try await house.uploads.create(length: nil, metadata: nil)
        #expect(await failure { try await house.appendInOrder(upload.id, at: 0, [1], total: 51) } == .tooLarge)
        #expect(await failure { try await house.appendInOrder(upload.id, at: 0, Self.content) } == .tooLarge)
        #expect(try await house.uploads.upload(upload.id)?.received == 0)
        let body = TestBody(Self.content, piece: 20)
        let endless = await failure {
            try await house.appendInOrder(upload.id, at: 0, Self.content, tellsLength: false, body: body)
        }
        #expect(endless == .tooLarge)
        let received = Int(try #require(try await house.uploads.upload(upload.id)?.received))
        #expect(received <= 50)
        try await house.appendInOrder(upload.id, at: received, Array(Self.content[received..<50]))
        #expect(await failure { try await house.appendInOrder(upload.id, at: 50, [1]) } == .tooLarge)
        let unannounced = await failure {
            try await house.appendInOrder(upload.id, at: 50, [1], tellsLength: false, isLast: true)
        }
        #expect(unannounced == .tooLarge)
        #expect(try await house.appendInOrder(upload.id, at: 50, [], isLast: true).files[0].size == 50)
        #expect(try await house.bytes(of: upload.id) == Array(Self.content[..<50]))
        await house.close()
    }

    @Test("a commit that the catalog never heard of is found by the last chunk sent again, also of unknown length")
    func unheardCommit() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: nil, metadata: nil)
        try await house.appendInOrder(upload.id, at: 0, Self.content)
        await house.uploads.writers.closeAll()
        let record = try #require(try await house.catalog.upload(upload.id))
        // What the host does before it dies: the length goes on record, then the session is committed.
        let length = ChunkArrival(.part(upTo: 100), size: 100, name: "", token: nil, arrivedAt: .now)
        #expect(try await house.catalog.advance(upload.id, by: length))
        let resumed = try await house.staging.resumeWrite(token: try #require(record.session?.token), offset: 100)
        guard case .open(let writer) = resumed else {
            Issue.record("the session is not open")
            return
        }
        try await writer.commit(size: 100, power: false)
        await writer.close()
        try await house.restart()
        #expect(try await house.uploads.progress(of: upload.id)?.received == 100)
        #expect(try await house.appendInOrder(upload.id, at: 100, [], isLast: true).state == .complete)
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    // MARK: - From one dialect to the other

    @Test("a chunk that is kept whole goes on behind the last whole one, and takes the rest of a cut one back")
    func toWhole() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: nil, metadata: nil)
        try await house.appendInOrder(upload.id, at: 0, Array(Self.content[..<20]))
        let body = body([UInt8](repeating: 0xFF, count: 30), then: .truncated)
        _ = await failure { try await house.appendInOrder(upload.id, at: 20, Array(Self.content[20...]), body: body) }
        let told = try #require(try await house.uploads.progress(of: upload.id))
        #expect(told.committed == 20 && told.received == 50)
        #expect(await failure { try await house.append(upload.id, Self.content, 50..<70) } == .offsetAhead)
        let after = try await house.append(upload.id, Self.content, 20..<60)
        #expect(after.committed == 60 && after.received == 60)
        #expect(try await house.append(upload.id, Self.content, 20..<60).received == 60, "a replay")
        #expect(try await house.append(upload.id, Self.content, 0..<20).received == 60, "of the other dialect's chunk")
        #expect(try await house.append(upload.id, Self.content, 60..<100).state == .complete)
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test("a chunk that keeps every safe byte goes on behind whole ones, and a cut whole one leaves nothing")
    func toEverySafeByte() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: 100, metadata: nil)
        try await house.append(upload.id, Self.content, 0..<30)
        let body = body([UInt8](repeating: 0xFF, count: 30), then: .truncated)
        _ = await failure { try await house.append(upload.id, Self.content, 30..<100, body: body) }
        #expect(try await house.uploads.progress(of: upload.id)?.received == 30)
        #expect(try await house.appendInOrder(upload.id, at: 30, Array(Self.content[30...])).state == .complete)
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test("any sequence of cuts, wrong offsets, restarts and changes of dialect ends with the bytes that were sent")
    func anySequence() async throws {
        var random = SeededGenerator()
        print("safe bytes: FPHOST_TEST_SEED=\(random.seed)")
        for _ in 0..<20 {
            let house = try await House()
            let size = Int.random(in: 1...300_000, using: &random)
            let content = random.bytes(size)
            var isKnown = Bool.random(using: &random)
            let upload = try await house.uploads.create(length: isKnown ? UInt64(size) : nil, metadata: nil)
            var (received, committed) = (0, 0)
            func send(_ end: Int, body: TestBody? = nil) async throws {
                try await house.appendInOrder(
                    upload.id, at: received, Array(content[received..<end]), tellsLength: .random(using: &random),
                    isLast: false, body: body)
            }
            while received < size {
                let end = min(received + Int.random(in: 1...100_000, using: &random), size)
                switch Int.random(in: 0..<10, using: &random) {
                case 0...3:
                    let cut = Int.random(in: received..<end, using: &random)
                    let body = TestBody()
                    body.feed(Array(content[received..<cut]), piece: Int.random(in: 1000...70_000, using: &random))
                    body.fail(random.next() % 2 == 0 ? .truncated : .tooSlow)
                    #expect(await failure { try await send(end, body: body) } != nil)
                    received = cut
                case 4:
                    let offset = Int.random(in: 0...size + 1, using: &random)
                    guard offset != received else { continue }
                    let refused = await error { try await house.appendInOrder(upload.id, at: offset, [0]) }
                    try #require(refused?.expectedOffset == UInt64(received), "seed \(random.seed)")
                case 5: try await house.restart()
                case 6:
                    let end = min(committed + Int.random(in: 1...100_000, using: &random), size)
                    // There the end is counted.
                    if end == size { continue }
                    isKnown = true
                    try await house.append(upload.id, content, committed..<end)
                    (received, committed) = (end, end)
                default:
                    try await send(end)
                    (received, committed) = (end, end)
                }
                let known = try await house.uploads.progress(of: upload.id)
                try #require(known?.received == UInt64(received), "seed \(random.seed)")
                try #require(known?.committed == UInt64(committed), "seed \(random.seed)")
                if let kept = house.uploads.writers.record(upload.id) {
                    try #require(try await house.catalog.upload(upload.id) == kept, "seed \(random.seed)")
                }
            }
            let whole = try await house.appendInOrder(upload.id, at: size, [], isLast: isKnown ? nil : true)
            #expect(whole.state == .complete, "seed \(random.seed)")
            #expect(try await house.bytes(of: upload.id) == content, "seed \(random.seed)")
            await house.close()
        }
    }
}
