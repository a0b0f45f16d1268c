import FPCatalog
import FPStorage
import Foundation
import Support
import Testing

@testable import FPUploads

@Suite("Storing, deleting, expiring")
struct StoreTests {
    @Test("a stored upload is at its path, readable by id and by path, and no longer in staging")
    func stored() async throws {
        let house = try await House()
        let content = Array("hello".utf8)
        let upload = try await house.receive(content, name: "été.txt")
        for (path, key) in [("docs/", "docs/été.txt"), ("/", "été.txt"), ("/a/b.txt", "a/b.txt"), ("ü/x", "ü/x")] {
            let upload = try await house.receive(content, name: "été.txt")
            let stored = try await house.uploads.store(upload.id, path: path)
            #expect(stored.state == .stored)
            #expect(stored.files[0].path == key)
            #expect(try await house.bytes(house.uploads.openStored(upload.id)) == content)
            #expect(try await house.bytes(house.uploads.openStored(path: key)) == content)
            #expect(try await house.uploads.store(upload.id, path: path).state == .stored)
            #expect(await failure { _ = try await house.uploads.store(upload.id, path: "other") } == .conflict)
        }
        #expect(house.directory.files(below: "staging").count == 1)
        #expect(await failure { _ = try await house.uploads.openStored(upload.id) } == .notFound)
        await house.close()
    }

    @Test(
        "a path that leaves the store or cannot be an object is refused",
        arguments: [
            "", "../x", "a/../b", "a//b", "./a", "a/./b", "a\\b", "a\u{0}b", "a\nb", ".fp/x", "//x/y",
            String(repeating: "x", count: 256), "..", ".",
        ])
    func badPath(path: String) async throws {
        let house = try await House()
        let upload = try await house.receive([1])
        #expect(await failure { _ = try await house.uploads.store(upload.id, path: path) } == .invalid)
        #expect(try await house.uploads.upload(upload.id)?.state == .complete)
        await house.close()
    }

    @Test("of many calls for one path exactly one wins, and the others keep their bytes")
    func race() async throws {
        let house = try await House()
        let uploads = house.uploads
        var received: [Upload] = []
        for index in 0..<16 { received.append(try await house.receive([UInt8(index)])) }
        let candidates = received
        let winners: [UploadID] = try await withThrowingTaskGroup(of: Optional<UploadID>.self) { group in
            for upload in candidates {
                group.addTask {
                    let kind = await failure { _ = try await uploads.store(upload.id, path: "one") }
                    if let kind { #expect(kind == .pathTaken) }
                    return kind == nil ? upload.id : nil
                }
            }
            return try await group.compactMap(\.self).reduce(into: []) { $0.append($1) }
        }
        #expect(winners.count == 1)
        for (index, upload) in received.enumerated() {
            #expect(try await house.bytes(of: upload.id) == [UInt8(index)])
            #expect(try await uploads.upload(upload.id)?.state == (upload.id == winners.first ? .stored : .complete))
        }
        await house.close()
    }

    @Test("a file that somebody else put at the path is never overwritten")
    func foreignFile() async throws {
        let house = try await House()
        let place = house.directory.url.appendingPathComponent("media/taken.txt")
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data("theirs".utf8).write(to: place)
        let upload = try await house.receive([1, 2, 3])
        #expect(await failure { _ = try await house.uploads.store(upload.id, path: "taken.txt") } == .pathTaken)
        #expect(try Data(contentsOf: place) == Data("theirs".utf8))
        #expect(try await house.bytes(of: upload.id) == [1, 2, 3])
        #expect(try await house.uploads.store(upload.id, path: "free.txt").state == .stored)
        await house.close()
    }

    @Test("an upload with variants is stored whole or not at all")
    func variants() async throws {
        let house = try await House()
        func receive() async throws -> Upload {
            let reception = house.uploads.beginReception()
            for (index, name) in ["photo.jpg", "small_photo.jpg"].enumerated() {
                try await reception.beginFile(name: name, declaredType: nil)
                try await reception.write([.init(bytes: [UInt8(index)])])
                try await reception.endFile()
            }
            return try await reception.finish(metadata: nil)
        }
        let first = try await receive()
        let stored = try await house.uploads.store(first.id, path: "a/main.jpg")
        #expect(stored.files.map(\.path) == ["a/main.jpg", "a/small_photo.jpg"])
        let second = try await receive()
        #expect(await failure { _ = try await house.uploads.store(second.id, path: "a/other.jpg") } == .pathTaken)
        #expect(house.directory.files(below: "media").sorted() == ["a/main.jpg", "a/small_photo.jpg"])
        #expect(try await house.uploads.upload(second.id)?.state == .complete)
        // A stranger's file at the second path is found only after the first file has moved.
        try Data("theirs".utf8).write(to: house.directory.url.appendingPathComponent("media/a/stranger"))
        #expect(
            await failure {
                _ = try await house.uploads.store(second.id, path: "b/x.jpg", variants: ["a/stranger"])
            } == .pathTaken)
        #expect(try await house.uploads.upload(second.id)?.state == .complete)
        #expect(house.directory.files(below: "media").contains("b/x.jpg") == false)
        let again = try await house.uploads.store(second.id, path: "b/x.jpg", variants: ["b/y.jpg"])
        #expect(again.files.map(\.path) == ["b/x.jpg", "b/y.jpg"])
        await house.close()
    }

