import FPCatalog
import FPStorage
import Foundation
import NIOCore
import Support
import Testing

@testable import FPUploads

private func isDone(_ body: () async throws -> Void) async -> Bool {
    do {
        try await body()
        return true
    } catch {
        return false
    }
}

/// Settings under which everything temporary is old at once.
private let impatient: UploadSettings = {
    var settings = UploadSettings()
    settings.expireAfter = .zero
    return settings
}()

extension Store {
    fileprivate func putOne(_ key: String) async throws {
        let request = WriteRequest(key: key, size: 1, resumable: false, ifNotExists: true, contentType: nil)
        _ = try await put(request, [ByteBuffer(bytes: [9])], power: false)
    }

    /// Begins a write and leaves it, as a process that was killed does.
    fileprivate func beginOne(_ key: String) async throws {
        let request = WriteRequest(key: key, size: nil, resumable: true, ifNotExists: true, contentType: nil)
        let writer = try await beginWrite(request)
        try await writer.write([ByteBuffer(bytes: [9])])
        try await writer.sync(power: false)
        await writer.close()
    }

    fileprivate func pendingKeys() async throws -> [String] {
        try await listPending().entries.map(\.key).sorted()
    }
}

@Suite("Nothing goes that this catalog did not make")
struct SweepProofTests {
    @Test("objects and sessions of other programs and of other catalogs stay, however old; this catalog's own go")
    func strangers() async throws {
        let house = try await House(settings: impatient)
        let other = StagingKeys(
            identity: CatalogIdentity(
                id: .init(repeating: 1, count: 16), key: .init(repeating: 2, count: 16), place: ""))
        let foreign = [
            "backup/nightly.tar", other.make(for: .random()), "\(UploadID.random())/\(UploadID.random())", "a",
        ].sorted()
        for key in foreign {
            try await house.staging.putOne(key)
            try await house.staging.beginOne(key + "-session".prefix(key.contains("backup") ? 8 : 0))
        }
        let sessions = try await house.staging.pendingKeys()
        #expect(sessions.count == foreign.count)
        let id = UploadID.random()
        let orphans = [
            house.uploads.stagingKeys.make(for: .random()),
            // As older releases made them.
            "\(id)/\(house.uploads.stagingKeys.identity.newName(for: id))",
        ]
        for orphan in orphans { try await house.staging.putOne(orphan) }
        try await house.staging.beginOne(house.uploads.stagingKeys.make(for: .random()))
        try await house.sweep(until: "the orphans to go") {
            try await house.staging.pendingKeys().count == sessions.count
                && house.directory.files(below: "staging").allSatisfy { !orphans.contains($0) }
        }
        #expect(try await house.staging.pendingKeys() == sessions)
        let objects = try await house.staging.list().entries.map(\.key)
        #expect(Set(objects).isSuperset(of: foreign))
        await house.close()
    }

    @Test("the first file of a form stays while the second one arrives, however long that takes")
    func slowForm() async throws {
        let house = try await House(settings: impatient)
        let reception = house.uploads.beginReception()
        try await reception.beginFile(name: "a", declaredType: nil)
        try await reception.write([.init(bytes: [1])])
        try await reception.endFile()
        let orphan = house.uploads.stagingKeys.make(for: .random())
        try await house.staging.putOne(orphan)
        try await house.sweep(until: "the orphan to go") { !house.directory.files(below: "staging").contains(orphan) }
        try await reception.beginFile(name: "b", declaredType: nil)
        try await reception.write([.init(bytes: [2])])
        try await reception.endFile()
        // The catalog has it from here on, so that it would expire at once.
        let count = house.directory.files(below: "staging").count
        #expect(count == 2)
        let upload = try await reception.finish(metadata: nil)
        #expect(try await house.bytes(of: upload.id) == [1])
        await house.close()
    }

