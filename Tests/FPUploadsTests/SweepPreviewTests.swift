import FPCatalog
import FPStorage
import NIOCore
import Support
import Synchronization
import Testing

@testable import FPUploads

/// What a sweep says that it removes, before it does.
@Suite("What a sweep would remove")
struct SweepPreviewTests {
    private final class Findings: Sendable {
        private let found = Mutex<[SweepFinding]>([])
        func add(_ finding: SweepFinding) { found.withLock { $0.append(finding) } }
        var places: [String] { found.withLock { $0.map { "\($0.kind) \($0.store) \($0.key)" } }.sorted() }
        var proofs: [String] { found.withLock { $0.map(\.proof) } }
    }

    private func sweep(_ house: House, isPreview: Bool) async -> Findings {
        let findings = Findings()
        #expect(await Sweeper(house.uploads, isPreview: isPreview) { findings.add($0) }.sweep())
        return findings
    }

    private func begin(_ key: String, in store: Store) async throws -> StoreWriter {
        let request = WriteRequest(key: key, size: nil, resumable: true, ifNotExists: true, contentType: nil)
        let writer = try await store.beginWrite(request)
        try await writer.write([ByteBuffer(bytes: [9])])
        try await writer.sync(power: false)
        await writer.close()
        return writer
    }

    @Test("it is listed with its proof, nothing is changed by that, and the sweep then removes just that")
    func preview() async throws {
        var settings = UploadSettings()
        settings.expireAfter = .zero
        let house = try await House(settings: settings)
        let stored = try await house.receive([1])
        _ = try await house.uploads.store(stored.id, path: "stays")
        let expired = try await house.receive([2])
        let receiving = try await house.uploads.create(length: 10, metadata: nil)
        let deleted = try await house.receive([3])
        _ = try await house.catalog.beginDeleting(
            deleted.id, from: [.complete], because: .deleted, at: .now)
        let keys = house.uploads.stagingKeys
        let (orphan, remains, session) = (
            keys.make(for: .random()), keys.make(for: stored.id), keys.make(for: .random())
        )
        for key in [orphan, remains, "not/ours"] {
            let request = WriteRequest(key: key, size: 1, resumable: false, ifNotExists: true, contentType: nil)
            _ = try await house.staging.put(request, [.init(bytes: [9])], power: false)
        }
        for key in [session, "not/ours either"] { _ = try await begin(key, in: house.staging) }
        let moving = try await house.receive([4])
        _ = try await house.catalog.beginStoring(moving.id, destinations: [Destination(store: "media", key: "begun")])
        let begun = try await begin("begun", in: house.media)
        try await house.catalog.recordStoringSession(moving.id, file: 0, token: begun.token, at: .now)
        var files: [String] = []
        for id in [expired.id, receiving.id, deleted.id, moving.id] {
            files.append(try #require(try await house.catalog.upload(id)).files[0].key)
        }
        try await house.catalog.forget(moving.id)

        func state() async throws -> [String] {
            let counts = try await house.catalog.counts().map { "\($0.key) \($0.value)" }
            let pending = try await house.staging.listPending().entries.map(\.key)
            return (counts + pending + house.directory.files(below: "staging") + house.directory.files(below: "media"))
                .sorted()
        }
        let before = try await state()
        // Until everything is older than the moment of the sweep.
        let listed = try await waitFor("everything to be listed", within: .seconds(10)) {
            let listed = await sweep(house, isPreview: true)
            return listed.places.count == 8 ? listed : nil
        }
        #expect(try await state() == before)
        #expect(
            listed.places
                == [
                    "deleting staging \(files[2])", "expired staging \(files[0])", "expired staging \(files[1])",
                    "bytes staging \(orphan)", "bytes staging \(remains)", "bytes staging \(files[3])",
                    "session staging \(session)", "session media begun",
                ].sorted())
        #expect(listed.proofs.allSatisfy { $0.contains("record") || $0.contains("this catalog") })

        let removed = await sweep(house, isPreview: false)
        #expect(removed.places == listed.places)
        #expect(try await house.catalog.counts()[.stored] == 1)
        let left = house.directory.files(below: "staging")
        #expect(!left.contains { [orphan, remains].contains($0) || files.contains($0) })
        #expect(left.contains("not/ours"))
        #expect(try await house.staging.listPending().entries.map(\.key) == ["not/ours either"])
        #expect(try await house.media.listPending().entries.isEmpty)
        #expect(house.directory.files(below: "media").contains("stays"))
        await house.close()
    }

    @Test("a preview of another catalog's staging store finds nothing there, and leaves its mark alone")
    func foreign() async throws {
        var settings = UploadSettings()
        settings.expireAfter = .zero
        let house = try await House(settings: settings)
        _ = try await house.receive([1])
        let neighbour = try await House(settings: settings, neighbour: house.directory)
        let mark = try await CatalogMark.find(in: house.staging)
        let findings = Findings()
        #expect(await !Sweeper(neighbour.uploads, isPreview: true) { findings.add($0) }.sweep())
        #expect(findings.places == [])
        #expect(try await CatalogMark.find(in: house.staging) == mark)
        await neighbour.close()
        await house.close()
    }
}