    @Test("a file whose bytes changed in staging is streamed nowhere, and its upload stays complete")
    func changedInStaging() async throws {
        guard let far = try? TemporaryDirectory(in: "/dev/shm") else { return }
        let house = try await House(elsewhere: far)
        var random = SeededGenerator()
        let content = random.bytes(3_000_000)
        let upload = try await house.receive(content)
        let record = try #require(try await house.catalog.upload(upload.id))
        let path = house.directory.url.appendingPathComponent("staging").appendingPathComponent(record.files[0].key)
        var changed = content
        changed[2_000_000] ^= 1
        try Data(changed).write(to: path)
        let failed = await failure { _ = try await house.uploads.store(upload.id, path: "x/y.bin", in: "far") }
        #expect(failed != nil)
        #expect(try await house.uploads.upload(upload.id)?.state == .complete)
        #expect(far.files(below: "").isEmpty, "nothing of it is left there")
        try Data(content).write(to: path)
        _ = try await house.uploads.store(upload.id, path: "x/y.bin", in: "far")
        #expect(try far.contents("x/y.bin") == content)
        await house.close()
    }

    @Test("bytes are streamed to a store that no rename reaches, and the original goes")
    func streamed() async throws {
        guard let far = try? TemporaryDirectory(in: "/dev/shm") else { return }
        let house = try await House(elsewhere: far)
        var random = SeededGenerator()
        let content = random.bytes(3_000_000)
        let upload = try await house.receive(content)
        let stored = try await house.uploads.store(upload.id, path: "x/y.bin", in: "far")
        #expect(stored.files[0].store == "far")
        #expect(try far.contents("x/y.bin") == content)
        #expect(house.filesOnDisk() == [])
        #expect(try await house.bytes(of: upload.id) == content)
        await house.close()
    }

    @Test("an unknown store is refused")
    func unknownStore() async throws {
        let house = try await House()
        let upload = try await house.receive([1])
        #expect(await failure { _ = try await house.uploads.store(upload.id, path: "x", in: "nowhere") } == .invalid)
        await house.close()
    }

    @Test("deleting with and without the file")
    func deleting() async throws {
        let house = try await House()
        let kept = try await house.receive([1])
        _ = try await house.uploads.store(kept.id, path: "kept")
        _ = try await house.uploads.delete(kept.id, keepFile: true)
        #expect(try house.directory.contents("media/kept") == [1])
        let gone = try await house.receive([2])
        _ = try await house.uploads.store(gone.id, path: "gone")
        _ = try await house.uploads.delete(gone.id, keepFile: false)
        #expect(house.directory.files(below: "media") == ["kept"])
        for id in [kept.id, gone.id] {
            #expect(try await house.uploads.upload(id) == nil)
            #expect(await failure { _ = try await house.uploads.delete(id, keepFile: false) } == .notFound)
        }
        let temporary = try await house.receive([3])
        #expect(await failure { _ = try await house.uploads.delete(temporary.id, keepFile: true) } == .invalid)
        _ = try await house.uploads.delete(temporary.id, keepFile: false)
        #expect(house.directory.files(below: "staging") == [])
        await house.close()
    }

    @Test("a revert takes temporary uploads only, as often as it is asked")
    func reverting() async throws {
        let house = try await House()
        let stored = try await house.receive([1])
        _ = try await house.uploads.store(stored.id, path: "stays")
        let temporary = try await house.receive([2])
        let receiving = try await house.uploads.create(length: 10, metadata: nil)
        for id in [stored.id, temporary.id, receiving.id, UploadID.random()] {
            for _ in 0..<2 { try await house.uploads.revert(id) }
        }
        #expect(try await house.bytes(of: stored.id) == [1])
        #expect(house.filesOnDisk() == ["stays"])
        await house.close()
    }

    @Test("temporary uploads that nobody touched go with their bytes, stored ones stay")
    func expiry() async throws {
        var settings = UploadSettings()
        settings.expireAfter = .zero
        let house = try await House(settings: settings)
        let stored = try await house.receive([1])
        _ = try await house.uploads.store(stored.id, path: "stays")
        _ = try await house.receive([2])
        let receiving = try await house.uploads.create(length: 10, metadata: nil)
        try await house.append(receiving.id, [UInt8](repeating: 0, count: 10), 0..<5)
        _ = try await waitFor("everything temporary to go", within: .seconds(10)) {
            await Sweeper(house.uploads).sweep()
            return house.filesOnDisk() == ["stays"] ? true : nil
        }
        #expect(try await house.uploads.uploads(matching: UploadQuery()).uploads.map(\.id) == [stored.id])
        await house.close()
    }