    @Test("a stored file that looks like a temporary one stays when its record goes", arguments: [".", "/"])
    func keptFile(separator: String) async throws {
        let house = try await House(settings: impatient)
        let upload = try await house.receive([7])
        let path = "\(UploadID.random())\(separator)\(UploadID.random())"
        _ = try await house.uploads.store(upload.id, path: path, in: "staging")
        _ = try await house.uploads.delete(upload.id, keepFile: true)
        let orphan = house.uploads.stagingKeys.make(for: .random())
        try await house.staging.putOne(orphan)
        try await house.sweep(until: "the orphan to go") { !house.directory.files(below: "staging").contains(orphan) }
        #expect(try house.directory.contents("staging/" + path) == [7])
        await house.close()
    }

    @Test("the mark's path and those of staging keys are not for applications")
    func reservedPaths() async throws {
        let house = try await House()
        let upload = try await house.receive([7])
        let paths = [
            ".fphost-catalog", "/.FPhost-Catalog", ".fphost-catalog/x", house.uploads.stagingKeys.make(for: upload.id),
        ]
        for path in paths {
            #expect(await failure { _ = try await house.uploads.store(upload.id, path: path) } == .invalid)
        }
        #expect(try await house.uploads.store(upload.id, path: "x/.fphost-catalog").state == .stored)
        await house.close()
    }

    @Test("a write session that a killed store had begun elsewhere goes, and no other there")
    func begunElsewhere() async throws {
        guard let far = try? TemporaryDirectory(in: "/dev/shm") else { return }
        var settings = UploadSettings()
        settings.expireAfter = .seconds(3600)
        let house = try await House(settings: settings, elsewhere: far)
        let upload = try await house.receive([1, 2, 3])
        _ = try await house.catalog.beginStoring(upload.id, destinations: [Destination(store: "far", key: "a/b")])
        // It began two hours ago, was killed before the session's token was on record, and is undone at the next start.
        let begun = Timestamp.now.advanced(by: .seconds(-7200))
        try await house.catalog.recordStoringSession(
            upload.id, file: 0, token: FileMover.copyMarker, at: begun)
        for key in ["a/b", "backup/nightly.tar"] { try await house.stores[2].beginOne(key) }
        let age = Date(timeIntervalSinceNow: -7100)
        for name in far.files(below: "") {
            try FileManager.default.setAttributes(
                [.modificationDate: age], ofItemAtPath: far.url.appendingPathComponent(name).path)
        }
        try await house.restart()
        #expect(try await house.uploads.upload(upload.id)?.state == .complete)
        try await house.sweep(until: "the session to go") {
            try await house.stores[2].pendingKeys() == ["backup/nightly.tar"]
        }
        #expect(try await house.catalog.storesWithBegunWrites(before: .now).isEmpty)
        #expect(try await house.bytes(of: upload.id) == [1, 2, 3])
        await house.close()
    }
}

@Suite("One catalog to a staging store")
struct StagingClaimTests {
    private func isAnother(_ owner: StagingOwner) -> Bool {
        if case .another = owner { true } else { false }
    }

    @Test("a second catalog finds out, writes nothing and removes nothing; the first one goes on")
    func second() async throws {
        let first = try await House()
        #expect(try await first.uploads.claimStaging() == .thisCatalog)
        let upload = try await first.receive([1, 2, 3])
        let receiving = try await first.uploads.create(length: 10, metadata: nil)
        let second = try await House(settings: impatient, neighbour: first.directory)
        guard case .another(let sentence) = try await second.uploads.claimStaging() else {
            Issue.record("it took a store that is another's")
            return
        }
        #expect(sentence.contains("fphost stores claim staging"))
        #expect(sentence.contains(first.directory.url.resolvingSymlinksInPath().path + "/catalog.db"))
        await Sweeper(second.uploads).sweep()
        #expect(await failure { _ = try await second.uploads.create(length: 3, metadata: nil) } == .unavailable)
        #expect(await failure { _ = try await second.receive([1]) } == .unavailable)
        #expect(await second.uploads.health().isReady == false)
        #expect(try await first.bytes(of: upload.id) == [1, 2, 3])
        #expect(try await first.append(receiving.id, [UInt8](repeating: 1, count: 10), 0..<10).state == .complete)
        #expect(await first.uploads.health().isReady)
        await second.close()
        await first.close()
    }

