import Foundation
import Support
import Testing

@testable import FPCatalog

/// Copies of a catalog, what is found wrong with one, and a copy in its place.
@Suite struct CareTests {
    private func url(_ directory: TemporaryDirectory) -> String { "sqlite:" + directory.catalogPath }

    private func sentence(_ body: () throws(CatalogError) -> Void) -> String? {
        do throws(CatalogError) {
            try body()
            return nil
        } catch {
            return error.sentence
        }
    }

    /// Writes over a page of the file, but for its beginning.
    private func damage(_ path: String, page: Int) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64(page * 4096))
        try file.write(contentsOf: Data(repeating: 0x5A, count: 4000))
        try file.close()
    }

    @Test func `a copy is the catalog as it was at one moment, while it is changed all the time`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        for _ in 0..<200 { try await catalog.insert(.complete()) }
        let writers = Task {
            var count = 0
            while !Task.isCancelled {
                // Two paths each, which belong together.
                let id = UploadID.random()
                try await catalog.insert(.stored(id, keys: ["\(id)/1", "\(id)/2"]))
                count += 1
            }
            return count
        }
        let url = url(directory)
        for number in 0..<5 {
            let path = directory.url.path + "/copy-\(number).db"
            let contents = try await onThread { try Catalogs.backUp(url, to: path) }
            #expect(contents.uploads >= 200)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try Catalogs.faults(in: "sqlite:" + path) == [])
            #expect(try Connection(path, readOnly: true).contents() == contents)
        }
        #expect(try await onThread { try Catalogs.faults(in: url) } == [])
        writers.cancel()
        #expect(try await writers.value > 0)
        await catalog.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.url.path).sorted()
        #expect(names == ["catalog.db", "catalog.db.lock"] + (0..<5).map { "copy-\($0).db" })
    }

    @Test func `a copy never takes the place of a file, and nothing stays of one that failed`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.url.path + "/copy.db"
        #expect(
            sentence { () throws(CatalogError) in _ = try Catalogs.backUp(url(directory), to: path) } != nil,
            "no catalog")
        let catalog = try await directory.openCatalog()
        for _ in 0..<300 { try await catalog.insert(.complete()) }
        try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
        let taken = sentence { () throws(CatalogError) in _ = try Catalogs.backUp(url(directory), to: path) }
        #expect(taken?.contains("exists already") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("precious".utf8))
        await catalog.close()
        for page in 3..<8 { try damage(directory.catalogPath, page: page) }
        let other = directory.url.path + "/other.db"
        let damaged = sentence { () throws(CatalogError) in _ = try Catalogs.backUp(url(directory), to: other) }
        #expect(damaged?.contains("fphost catalog restore PATH") == true, "\(damaged ?? "")")
        #expect(!FileManager.default.fileExists(atPath: other))
    }

    @Test func `what is wrong with a catalog is found`() async throws {
        let breaks: [(String, String)] = [
            (
                "UPDATE uploads SET session_token = NULL, session_committed = NULL WHERE state = 'receiving'",
                "without a session"
            ),
            ("UPDATE uploads SET state = 'receiving' WHERE state = 'complete'", "without a session"),
            ("DELETE FROM paths WHERE key = 'b'", "its path b in store media is not kept for it"),
            (
                "UPDATE paths SET upload = (SELECT number FROM uploads WHERE state = 'complete') WHERE key = 'a'",
                "has the path a"
            ),
            ("UPDATE uploads SET size = NULL WHERE state = 'stored'", "without a size"),
            ("UPDATE uploads SET state = 'storing' WHERE state = 'complete'", "without a destination"),
            (
                "INSERT INTO chunks (upload, position, length, fingerprint) SELECT number, 5, 100, 0 FROM uploads WHERE state = 'receiving'",
                "ends at 105"
            ),
            ("UPDATE owners SET bytes = bytes + 1", "'somebody'"),
            ("DELETE FROM owners", "'somebody'"),
            ("DELETE FROM about WHERE name = 'name key'", "has lost its name key"),
            ("UPDATE files SET ordinal = 7", "not numbered"),
            ("PRAGMA foreign_keys = OFF; DELETE FROM uploads WHERE state = 'stored'", "belongs to no upload"),
        ]
        for (script, expected) in breaks {
            let directory = try TemporaryDirectory()
            let catalog = try await directory.openCatalog()
            try await catalog.insert(.receiving(owner: "somebody"))
            try await catalog.insert(.complete(owner: "somebody"))
            try await catalog.insert(.stored(keys: ["a", "b"]))
            let (old, new) = (UploadRecord.stored(keys: ["c"]), UploadRecord.complete(names: ["c"]))
            for upload in [old, new] { try await catalog.insert(upload) }
            var place = Destination(store: "media", key: "c")
            place.replaced = Replaced(upload: old.id, etag: "e")
            #expect(try await catalog.beginStoring(new.id, destinations: [place]))
            await catalog.close()
            #expect(try Catalogs.faults(in: url(directory)) == [])
            try Connection(directory.catalogPath).execute(script)
            let faults = try Catalogs.faults(in: url(directory))
            #expect(faults.contains { $0.contains(expected) }, "\(script): \(faults)")
        }
    }

    @Test func `pages that were written over are found`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        for _ in 0..<300 { try await catalog.insert(.complete()) }
        await catalog.close()
        let whole = try Data(contentsOf: URL(fileURLWithPath: directory.catalogPath))
        for page in stride(from: 1, to: whole.count / 4096, by: 5) {
            try whole.write(to: URL(fileURLWithPath: directory.catalogPath))
            try damage(directory.catalogPath, page: page)
            #expect(try !Catalogs.faults(in: url(directory)).isEmpty, "page \(page)")
        }
    }

    @Test func `a catalog goes back to its copy, and the one that was there stays beside it`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        let (before, after) = (UploadRecord.complete(), UploadRecord.complete())
        try await catalog.insert(before)
        let copy = directory.url.path + "/copy.db"
        _ = try Catalogs.backUp(url(directory), to: copy)
        try await catalog.insert(after)
        let busy = sentence { () throws(CatalogError) in _ = try Catalogs.restore(url(directory), from: copy) }
        #expect(busy?.contains("Stop that one first") == true)
        await catalog.close()

        let restoration = try Catalogs.restore(url(directory), from: copy, at: 1_764_305_100_000)
        #expect(restoration.contents.uploads == 1)
        let replaced = try #require(restoration.replaced)
        #expect(replaced == directory.catalogPath + ".replaced-20251128T044500Z")
        #expect(try Connection(replaced, readOnly: true).contents().uploads == 2)
        #expect(try Catalogs.faults(in: url(directory)) == [])
        let again = try await directory.openCatalog()
        #expect(again.identity.id == catalog.identity.id, "its staging store is still its own")
        #expect(try await again.upload(before.id)?.touchedAt == 1_764_305_100_000)
        #expect(try await again.upload(after.id) == nil)
        await again.close()
        // And forth again, to one that was lost.
        try FileManager.default.removeItem(atPath: directory.catalogPath)
        #expect(try Catalogs.restore(url(directory), from: replaced).contents.uploads == 2)
    }

    @Test func `what is no copy of a catalog is refused, and nothing changes`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        try await catalog.insert(.complete())
        let copy = directory.url.path + "/copy.db"
        _ = try Catalogs.backUp(url(directory), to: copy)
        await catalog.close()
        let was = try directory.contents("catalog.db")
        func changed(_ name: String, _ script: String) throws -> String {
            let path = directory.url.path + "/" + name
            try FileManager.default.copyItem(atPath: copy, toPath: path)
            try Connection(path).execute(script)
            return path
        }
        let text = directory.url.path + "/text"
        try Data("not a database".utf8).write(to: URL(fileURLWithPath: text))
        let empty = directory.url.path + "/empty"
        try Data().write(to: URL(fileURLWithPath: empty))
        let broken = directory.url.path + "/broken"
        try FileManager.default.copyItem(atPath: copy, toPath: broken)
        try damage(broken, page: 4)
        for (path, expected) in [
            (text, "not a SQLite database"), (empty, "not a SQLite database"),
            (directory.url.path + "/none", "No such file"),
            (try changed("newer.db", "PRAGMA user_version = 9999"), "schema version 9999"),
            (try changed("other.db", "PRAGMA application_id = 1"), "of another program"),
            (broken, "Take another copy"), (directory.catalogPath, "is the catalog itself"),
        ] {
            let told = sentence { () throws(CatalogError) in _ = try Catalogs.restore(url(directory), from: path) }
            #expect(told?.contains(expected) == true, "\(path): \(told ?? "no refusal")")
            #expect(try directory.contents("catalog.db") == was)
            #expect(!FileManager.default.fileExists(atPath: directory.catalogPath + ".restoring"))
        }
    }

    @Test func `a restored catalog acts on nothing that it cannot know any more`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        let identity = catalog.identity
        let (storing, kept, gone) = (UploadRecord.complete(), UploadID.random(), UploadRecord.stored(keys: ["gone"]))
        try await catalog.insert(storing)
        _ = try await catalog.beginStoring(storing.id, destinations: [Destination(store: "media", key: "on its way")])
        try await catalog.recordStoringSession(storing.id, file: 0, token: [1], at: 1)
        var staged = UploadRecord.complete(kept)
        staged.files[0].key = "\(kept).\(identity.newName(for: kept))"
        try await catalog.insert(staged)
        try await catalog.insert(gone)
        for (id, state) in [(kept, UploadState.complete), (gone.id, .stored)] {
            _ = try await catalog.beginDeleting(id, from: [state])
        }
        let copy = directory.url.path + "/copy.db"
        _ = try Catalogs.backUp(url(directory), to: copy)
        await catalog.close()

        let restoration = try Catalogs.restore(url(directory), from: copy)
        #expect(restoration.undone == [.init(upload: storing.id, store: "media", key: "on its way")])
        #expect(restoration.left == [.init(upload: gone.id, store: "media", key: "gone")])
        #expect(restoration.contents.uploads == 2)
        let again = try await directory.openCatalog()
        #expect(try await again.upload(storing.id)?.state == .complete)
        #expect(try await again.upload(kept)?.state == .deleting, "a key in staging is never used again")
        #expect(try await again.upload(gone.id) == nil)
        #expect(try await again.begunWrites(to: ["on its way"], in: "media").isEmpty)
        #expect(again.identity.upload(ofKey: staged.files[0].key) == nil, "it knows no key that it has no record of")
        #expect(
            try await again.beginStoring(storing.id, destinations: [Destination(store: "media", key: "on its way")]))
        await again.close()
        #expect(try Catalogs.faults(in: url(directory)) == [])
    }
}
