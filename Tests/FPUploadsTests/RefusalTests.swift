import FPCatalog
import FPStorage
import Foundation
import NIOCore
import Support
import Testing

@testable import FPUploads

/// What the contract's codes are called here.
private enum Status {
    static let (unsupported, denied, noSpace, transient, auth, invalid, tooLarge) = (101, 120, 122, 200, 401, 100, 121)
}

@Suite("Stores that refuse")
struct RefusalTests {
    /// An upload that a killed host left on its way to media, which has nothing of it.
    private func interrupted(_ house: MemoryHouse) async throws -> UploadID {
        let upload = try await house.receive([1, 2, 3])
        _ = try await house.catalog.beginStoring(upload.id, destinations: [Destination(store: "media", key: "a")])
        return upload.id
    }

    @Test(
        "an upload whose store refuses it for good is complete again, with the reason, and can be stored elsewhere",
        arguments: [
            (Status.denied, UploadError.Kind.denied), (Status.invalid, .invalid), (Status.tooLarge, .tooLarge),
        ])
    func forGood(status: Int, kind: UploadError.Kind) async throws {
        let house = try await MemoryHouse()
        let upload = try await house.receive([1, 2, 3])
        for operation in [PluginControl.Operation.transfer, .stat, .writeBegin] {
            house.mediaControl.fail(operation, status)
        }
        #expect(await failure { _ = try await house.uploads.store(upload.id, path: "a") } == kind)
        #expect(try await house.uploads.upload(upload.id)?.state == .complete)
        #expect(try await house.bytes(of: upload.id) == [1, 2, 3])
        for operation in [PluginControl.Operation.transfer, .stat, .writeBegin] { house.mediaControl.heal(operation) }
        #expect(try await house.uploads.store(upload.id, path: "a").state == .stored)
        await house.close()
    }

    @Test("an interrupted upload whose destination refuses to be asked is complete again after one search, told once")
    func interruptedAndRefused() async throws {
        let house = try await MemoryHouse()
        let id = try await interrupted(house)
        house.mediaControl.fail(.stat, Status.denied)
        await house.uploads.recover()
        #expect(try await house.uploads.upload(id)?.state == .complete)
        #expect(house.log.count(of: "stays there") == 1)
        for _ in 0..<3 { await Sweeper(house.uploads).sweep() }
        #expect(house.log.count(of: "stays there") == 1)
        #expect(try await house.bytes(of: id) == [1, 2, 3])
        await house.close()
    }

    @Test("while the destination is away an interrupted upload stays storing, is told once, and can be deleted")
    func away() async throws {
        let house = try await MemoryHouse()
        let id = try await interrupted(house)
        house.mediaControl.fail(.stat, Status.auth)
        for _ in 0..<3 { await Sweeper(house.uploads).sweep() }
        #expect(try await house.uploads.upload(id)?.state == .storing)
        #expect(house.log.count(of: "stays storing") == 1)
        #expect(try await house.uploads.delete(id, keepFile: false).state == .deleting)
        #expect(try await house.uploads.upload(id) == nil)
        house.mediaControl.heal(.stat)
        _ = try await waitFor("the store to be well", within: .seconds(30)) {
            _ = try? await house.media.health()
            await Sweeper(house.uploads).sweep()
            return try await house.catalog.upload(id) == nil ? true : nil
        }
        #expect(try await house.staging.list().entries.map(\.key) == [CatalogMark.key])
        await house.close()
    }