    @Test("of catalogs that come at once exactly one has the store")
    func race() async throws {
        let house = try await House()
        let store = house.staging
        let marks = (0..<12).map { number in
            CatalogMark(
                CatalogIdentity(
                    id: .init(repeating: UInt8(number), count: 16), key: .init(repeating: 0, count: 16),
                    place: "host \(number)"))
        }
        let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
            for mark in marks { group.addTask { try await mark.put(in: store, power: false) == mark } }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(winners == 1)
        #expect(marks.contains(try #require(try await CatalogMark.find(in: store))))
        await house.close()
    }

    @Test("a mark that somebody removed is put back where uploads' files still are, and not where none of them is")
    func lostMark() async throws {
        let house = try await House()
        let upload = try await house.receive([7])
        let mark = house.directory.url.appendingPathComponent("staging/" + CatalogMark.key)
        try FileManager.default.removeItem(at: mark)
        #expect(try await house.uploads.claimStaging() == .thisCatalog)
        try house.cleanStaging()
        try FileManager.default.removeItem(at: mark)
        guard case .missing = try await house.uploads.claimStaging() else {
            Issue.record("an empty directory counts as the store")
            return
        }
        #expect(!FileManager.default.fileExists(atPath: mark.path))
        #expect(await failure { _ = try await house.uploads.progress(of: upload.id) } == .unavailable)
        #expect(try await house.uploads.upload(upload.id)?.state == .complete, "it has not begun again")
        await house.close()
    }

    @Test("a store that was claimed on purpose is left by the catalog that had it")
    func claimed() async throws {
        let first = try await House()
        _ = try await first.receive([1])
        let second = try await House(neighbour: first.directory)
        try await CatalogMark(second.catalog.identity).take(second.staging)
        #expect(try await second.uploads.claimStaging() == .thisCatalog)
        #expect(try await second.uploads.create(length: 3, metadata: nil).state == .receiving)
        await Sweeper(first.uploads).sweep()
        #expect(await failure { _ = try await first.uploads.create(length: 3, metadata: nil) } == .unavailable)
        await second.close()
        await first.close()
    }

    @Test("a new catalog in the place of a lost one takes the store over, and removes nothing that it does not know")
    func lostCatalog() async throws {
        let house = try await House(settings: impatient)
        let reception = house.uploads.beginReception()
        try await reception.beginFile(name: "a", declaredType: nil)
        try await reception.write([.init(bytes: [1])])
        try await reception.endFile()
        let old = house.catalog.identity.id
        try await house.staging.beginOne(house.uploads.stagingKeys.make(for: .random()))
        let staged = house.directory.files(below: "staging")
        await house.close()
        for name in ["catalog.db", "catalog.db-wal", "catalog.db-shm"] {
            try? FileManager.default.removeItem(at: house.directory.url.appendingPathComponent(name))
        }
        try await house.restart()
        #expect(house.catalog.identity.id != old)
        #expect(try await house.uploads.claimStaging() == .thisCatalog)
        for _ in 0..<3 { await Sweeper(house.uploads).sweep() }
        #expect(house.directory.files(below: "staging") == staged)
        #expect(try await CatalogMark.find(in: house.staging) == CatalogMark(house.catalog.identity))
        await house.close()
    }

    @Test("a store that nobody reaches at the start is looked at before the first write")
    func unreachable() async throws {
        let house = try await MemoryHouse()
        house.control.fail(.readOpen, 200)
        #expect(await failure { _ = try await house.uploads.claimStaging() } == .unavailable)
        #expect(await failure { _ = try await house.uploads.create(length: 3, metadata: nil) } == .unavailable)
        #expect(house.control[.writeBegin, .calls] == 0)
        house.control.heal(.readOpen)
        _ = try await waitFor("the store to be well again", within: .seconds(30)) {
            _ = try? await house.staging.health()
            return await isDone { _ = try await house.uploads.create(length: 3, metadata: nil) } ? true : nil
        }
        #expect(try await CatalogMark.find(in: house.staging) == CatalogMark(house.catalog.identity))
        let looks = house.control[.readOpen, .calls]
        for _ in 0..<5 { _ = try await house.uploads.create(length: 3, metadata: nil) }
        #expect(house.control[.readOpen, .calls] == looks, "once it is known, asking costs nothing")
        await house.close()
    }
}