    @Test("bytes that no upload owns go, and nothing else does")
    func orphans() async throws {
        var settings = UploadSettings()
        settings.expireAfter = .seconds(3600)
        let house = try await House(settings: settings)
        let kept = try await house.receive([1])
        let stored = try await house.receive([2])
        _ = try await house.uploads.store(stored.id, path: "x")
        let leftover = house.uploads.stagingKeys.make(for: stored.id)
        let young = house.uploads.stagingKeys.make(for: UploadID.random())
        for key in [leftover, young, "not/ours"] {
            let request = WriteRequest(
                key: key, size: 1, resumable: false, ifNotExists: true, contentType: nil)
            _ = try await house.staging.put(request, [.init(bytes: [9])], power: false)
        }
        await Sweeper(house.uploads).sweep()
        let left = house.directory.files(below: "staging")
        #expect(!left.contains(leftover))
        #expect(left.contains(young))
        #expect(left.contains("not/ours"))
        #expect(try await house.bytes(of: kept.id) == [1])
        await house.close()
    }
}

@Suite("What a crash left half way")
struct SettleTests {
    private func storing(_ house: House, to store: String = "media") async throws -> UploadRecord {
        let upload = try await house.receive([1, 2, 3])
        _ = try await house.catalog.beginStoring(upload.id, destinations: [Destination(store: store, key: "a/b")])
        return try #require(try await house.catalog.upload(upload.id))
    }

    @Test("a store that had not moved the file is undone")
    func notMoved() async throws {
        let house = try await House()
        let record = try await storing(house)
        try await house.restart()
        #expect(try await house.uploads.upload(record.id)?.state == .complete)
        #expect(try await house.bytes(of: record.id) == [1, 2, 3])
        #expect(try await house.uploads.store(record.id, path: "a/b").state == .stored)
        await house.close()
    }

    @Test("a store that had moved the file is finished")
    func moved() async throws {
        let house = try await House()
        let record = try await storing(house)
        _ = try await house.media.transfer(
            record.files[0].key, from: house.staging, to: "a/b", options: [.move, .ifNotExists, .requireAtomic])
        try await house.restart()
        #expect(try await house.uploads.upload(record.id)?.state == .stored)
        #expect(try await house.bytes(of: record.id) == [1, 2, 3])
        await house.close()
    }

    @Test("a streamed file counts only if its session was committed", arguments: [false, true])
    func streamed(committed: Bool) async throws {
        guard let far = try? TemporaryDirectory(in: "/dev/shm") else { return }
        let house = try await House(elsewhere: far)
        let record = try await storing(house, to: "far")
        let request = WriteRequest(key: "a/b", size: 3, resumable: true, ifNotExists: true, contentType: nil)
        let writer = try await house.stores[2].beginWrite(request)
        try await house.catalog.recordStoringSession(record.id, file: 0, token: writer.token, at: .now)
        try await writer.write([.init(bytes: [1, 2, 3])])
        if committed { _ = try await writer.commit(size: 3, power: false) }
        await writer.close()
        try await house.restart()
        #expect(try await house.uploads.upload(record.id)?.state == (committed ? .stored : .complete))
        #expect(try await house.bytes(of: record.id) == [1, 2, 3])
        #expect(house.filesOnDisk().count == (committed ? 0 : 1))
        #expect(far.files(below: "").count == (committed ? 1 : 0))
        await house.close()
    }

    @Test("a stranger's file at the destination is neither taken for ours nor removed")
    func stranger() async throws {
        let house = try await House()
        let record = try await storing(house)
        let place = house.directory.url.appendingPathComponent("media/a/b")
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data([4, 5, 6]).write(to: place)
        try await house.restart()
        #expect(try await house.uploads.upload(record.id)?.state == .complete)
        #expect(try await house.bytes(of: record.id) == [1, 2, 3])
        #expect(try Data(contentsOf: place) == Data([4, 5, 6]))
        await house.close()
    }

    @Test("a deletion that was begun is finished")
    func deleting() async throws {
        let house = try await House()
        let upload = try await house.receive([1])
        _ = try await house.catalog.beginDeleting(
            upload.id, from: [.complete], because: .deleted, at: .now)
        try await house.restart()
        #expect(try await house.catalog.upload(upload.id) == nil)
        #expect(house.filesOnDisk() == [])
        await house.close()
    }

    @Test("a commit whose outcome never reached the catalog is found by the repeated chunk")
    func committedSession() async throws {
        let house = try await House()
        let upload = try await house.uploads.create(length: 3, metadata: nil)
        let record = try #require(try await house.catalog.upload(upload.id))
        await house.uploads.writers.closeAll()
        let session = try #require(record.session)
        guard case .open(let writer) = try await house.staging.resumeWrite(token: session.token, offset: 0) else {
            Issue.record("the session is not open")
            return
        }
        try await writer.write([.init(bytes: [1, 2, 3])])
        _ = try await writer.commit(size: 3, power: false)
        await writer.close()
        try await house.restart()
        #expect(try await house.append(upload.id, [1, 2, 3], 0..<3).state == .complete)
        #expect(try await house.bytes(of: upload.id) == [1, 2, 3])
        await house.close()
    }
}