    @Test(
        "a deletion that the store refuses is a deletion all the same, and is finished when the store agrees",
        arguments: [Status.denied, Status.noSpace, Status.auth, Status.invalid])
    func removal(status: Int) async throws {
        let house = try await MemoryHouse()
        let complete = try await house.receive([1])
        let reverted = try await house.receive([2])
        let stored = try await house.receive([3])
        _ = try await house.uploads.store(stored.id, path: "kept")
        for control in [house.control, house.mediaControl] { control.fail(.remove, status) }
        #expect(try await house.uploads.delete(complete.id, keepFile: false).state == .deleting)
        #expect(try await house.uploads.delete(stored.id, keepFile: false).state == .deleting)
        #expect(try await house.uploads.revert(reverted.id) == false)
        #expect(try await house.uploads.revert(reverted.id) == false, "as often as it is asked")
        for upload in [complete, reverted, stored] {
            #expect(try await house.uploads.upload(upload.id) == nil)
            #expect(try await house.catalog.upload(upload.id)?.state == .deleting)
        }
        for _ in 0..<3 { await Sweeper(house.uploads).sweep() }
        #expect(house.log.count(of: "stays deleting") == 3)
        for control in [house.control, house.mediaControl] { control.heal(.remove) }
        _ = try await waitFor("the bytes to go", within: .seconds(30)) {
            for store in [house.staging, house.media] { _ = try? await store.health() }
            await Sweeper(house.uploads).sweep()
            return try await house.catalog.counts()[.deleting] ?? 0 == 0 ? true : nil
        }
        #expect(try await house.staging.list().entries.map(\.key) == [CatalogMark.key])
        #expect(try await house.media.list().entries.isEmpty)
        await house.close()
    }

    @Test("expiry of what the store does not remove is told once, and is no reason to stop")
    func expiry() async throws {
        var settings = UploadSettings()
        settings.expireAfter = .zero
        let house = try await MemoryHouse(settings: settings)
        let upload = try await house.receive([1])
        house.control.fail(.remove, Status.denied)
        _ = try await waitFor("the upload to expire", within: .seconds(10)) {
            await Sweeper(house.uploads).sweep()
            return try await house.uploads.upload(upload.id) == nil ? true : nil
        }
        for _ in 0..<3 { await Sweeper(house.uploads).sweep() }
        #expect(house.log.count(of: "stays deleting") == 1)
        await house.close()
    }

    @Test("a directory in the store that is a link elsewhere is refused, and the upload can be deleted")
    func linkedDirectory() async throws {
        let house = try await House()
        let elsewhere = try TemporaryDirectory()
        let upload = try await house.receive([1])
        let other = try await house.receive([2])
        _ = try await house.uploads.store(other.id, path: "real/x")
        try FileManager.default.createSymbolicLink(
            at: house.directory.url.appendingPathComponent("media/link"), withDestinationURL: elsewhere.url)
        let kind = await failure { _ = try await house.uploads.store(upload.id, path: "link/x") }
        #expect(kind != nil)
        #expect(try await house.uploads.upload(upload.id)?.state == .complete)
        try await house.restart()
        #expect(try await house.uploads.upload(upload.id)?.state == .complete)
        _ = try await house.uploads.delete(upload.id, keepFile: false)
        #expect(try await house.catalog.upload(upload.id) == nil)
        #expect(elsewhere.files(below: "").isEmpty)
        await house.close()
    }
}

@Suite("A file is the one that arrived, or it is an error")
struct WholenessTests {
    @Test("a file of another size is served to nobody, by whichever way", arguments: [1, 5])
    func otherSize(size: Int) async throws {
        let house = try await House()
        let temporary = try await house.receive([1, 2, 3])
        let staged = try #require(house.directory.files(below: "staging").first)
        let upload = try await house.receive([4, 5, 6])
        _ = try await house.uploads.store(upload.id, path: "a")
        for path in ["media/a", "staging/" + staged] {
            try Data(repeating: 9, count: size).write(to: house.directory.url.appendingPathComponent(path))
        }
        for use in [ContentUse.description, .bytes(offset: 0, length: nil), .bytes(offset: 2, length: 1)] {
            #expect(await failure { _ = try await house.uploads.openStored(upload.id, for: use) } == .internalFault)
            #expect(await failure { _ = try await house.uploads.open(upload.id, for: use) } == .internalFault)
            #expect(await failure { _ = try await house.uploads.openStored(path: "a", for: use) } == .internalFault)
            #expect(
                await failure { _ = try await house.uploads.openTemporary(temporary.id, for: use) } == .internalFault)
        }
        #expect(await failure { _ = try await house.uploads.store(temporary.id, path: "b") } == .internalFault)
        #expect(try await house.uploads.upload(temporary.id)?.state == .complete)
        #expect(house.directory.files(below: "media") == ["a"])
        await house.close()
    }

    @Test("what is copied or streamed to its destination with another size is not stored", arguments: [false, true])
    func elsewhere(isStreamed: Bool) async throws {
        let house = try await MemoryHouse()
        let upload = try await house.receive([1, 2, 3])
        let key = try #require(try await house.catalog.upload(upload.id)?.files[0].key)
        try await house.staging.remove(key)
        _ = try await house.staging.put(WriteRequest(key: key, size: 2), [ByteBuffer(bytes: [1, 2])], power: false)
        if isStreamed { house.mediaControl.fail(.transfer, Status.unsupported) }
        #expect(await failure { _ = try await house.uploads.store(upload.id, path: "a") } == .internalFault)
        #expect(try await house.uploads.upload(upload.id)?.state == .complete)
        #expect(try await house.media.list().entries.isEmpty)
        await house.close()
    }
}

