import Crypto
import FPCatalog
import FPStorage
import Foundation
import Support
import Testing

@testable import FPUploads

/// A catalog that has gone back to a copy, over stores that have not.
@Suite("A restored catalog")
struct RestoredCatalogTests {
    private static let content = (0..<30).map { UInt8($0) }

    @Test("no sweep removes a byte of an upload that the restored catalog does not know, staged, stored or unfinished")
    func newerUploads() async throws {
        var settings = UploadSettings()
        settings.expireAfter = .zero
        guard let far = try? TemporaryDirectory(in: "/dev/shm") else { return }
        let house = try await House(settings: settings, elsewhere: far)
        let url = "sqlite:" + house.directory.url.appendingPathComponent("catalog.db").path
        let old = try await house.receive([1])
        let deleted = try await house.receive([2])
        _ = try await house.uploads.store(deleted.id, path: "a/path")
        _ = try await house.catalog.beginDeleting(
            deleted.id, from: [.stored], because: .deleted, at: .now)
        let moving = try await house.receive([3])
        _ = try await house.catalog.beginStoring(
            moving.id, destinations: [Destination(store: "far", key: "another/path")])
        try await house.catalog.recordStoringSession(moving.id, file: 0, token: FileMover.copyMarker, at: .now)
        let copy = house.directory.url.appendingPathComponent("copy.db").path
        _ = try Catalogs.backUp(url, to: copy)

        // What was done since: both paths are free again, and others took them.
        try await house.restart()
        _ = try await house.uploads.delete(moving.id, keepFile: false)
        let staged = try await house.receive([4, 4])
        for (content, path, store) in [([5], "a/path", "media"), ([6], "another/path", "far")]
            as [([UInt8], String, String)]
        {
            let upload = try await house.receive(content)
            _ = try await house.uploads.store(upload.id, path: path, in: store)
        }
        let unfinished = try await house.uploads.create(length: 30, metadata: nil)
        try await house.append(unfinished.id, Self.content, 0..<10)
        await house.close()

        _ = try Catalogs.restore(url, from: copy)
        try await house.restart()
        let before = Set(house.directory.files(below: "staging"))
        let sessions = try await house.staging.listPending().entries.count
        #expect(sessions == 1)
        try await house.sweep(until: "the temporary uploads of the copy to go") {
            try await house.catalog.counts().values.reduce(0, +) == 0
        }
        for _ in 0..<3 { await Sweeper(house.uploads).sweep() }
        #expect(try house.directory.contents("media/a/path") == [5])
        #expect(try far.contents("another/path") == [6])
        let left = Set(house.directory.files(below: "staging"))
        #expect(left.contains { $0.hasPrefix(staged.id.description) })
        #expect(before.subtracting(left).allSatisfy { $0.hasPrefix(old.id.description) }, "\(before.subtracting(left))")
        #expect(try await house.staging.listPending().entries.count == sessions)
        #expect(try await house.uploads.upload(unfinished.id) == nil)
        await house.close()
    }

    @Test("a temporary upload of the copy lives as long as one that was touched just now, and can be gone on with")
    func temporary() async throws {
        var settings = UploadSettings()
        settings.expireAfter = .seconds(3600)
        let house = try await House(settings: settings)
        let url = "sqlite:" + house.directory.url.appendingPathComponent("catalog.db").path
        let upload = try await house.uploads.create(length: 30, metadata: nil)
        try await house.append(upload.id, Self.content, 0..<10)
        try await house.catalog.touch(upload.id, at: Timestamp.now.advanced(by: .seconds(-7200)))
        let copy = house.directory.url.appendingPathComponent("copy.db").path
        _ = try Catalogs.backUp(url, to: copy)
        try await house.append(upload.id, Self.content, 10..<20)
        await house.close()
        _ = try Catalogs.restore(url, from: copy)
        try await house.restart()
        await Sweeper(house.uploads).sweep()
        #expect(try await house.uploads.progress(of: upload.id)?.committed == 10)
        for start in [10, 20] { try await house.append(upload.id, Self.content, start..<start + 10) }
        #expect(try await house.bytes(of: upload.id) == Self.content)
        await house.close()
    }

    @Test(
        "an upload that went back and on with other bytes after the copy was made has no digest but that of its bytes")
    func otherBytes() async throws {
        let house = try await House()
        let url = "sqlite:" + house.directory.url.appendingPathComponent("catalog.db").path
        let upload = try await house.uploads.create(length: 30, metadata: nil)
        let other = Self.content.map { $0 ^ 1 }
        try await house.append(upload.id, other, 0..<10)
        let copy = house.directory.url.appendingPathComponent("copy.db").path
        _ = try Catalogs.backUp(url, to: copy)
        // Other bytes at an offset that was there before take the upload back, and are sent once more.
        _ = try? await house.append(upload.id, Self.content, 0..<10)
        try await house.append(upload.id, Self.content, 0..<10)
        await house.close()
        _ = try Catalogs.restore(url, from: copy)
        try await house.restart()
        try await house.append(upload.id, Self.content, 10..<30)
        #expect(try await house.bytes(of: upload.id) == Self.content)
        let digests = try await waitFor("the digest of the bytes that are there", within: .seconds(10)) {
            let digests = try await house.uploads.upload(upload.id)?.files[0].digests
            return digests?.sha256 == nil ? nil : digests
        }
        #expect(digests.sha256 == Array(SHA256.hash(data: Self.content)))
        await house.close()
    }
}
