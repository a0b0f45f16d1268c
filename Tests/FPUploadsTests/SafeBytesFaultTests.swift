import FPCatalog
import FPStorage
import Foundation
import Support
import Testing

@testable import FPUploads

/// What becomes of bytes that are kept as they come, when the store or the host fails.
@Suite("Safe bytes, and faults")
struct SafeBytesFaultTests {
    private static let content = (0..<100).map { UInt8($0) }

    private func append(
        _ house: MemoryHouse, _ id: UploadID, _ range: Range<Int>, cutAt cut: Int? = nil, isLast: Bool? = nil
    ) async throws -> Upload {
        let chunk = Chunk(
            offset: UInt64(range.lowerBound), bodyLength: UInt64(range.count), uploadLength: nil, name: nil,
            keeping: .everySafeByte, isLast: isLast)
        let body = TestBody()
        body.feed(Array(Self.content[range.lowerBound..<(cut ?? range.upperBound)]), piece: 100)
        if cut == nil { body.finish() } else { body.fail(.truncated) }
        return try await house.uploads.append(id, chunk, body: body)
    }

    @Test("bytes that the store does not make safe do not count, and the request fails for its own reason")
    func syncFails() async throws {
        let house = try await MemoryHouse()
        let upload = try await house.uploads.create(length: 100, metadata: nil)
        _ = try await append(house, upload.id, 0..<20)
        house.control.fail(.writeSync, 122)
        #expect(await failure { _ = try await append(house, upload.id, 20..<100, cutAt: 50) } == .truncated)
        #expect(await failure { _ = try await append(house, upload.id, 20..<50) } == .noSpace)
        house.control.heal(.writeSync)
        #expect(try await house.uploads.progress(of: upload.id)?.received == 20)
        #expect(try await append(house, upload.id, 20..<100).state == .complete)
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test("a write that fails leaves the upload where it was", arguments: [122, 500])
    func writeFails(status: Int) async throws {
        let house = try await MemoryHouse()
        let upload = try await house.uploads.create(length: 100, metadata: nil)
        #expect(await failure { _ = try await append(house, upload.id, 0..<100, cutAt: 30) } == .truncated)
        house.control.fail(.write, status, times: 1)
        #expect(await failure { _ = try await append(house, upload.id, 30..<100) } != nil)
        #expect(try await house.uploads.progress(of: upload.id)?.received == 30)
        #expect(try await append(house, upload.id, 30..<100).state == .complete)
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test("a commit of which nobody knows whether it happened is found out, also of unknown length")
    func commitUnknown() async throws {
        let house = try await MemoryHouse()
        for length in [100, nil] as [UInt64?] {
            let upload = try await house.uploads.create(length: length, metadata: nil)
            _ = try await append(house, upload.id, 0..<60)
            house.control.loseAnswers(.writeCommit, times: 1)
            let whole = try? await append(house, upload.id, 60..<100, isLast: true)
            if whole == nil {
                let received = Int(try #require(try await house.uploads.progress(of: upload.id)).received)
                _ = try await append(house, upload.id, received..<100, isLast: true)
            }
            let after = try await house.uploads.upload(upload.id)
            #expect(after?.state == .complete && after?.files[0].size == 100)
            #expect(try await house.bytes(of: upload.id) == Self.content)
        }
        await house.close()
    }

    @Test("a chunk costs the store a write and a sync, as one that is kept whole does; an empty one costs nothing")
    func calls() async throws {
        let house = try await MemoryHouse()
        let upload = try await house.uploads.create(length: nil, metadata: nil)
        for (range, cut, calls) in [(0..<30, nil, 2), (30..<30, nil, 0), (30..<60, 40, 3)] as [(Range<Int>, Int?, Int)]
        {
            let before = house.control[.all, .calls]
            _ = try? await append(house, upload.id, range, cutAt: cut)
            #expect(house.control[.all, .calls] - before == calls, "a cut one closes its writer too")
        }
        await house.close()
    }

    @Test("what was acknowledged is there after the host was killed at any moment, and what is received never falls")
    func killed() async throws {
        var random = SeededGenerator()
        print("killed host: FPHOST_TEST_SEED=\(random.seed)")
        let directory = try TemporaryDirectory()
        let seed = random.seed
        let size = 4_000_000
        var (uploads, catalog, stores) = try await House.open(directory.url)
        let id = try await uploads.create(length: nil, metadata: nil).id
        func close() async {
            await uploads.shutdown()
            await catalog.close()
            for store in stores { await store.shutdown() }
        }
        await close()
        let (path, log, name) = (directory.url.path, directory.url.path + "/acknowledged", id.description)
        var highest: UInt64 = 0
        for round in 0..<6 {
            let delay = Int.random(in: 20...300, using: &random)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [
                    path = path as String, log = log as String, name = name as String, seed = seed as UInt64,
                    delay = delay as Int
                ] in
                try await send(size: 4_000_000, seed: seed, to: name, in: path, log: log, killedAfter: delay)
            }
            let lines = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            for line in lines.split(separator: "\n") { highest = max(highest, UInt64(line) ?? 0) }
            (uploads, catalog, stores) = try await House.open(directory.url)
            await uploads.recover()
            let upload = try #require(try await uploads.progress(of: id), "round \(round)")
            #expect(upload.received >= highest, "round \(round), seed \(seed)")
            await close()
        }
        #expect(highest > 0, "the killed hosts got something done")
        (uploads, catalog, stores) = try await House.open(directory.url)
        var content = SeededGenerator(seed: seed)
        let bytes = content.bytes(size)
        let received = try #require(try await uploads.progress(of: id)).received
        let rest = Array(bytes[Int(received)...])
        let last = Chunk(
            offset: received, bodyLength: UInt64(rest.count), uploadLength: nil, name: nil, keeping: .everySafeByte,
            isLast: true)
        #expect(try await uploads.append(id, last, body: TestBody(rest)).state == .complete)
        let reader = try await uploads.open(id, for: .bytes(offset: 0, length: nil)).read()
        var found: [UInt8] = []
        while let buffer = try await reader.next() { found.append(contentsOf: buffer.readableBytesView) }
        reader.close()
        #expect(found == bytes, "seed \(seed)")
        await close()
    }
}

/// Sends an upload in chunks of which some are cut, writes down what each is acknowledged with, and is killed.
private func send(
    size: Int, seed: UInt64, to name: String, in path: String, log: String, killedAfter delay: Int
) async throws {
    let file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    precondition(file >= 0)
    var content = SeededGenerator(seed: seed)
    let bytes = content.bytes(size)
    var random = SystemRandomNumberGenerator()
    let (uploads, _, _) = try await House.open(URL(fileURLWithPath: path))
    await uploads.recover()
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(delay)) { kill(getpid(), SIGKILL) }
    guard let id = UploadID(name) else { return }
    while true {
        guard let received = try await uploads.progress(of: id)?.received else { return }
        let line = Array("\(received)\n".utf8)
        precondition(write(file, line, line.count) == line.count)
        let start = Int(received)
        // The last byte is the parent's to send.
        let end = min(start + Int.random(in: 1...20_000, using: &random), size - 1)
        let chunk = Chunk(
            offset: received, bodyLength: UInt64(end - start), uploadLength: nil, name: nil, keeping: .everySafeByte)
        let body = TestBody()
        body.feed(Array(bytes[start..<Int.random(in: start...end, using: &random)]))
        if Bool.random(using: &random) { body.fail(.truncated) } else { body.feed([]); body.fail(.tooSlow) }
        _ = try? await uploads.append(id, chunk, body: body)
    }
}
