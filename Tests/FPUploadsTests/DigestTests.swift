import CChecksums
import Crypto
import FPCatalog
import Foundation
import Support
import Testing

@testable import FPUploads

@Suite("Digests of what arrives")
struct DigestTests {
    private static func digests(_ bytes: [UInt8], _ kind: UploadDigest = .sha256) -> FileDigests {
        FileDigests(
            sha256: kind == .sha256 ? Array(SHA256.hash(data: bytes)) : nil,
            crc64: cs_crc64nvme(0, bytes, bytes.count))
    }

    private func digests(_ house: House, _ id: UploadID) async throws -> FileDigests? {
        try await house.catalog.upload(id)?.files[0].digests
    }

    @Test("the files of a form are known by both digests, whatever their size", arguments: UploadDigest.allCases)
    func form(kind: UploadDigest) async throws {
        var settings = UploadSettings()
        settings.digest = kind
        let house = try await House(settings: settings)
        var random = SeededGenerator()
        for size in [0, 1, 63, 64, 100_000, 262_144, 262_145, 1_500_000] {
            let content = random.bytes(size)
            let upload = try await house.receive(content)
            #expect(try await digests(house, upload.id) == Self.digests(content, kind), "\(size) bytes")
        }
        await house.close()
    }

    @Test("chunks of any size, sent again, cut, with other bytes and over restarts, leave the digests of what is there")
    func anyWay() async throws {
        let house = try await House()
        var random = SeededGenerator()
        for _ in 0..<25 {
            var content = random.bytes(Int.random(in: 1...3_000, using: &random))
            let upload = try await house.uploads.create(length: UInt64(content.count), metadata: nil)
            // Where the whole chunks end, whether all the time it was known what the digests are, and the chunks on record.
            var (ends, isKnown, chunks) = ([0], true, Set<Range<Int>>())
            while true {
                let at = ends[ends.count - 1]
                switch Int.random(in: 0..<8, using: &random) {
                case 0: try await house.restart()
                case 1 where ends.count > 1:
                    let back = Int.random(in: 0..<ends.count - 1, using: &random)
                    let range = ends[back]..<ends[back + 1]
                    guard chunks.contains(range) else { break }
                    if Bool.random(using: &random) {
                        try await house.append(upload.id, content, range)
                    } else {
                        for index in range.lowerBound..<content.count { content[index] ^= 0x55 }
                        #expect(await failure { try await house.append(upload.id, content, range) } == .conflict)
                        ends.removeSubrange((back + 1)...)
                        chunks = chunks.filter { $0.upperBound <= range.lowerBound }
                    }
                case 2:
                    // What came of it is kept, and then the next chunk of the other dialect drops it.
                    let body = TestBody()
                    body.feed(Array(content[at..<Int.random(in: at...content.count, using: &random)]), piece: 97)
                    body.fail(.truncated)
                    _ = await failure {
                        try await house.appendInOrder(upload.id, at: at, Array(content[at...]), body: body)
                    }
                case 3 where at > 1 && ends.count > 1:
                    // Back to the middle of a chunk: from there on nobody knows.
                    let start = Int.random(in: ends[ends.count - 2] + 1...at, using: &random)
                    guard start < at, start < content.count else { break }
                    ends[ends.count - 1] = start
                    chunks = chunks.filter { $0.upperBound <= start }
                    isKnown = false
                    fallthrough
                default:
                    let start = ends[ends.count - 1]
                    let end = min(content.count, start + Int.random(in: 1...900, using: &random))
                    try await house.append(upload.id, content, start..<end)
                    ends.append(end)
                    chunks.insert(start..<end)
                }
                if ends[ends.count - 1] == content.count { break }
            }
            let found = try await digests(house, upload.id)
            if isKnown { #expect(found == Self.digests(content), "without reading anything, seed \(random.seed)") }
            _ = try await waitFor("the digests of what is there, seed \(random.seed)", within: .seconds(10)) {
                try await digests(house, upload.id) == Self.digests(content) ? true : nil
            }
            #expect(try await house.bytes(of: upload.id) == content)
        }
        await house.close()
    }

    @Test("where every safe byte is kept, hashing goes on from each of them")
    func safeBytes() async throws {
        let house = try await House()
        var random = SeededGenerator()
        let content = random.bytes(5_000)
        let upload = try await house.uploads.create(length: nil, metadata: nil)
        var received = 0
        while received < content.count {
            let body = TestBody()
            let end = min(content.count, received + Int.random(in: 1...900, using: &random))
            body.feed(Array(content[received..<end]), piece: 41)
            body.fail(.truncated)
            _ = await failure {
                try await house.appendInOrder(
                    upload.id, at: received, Array(content[received...]), tellsLength: false, body: body)
            }
            received = Int(try #require(try await house.uploads.progress(of: upload.id)?.received))
            #expect(received == end)
            if Bool.random(using: &random) { try await house.restart() }
        }
        try await house.appendInOrder(upload.id, at: received, [], total: received, isLast: true)
        #expect(try await digests(house, upload.id) == Self.digests(content), "seed \(random.seed)")
        await house.close()
    }

    @Test("an upload that loses its bytes is known by those that come in their place")
    func beginAgain() async throws {
        let house = try await House()
        let content = [UInt8](repeating: 1, count: 1_000)
        let other = [UInt8](repeating: 2, count: 1_000)
        let upload = try await house.uploads.create(length: 1_000, metadata: nil)
        try await house.append(upload.id, content, 0..<1_000)
        try await house.restart()
        try house.cleanStaging()
        #expect(try await house.uploads.progress(of: upload.id)?.committed == 0)
        #expect(try await digests(house, upload.id) == FileDigests())
        try await house.append(upload.id, other, 0..<500)
        try await house.append(upload.id, other, 500..<1_000)
        #expect(try await digests(house, upload.id) == Self.digests(other))
        await house.close()
    }

    @Test("after a change of `uploads.digest` an upload goes on with what is known, or is read when it is whole")
    func change() async throws {
        let content = [UInt8](0..<200)
        for (before, after) in [(UploadDigest.sha256, UploadDigest.crc64nvme), (.crc64nvme, .sha256)] {
            var settings = UploadSettings()
            settings.digest = before
            let house = try await House(settings: settings)
            let upload = try await house.uploads.create(length: 200, metadata: nil)
            try await house.append(upload.id, content, 0..<100)
            await house.close()
            settings.digest = after
            let (uploads, catalog, stores) = try await House.open(house.directory.url, settings)
            let chunk = Chunk(offset: 100, bodyLength: 100, uploadLength: 200, name: nil)
            _ = try await uploads.append(upload.id, chunk, body: TestBody(Array(content[100...])))
            _ = try await waitFor("the digests that are wanted now", within: .seconds(10)) {
                try await catalog.upload(upload.id)?.files[0].digests == Self.digests(content, after) ? true : nil
            }
            await uploads.shutdown()
            await catalog.close()
            for store in stores { await store.shutdown() }
        }
    }

    @Test("a put that is tried again hashes the bytes once")
    func repeatedPut() async throws {
        let house = try await MemoryHouse()
        house.control.fail(.writeCommit, 200, times: 1)
        let content = [UInt8](repeating: 9, count: 150_000)
        let upload = try await house.receive(content)
        #expect(house.control[.writeBegin, .calls] > 1)
        #expect(try await house.catalog.upload(upload.id)?.files[0].digests == Self.digests(content))
        await house.close()
    }

    @Test("a commit whose answer is lost leaves an upload that is read to be known")
    func lostCommit() async throws {
        let house = try await House()
        let content = [UInt8](repeating: 5, count: 1_000)
        let upload = try await house.uploads.create(length: 1_000, metadata: nil)
        try await house.append(upload.id, content, 0..<500)
        let record = try #require(try await house.catalog.upload(upload.id))
        // As if the host had died between the store's commit and the catalog's.
        try await house.restart()
        let session = try #require(record.session)
        guard case .open(let writer) = try await house.staging.resumeWrite(token: session.token, offset: 500) else {
            Issue.record("the session is not there")
            return
        }
        try await writer.write([.init(bytes: content[500...])])
        try await writer.commit(size: 1_000, power: false)
        #expect(try await house.append(upload.id, content, 500..<1_000).state == .complete)
        _ = try await waitFor("the digests of what is there", within: .seconds(10)) {
            try await digests(house, upload.id) == Self.digests(content) ? true : nil
        }
        await house.close()
    }

    @Test("digests that are kept are gone on with, and what is none, or of other bytes, is not")
    func kept() throws {
        var random = SeededGenerator()
        for kind in UploadDigest.allCases {
            let content = random.bytes(200)
            for cut in 0...200 {
                let first = RunningDigest(kind)
                content[..<cut].withUnsafeBytes { first.update($0) }
                let kept = try #require(first.file?.kept)
                #expect(kept.count <= 113)
                let second = RunningDigest(behind: FileDigest(upTo: UInt64(cut), kept: kept, wanted: kind))
                content[cut...].withUnsafeBytes { second.update($0) }
                #expect(second.file?.digests == Self.digests(content, kind), "seed \(random.seed)")
                #expect(FileDigest(upTo: UInt64(cut) + 1, kept: kept, wanted: kind) == nil)
                #expect(FileDigest(kept: kept.dropLast()) == nil)
                #expect(FileDigest(kept: kept + [0]) == nil)
                #expect(FileDigest(kept: [9] + kept.dropFirst()) == nil)
            }
        }
        #expect(FileDigest(kept: []) == nil)
    }
}
