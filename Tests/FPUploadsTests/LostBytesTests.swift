import Crypto
import FPCatalog
import FPFormats
import FPStorage
import Foundation
import NIOCore
import Support
import Testing

@testable import FPUploads

/// What becomes of an upload in chunks when somebody else takes its staged bytes away: a lifecycle rule, or a person who
/// cleans up.
@Suite("Staged bytes that are gone")
struct LostBytesTests {
    private static let content = (0..<30).map { UInt8($0) }

    private func begun(_ house: House, upTo end: Int) async throws -> UploadID {
        let upload = try await house.uploads.create(length: 30, metadata: "{}")
        for start in stride(from: 0, to: end, by: 10) {
            try await house.append(upload.id, Self.content, start..<start + 10)
        }
        await house.uploads.writers.closeAll()
        return upload.id
    }

    @Test(
        "what was stated of the file when the upload began is compared at its end, whatever happened to the host between"
    )
    func statedDigest() async throws {
        let house = try await House()
        var random = SeededGenerator()
        let content = random.bytes(300_000)
        let stated = DigestSet(.sha256, Array(SHA256.hash(data: content)))
        let upload = try await house.uploads.create(length: 300_000, metadata: nil, digests: stated)
        var others = content
        others[Int.random(in: 0..<300_000, using: &random)] ^= 1
        try await house.append(upload.id, others, 0..<200_000)
        try await house.restart()
        #expect(
            await failure { _ = try await house.append(upload.id, others, 200_000..<300_000) } == .digestMismatch,
            "seed \(random.seed)")
        try await house.restart()
        #expect(try await house.uploads.progress(of: upload.id)?.committed == 0)
        try await house.append(upload.id, content, 0..<300_000)
        #expect(try await house.bytes(of: upload.id) == content, "seed \(random.seed)")
        #expect(house.filesOnDisk().count == 1, "nothing is left of the other one")
        await house.close()
    }

    @Test(
        "tusd defect 3: an upload whose bytes are gone from its store begins again at 0, and is not called complete",
        arguments: [0, 20, 30])
    func asked(arrived: Int) async throws {
        let house = try await House()
        let id = try await begun(house, upTo: arrived)
        #expect(try await house.uploads.progress(of: id)?.committed == UInt64(arrived))
        await house.uploads.writers.closeAll()
        try house.cleanStaging()
        let upload = try #require(try await house.uploads.progress(of: id))
        #expect(upload.committed == 0)
        #expect(upload.state == .receiving)
        #expect(upload.metadata == "{}")
        for start in [0, 10, 20] { try await house.append(id, Self.content, start..<start + 10) }
        #expect(try await house.bytes(of: id) == Self.content)
        #expect(house.filesOnDisk().count == 1)
        await house.close()
    }

    @Test("the same bytes at 0 are taken as new ones, and counted as far as they reach", arguments: [20, 30])
    func repeated(arrived: Int) async throws {
        let house = try await House()
        let id = try await begun(house, upTo: arrived)
        try house.cleanStaging()
        let upload = try await house.append(id, Self.content, 0..<10)
        #expect(upload.state == .receiving)
        #expect(upload.committed == 10)
        for start in [10, 20] { try await house.append(id, Self.content, start..<start + 10) }
        #expect(try await house.bytes(of: id) == Self.content)
        await house.close()
    }

    @Test("a replay in the middle is not acknowledged, and the upload goes on from 0", arguments: [20, 30])
    func replayInTheMiddle(arrived: Int) async throws {
        let house = try await House()
        let id = try await begun(house, upTo: arrived)
        try house.cleanStaging()
        #expect(await failure { try await house.append(id, Self.content, 10..<20) } == .offsetAhead)
        #expect(try await house.uploads.progress(of: id)?.committed == 0)
        for start in [0, 10, 20] { try await house.append(id, Self.content, start..<start + 10) }
        #expect(try await house.bytes(of: id) == Self.content)
        await house.close()
    }

    @Test("the next chunk is refused with the reason, and the upload goes on from 0")
    func next() async throws {
        let house = try await House()
        let id = try await begun(house, upTo: 20)
        try house.cleanStaging()
        #expect(await failure { try await house.append(id, Self.content, 20..<30) } == .conflict)
        #expect(try await house.uploads.progress(of: id)?.committed == 0)
        #expect(try await house.append(id, Self.content, 0..<30).state == .complete)
        #expect(try await house.bytes(of: id) == Self.content)
        await house.close()
    }

    @Test("bytes that go from under an open writer are missed at the end, and the upload goes on from 0")
    func underTheWriter() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: 30, metadata: nil)
        try await house.append(upload.id, Self.content, 0..<20)
        try house.cleanStaging()
        #expect(await failure { try await house.append(upload.id, Self.content, 20..<30) } == .conflict)
        #expect(try await house.uploads.progress(of: upload.id)?.committed == 0)
        #expect(try await house.append(upload.id, Self.content, 0..<30).state == .complete)
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test("a whole file of another size is not the one that arrived")
    func otherSize() async throws {
        let house = try await House()
        let id = try await begun(house, upTo: 30)
        let file = try #require(house.directory.files(below: "staging").first)
        try Data([1]).write(to: house.directory.url.appendingPathComponent("staging/" + file))
        #expect(try await house.uploads.progress(of: id)?.committed == 0)
        #expect(try await house.append(id, Self.content, 0..<30).state == .complete)
        #expect(try await house.bytes(of: id) == Self.content)
        #expect(house.filesOnDisk().count == 1, "what was there is removed")
        await house.close()
    }

    @Test("a failure that passes changes nothing", arguments: [200, 202, 201])
    func passing(status: Int) async throws {
        let house = try await MemoryHouse()
        let upload = try await house.uploads.create(length: 30, metadata: nil)
        func append(_ range: Range<Int>) async throws -> Upload {
            let chunk = Chunk(
                offset: UInt64(range.lowerBound), bodyLength: UInt64(range.count), uploadLength: 30, name: "n")
            return try await house.uploads.append(upload.id, chunk, body: TestBody(Array(Self.content[range])))
        }
        _ = try await append(0..<20)
        await house.uploads.writers.closeAll()
        let before = try await house.catalog.upload(upload.id)
        for operation in [PluginControl.Operation.writeResume, .stat] { house.control.fail(operation, status) }
        for call in [{ _ = try await append(20..<30) }, { _ = try await append(0..<20) }] {
            #expect([.unavailable, .timeout].contains(await failure(call)))
        }
        let asked = await failure { _ = try await house.uploads.progress(of: upload.id) }
        #expect([.unavailable, .timeout].contains(asked))
        #expect(try await house.catalog.upload(upload.id)?.session == before?.session)
        for operation in [PluginControl.Operation.writeResume, .stat] { house.control.heal(operation) }
        _ = try await waitFor("the store to be well again", within: .seconds(30)) {
            _ = try? await house.staging.health()
            return try? await append(20..<30)
        }
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test("the chunk behind an open writer asks the store for nothing but to write")
    func hotPath() async throws {
        let house = try await MemoryHouse()
        let upload = try await house.uploads.create(length: 30, metadata: nil)
        let content = Self.content
        for start in [0, 10] {
            let before = house.control[.all, .calls]
            let chunk = Chunk(offset: UInt64(start), bodyLength: 10, uploadLength: 30, name: "n")
            _ = try await house.uploads.append(
                upload.id, chunk, body: TestBody(Array(content[start..<start + 10]), piece: 10))
            #expect(house.control[.all, .calls] - before == 2, "write and sync")
        }
        await house.close()
    }

    @Test("a name that came with the announcement is kept until a chunk has another")
    func announcedName() async throws {
        let house = try await House()
        for (name, expected) in [(nil, "dir.png"), ("other.png", "other.png")] as [(String?, String)] {
            let upload = try await house.uploads.create(length: 30, metadata: nil, name: "a/dir.png")
            #expect(upload.files[0].name == "dir.png")
            let chunk = Chunk(offset: 0, bodyLength: 10, uploadLength: 30, name: name)
            let after = try await house.uploads.append(upload.id, chunk, body: TestBody(Array(Self.content[0..<10])))
            #expect(after.files[0].name == expected)
            let last = Chunk(offset: 10, bodyLength: 20, uploadLength: nil, name: nil)
            _ = try await house.uploads.append(upload.id, last, body: TestBody(Array(Self.content[10..<30])))
            #expect(try await house.uploads.upload(upload.id)?.files[0].name == expected)
        }
        await house.close()
    }
}