@Suite("Streaming from store to store")
struct FileStreamTests {
    private func stream(
        _ house: MemoryHouse, _ upload: Upload, syncEvery: UInt64 = 100_000
    ) async throws -> FileStream {
        let file = try #require(try await house.catalog.upload(upload.id)?.files[0])
        return FileStream(
            file: file, source: house.staging, target: house.media, key: "x", isPowerDurable: false,
            syncEvery: syncEvery
        ) { _ in }
    }

    private func bytes(_ store: Store, _ key: String) async throws -> [UInt8] {
        let reader = try await store.read(key)
        defer { reader.close() }
        var bytes: [UInt8] = []
        while let buffer = try await reader.next() { bytes.append(contentsOf: buffer.readableBytesView) }
        return bytes
    }

    @Test(
        "after a failure that passes, only what is not yet safe is sent again",
        arguments: [PluginControl.Operation.write, .writeSync, .writeCommit, .writeResume])
    func resumed(operation: PluginControl.Operation) async throws {
        let house = try await MemoryHouse()
        var random = SeededGenerator()
        let content = random.bytes(4 << 20)
        let upload = try await house.receive(content)
        let stream = try await stream(house, upload)
        // Some writes in, one call fails.
        let failing = Task { [control = house.mediaControl] in
            while control[.write, .calls] < 6, !Task.isCancelled { await Task.yield() }
            control.fail(operation == .writeResume ? .write : operation, 200, times: 1)
            if operation == .writeResume { control.fail(.writeResume, 200, times: 1) }
        }
        let info = try await stream.run()
        await failing.value
        #expect(info.size == UInt64(content.count))
        #expect(try await bytes(house.media, "x") == content, "seed \(random.seed)")
        #expect(house.mediaControl[.writeBegin, .calls] == 1)
        let writes = house.mediaControl[.write, .calls]
        #expect(writes <= 16 + 4, "\(writes) writes for 16 buffers")
        #expect(try await house.media.listPending().entries.isEmpty)
        await house.close()
    }

    @Test("a source that fails in passing is opened again where the destination stands")
    func sourceFails() async throws {
        let house = try await MemoryHouse()
        var random = SeededGenerator()
        let content = random.bytes(4 << 20)
        let upload = try await house.receive(content)
        let stream = try await stream(house, upload)
        let failing = Task { [control = house.control] in
            while control[.read, .calls] < 6, !Task.isCancelled { await Task.yield() }
            control.fail(.read, 200, times: 7)
        }
        _ = try await stream.run()
        await failing.value
        #expect(try await bytes(house.media, "x") == content, "seed \(random.seed)")
        #expect(house.mediaControl[.writeBegin, .calls] == 1)
        await house.close()
    }

    @Test("a failure that does not pass ends it, and so does one that never passes; nothing is published")
    func ends() async throws {
        let house = try await MemoryHouse()
        let upload = try await house.receive(.init(repeating: 1, count: 1 << 20))
        for status in [Status.noSpace, Status.transient] {
            house.mediaControl.fail(.write, status)
            await #expect(throws: StoreError.self) { _ = try await stream(house, upload).run() }
            house.mediaControl.heal(.write)
            _ = try await waitFor("the store to be well", within: .seconds(30)) {
                (try? await house.media.health()) != nil && house.media.state == .ok ? true : nil
            }
            await #expect(throws: StoreError.self) { _ = try await house.media.stat("x") }
        }
        await house.close()
    }
}
