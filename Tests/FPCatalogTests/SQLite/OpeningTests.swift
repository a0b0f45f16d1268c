import Foundation
import Logging
import Support
import Testing

@testable import FPCatalog

@Suite struct OpeningTests {
    private func open(_ path: String, _ durability: CatalogDurability = .process, program: String = "fphost")
        async throws(CatalogError) -> SQLiteCatalog
    {
        try await SQLiteCatalog.open(
            path: path, durability: durability, program: program,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private func error(_ path: String) async -> CatalogError? {
        do throws(CatalogError) {
            let catalog = try await open(path)
            await catalog.close()
            return nil
        } catch {
            return error
        }
    }

    /// Changes a database that nobody has open.
    private func change(_ path: String, _ script: String) throws {
        try Connection(path).execute(script)
    }

    private func mode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test func `what is made on the way is for its owner only`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.url.path + "/a/b/c.db"
        let catalog = try await open(path)
        #expect(try mode(directory.url.path + "/a") == 0o700)
        #expect(try mode(directory.url.path + "/a/b") == 0o700)
        for suffix in ["", "-wal", "-shm", ".lock"] { #expect(try mode(path + suffix) == 0o600, "\(suffix)") }
        await catalog.close()
    }

    @Test func `a second host is refused with a sentence that names the file and the holder`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        let link = directory.url.path + "/link.db"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: directory.catalogPath)
        let other = directory.url.path + "/other"
        try FileManager.default.createSymbolicLink(atPath: other, withDestinationPath: directory.url.path)
        for path in [directory.catalogPath, link, other + "/catalog.db"] {
            guard case .inUse(let sentence) = await error(path) else {
                Issue.record("\(path) was opened twice")
                continue
            }
            #expect(sentence.contains(directory.catalogPath))
            #expect(sentence.contains("process \(ProcessInfo.processInfo.processIdentifier)"))
            #expect(sentence.contains("Stop that one first"))
        }
        let upload = UploadRecord.complete()
        try await catalog.insert(upload)
        #expect(try await catalog.upload(upload.id) == upload, "the first one is as good as ever")
        await catalog.close()
        let next = try await directory.openCatalog()
        #expect(try await next.upload(upload.id) == upload)
        await next.close()
    }

    @Test func `a look at a catalog makes nothing, says whether a host has it, and keeps none from opening it`()
        async throws
    {
        let directory = try TemporaryDirectory()
        for path in [directory.url.path + "/a/b/c.db", directory.catalogPath] {
            #expect(SQLiteCatalog.objection(to: path) == nil && SQLiteCatalog.user(of: path) == nil)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.url.path).isEmpty)
        let path = directory.catalogPath
        let looking = Task.detached {
            var looks = 0
            while !Task.isCancelled {
                _ = SQLiteCatalog.user(of: path)
                looks += 1
                // There may be no other thread for those who hold the catalog meanwhile.
                await Task.yield()
            }
            return looks
        }
        for _ in 0..<20 {
            let catalog = try await directory.openCatalog()
            #expect(SQLiteCatalog.user(of: path) == ProcessInfo.processInfo.processIdentifier)
            #expect(SQLiteCatalog.objection(to: path) == nil)
            await catalog.close()
        }
        looking.cancel()
        #expect(await looking.value > 0)
        #expect(SQLiteCatalog.user(of: path) == nil)
    }

    @Test func `another process is refused too`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        let path = directory.catalogPath
        await #expect(processExitsWith: .exitCode(42)) { [path = path as String] in
            do throws(CatalogError) {
                let logger = Logger(label: "test")
                _ = try await SQLiteCatalog.open(path: path, durability: .process, logger: logger)
            } catch {
                if case .inUse(let sentence) = error, sentence.contains("process \(getppid())") { exit(42) }
            }
        }
        await catalog.close()
    }

    @Test func `a catalog that is dropped unclosed can be opened again`() async throws {
        let directory = try TemporaryDirectory()
        let upload = UploadRecord.complete()
        do {
            let catalog = try await directory.openCatalog()
            try await catalog.insert(upload)
        }
        // The last task to let go of it may still be on its way out.
        let again = try await waitFor("the lock", within: .seconds(30)) { try? await directory.openCatalog() }
        #expect(try await again.upload(upload.id) == upload)
        await again.close()
    }

    @Test(arguments: [(CatalogDurability.process, 1), (.power, 2)])
    func `the database is set up for its durability`(_ durability: CatalogDurability, _ synchronous: Int)
        async throws
    {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog(durability)
        try await catalog.insert(.complete())
        let settings = try await catalog.changes.perform { db in
            [
                try db.first("PRAGMA journal_mode") { $0[0] as String },
                try db.first("PRAGMA synchronous") { $0[0] as String },
                try db.first("PRAGMA foreign_keys") { $0[0] as String },
                try db.first("PRAGMA busy_timeout") { $0[0] as String },
            ]
        }
        #expect(settings == ["wal", "\(synchronous)", "1", "5000"])
        await catalog.close()
        #expect(!FileManager.default.fileExists(atPath: directory.catalogPath + "-wal"), "all is in the one file")
        let db = try Connection(directory.catalogPath)
        var tables = 0
        // Its columns: schema, name, type, ncol, wr, strict.
        try db.each("PRAGMA main.table_list") { row in
            tables += 1
            #expect(row[5] == 1 || (row[1] as String).hasPrefix("sqlite_"))
        }
        #expect(tables > 5)
    }

    @Test func `a database that a newer fphost wrote is refused, and not touched`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.catalogPath
        await (try open(path, program: "fphost 7.8.9")).close()
        try change(path, "PRAGMA user_version = 99")
        let before = try directory.contents("catalog.db")
        guard case .tooNew(let sentence) = await error(path) else {
            Issue.record("it was opened")
            return
        }
        for part in [path, "version 99", "fphost 7.8.9", "up to \(Schema.version)"] { #expect(sentence.contains(part)) }
        #expect(try directory.contents("catalog.db") == before)
        #expect(await error(path) == .tooNew(sentence), "the lock is free again")
    }

    @Test func `somebody else's database is refused, and not touched`() async throws {
        let directory = try TemporaryDirectory()
        try Data().write(to: URL(fileURLWithPath: directory.catalogPath))
        try change(directory.catalogPath, "CREATE TABLE mine (a)")
        let before = try directory.contents("catalog.db")
        guard case .failed(let sentence) = await error(directory.catalogPath) else {
            Issue.record("it was opened")
            return
        }
        #expect(sentence.contains("not a catalog of fphost"))
        #expect(try directory.contents("catalog.db") == before)
    }

    @Test func `an empty file becomes a catalog`() async throws {
        let directory = try TemporaryDirectory()
        try Data().write(to: URL(fileURLWithPath: directory.catalogPath))
        #expect(await error(directory.catalogPath) == nil)
        #expect(await error(directory.catalogPath) == nil)
    }

    @Test func `a path that cannot be a catalog is refused with the reason`() async throws {
        let directory = try TemporaryDirectory()
        let root = directory.url.path
        try Data("no database, by any means, and long enough for a header that says so ".utf8 + Data(count: 200))
            .write(to: directory.url.appending(path: "text"))
        try FileManager.default.createDirectory(atPath: root + "/folder", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: root + "/dangling", withDestinationPath: root + "/nothing")
        let cases = [
            ("", "does not name a file"), (root + "/folder/", "does not name a file"), (root + "/a\0b", "name a file"),
            (root + "/folder", "directory"), (root + "/text", "damaged"), (root + "/dangling", "link to nothing"),
            (root + "/text/catalog.db", "Not a directory"), ("/proc/nowhere/catalog.db", "cannot be made"),
        ]
        for (path, reason) in cases {
            guard case .failed(let sentence) = await error(path) else {
                Issue.record("\(path) was not refused")
                continue
            }
            #expect(sentence.contains(reason), "\(path): \(sentence)")
        }
    }

    @Test func `a catalog keeps its identity, and one from before it had any gets one`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        let identity = catalog.identity
        #expect(identity.place.hasSuffix(":" + directory.catalogPath))
        await catalog.close()
        let again = try await directory.openCatalog()
        #expect(again.identity == identity)
        await again.close()
        let old = try TemporaryDirectory()
        try makeOlder(1, at: old.catalogPath, receiving: .random(), complete: .random())
        var identities: [CatalogIdentity] = []
        for _ in 0..<2 {
            let migrated = try await old.openCatalog()
            identities.append(migrated.identity)
            await migrated.close()
        }
        #expect(identities[0] == identities[1])
        #expect(identities[0].id.utf8.count == 32)
        #expect(identities[0].id != identity.id)
    }

    private static let older = "oLderoLderoLderoLderoL"

    /// A database as an older fphost left it.
    private func makeOlder(_ version: Int, at path: String, receiving: UploadID, complete: UploadID) throws {
        try Data().write(to: URL(fileURLWithPath: path))
        // From version 4 on, what version 3 had comes by the same way.
        let first = min(version, 3)
        for step in Schema.steps[..<first] { try change(path, step) }
        let received = version < 3 ? "" : ", 77"
        let nothing = version < 3 ? "" : ", NULL"
        try change(
            path,
            """
            INSERT INTO about VALUES ('written by', 'an older fphost');
            PRAGMA application_id = \(Schema.applicationID);
            PRAGMA user_version = \(version);
            INSERT INTO uploads VALUES
                (1, '\(receiving)', 'receiving', 5, 6, NULL, NULL, 'me', x'0102', 77\(received)),
                (2, '\(complete)', 'complete', 5, 6, 7, NULL, NULL, NULL, NULL\(nothing)),
                (3, '\(Self.older)', 'storing', 4, 6, 7, NULL, NULL, NULL, NULL\(nothing));
            INSERT INTO metadata VALUES (1, '{}');
            INSERT INTO files VALUES
                (1, 0, 'a', 99, NULL, NULL, 'staging', 'k', NULL, NULL, NULL),
                (2, 0, 'b', 3, 'text/plain', 'e', 'staging', 'l', NULL, NULL, NULL),
                (3, 0, 'c', 3, 'text/plain', 'e', 'staging', 'm', 'media', 'c', x'03'),
                (3, 1, 'd', 4, NULL, 'f', 'staging', '\(Self.older)/n', 'media', 'd', NULL);
            INSERT INTO paths VALUES ('media', 'c', 3), ('media', 'd', 3);
            INSERT INTO chunks VALUES (1, 0, 77, 5)
            """)
        for step in Schema.steps[first..<version] { try change(path, step) }
    }

    @Test(arguments: 1...8) func `a catalog of an older version has its uploads, and goes on`(version: Int) async throws
    {
        let directory = try TemporaryDirectory()
        let (receiving, complete) = (UploadID.random(), UploadID.random())
        try makeOlder(version, at: directory.catalogPath, receiving: receiving, complete: complete)
        #expect(SQLiteCatalog.objection(to: directory.catalogPath) == nil)
        let catalog = try await directory.openCatalog()
        var expected = UploadRecord(
            id: receiving, state: .receiving, createdAt: 5, touchedAt: 6, metadata: "{}", owner: "me",
            files: [FileRecord(name: "a", size: 99, store: "staging", key: "k")],
            session: WriteSession(token: [1, 2], committed: 77, received: 77))
        #expect(try await catalog.upload(receiving) == expected)
        // Its fingerprint is of a kind that nobody computes any more.
        #expect(try await catalog.chunk(of: receiving, at: 0) == nil)
        #expect(try await catalog.advance(receiving, by: ChunkArrival(upTo: 80, at: 8)))
        #expect(try await catalog.usage(of: "me") == OwnerUsage(uploads: 1, inProgress: 1, bytes: 99))
        let whole = try #require(try await catalog.upload(complete))
        #expect(whole.state == .complete && whole.session == nil && whole.files[0].name == "b")
        let storing = UploadID(letters: Array(Self.older.utf8))
        var stored = UploadRecord(
            id: storing, state: .storing, createdAt: 4, touchedAt: 6, completedAt: 7,
            files: [
                FileRecord(
                    name: "c", size: 3, contentType: "text/plain", etag: "e", store: "staging", key: "m",
                    destination: Destination(store: "media", key: "c", token: [3])),
                FileRecord(
                    name: "d", size: 4, etag: "f", store: "staging", key: "\(storing)/n",
                    destination: Destination(store: "media", key: "d")),
            ])
        #expect(try await catalog.upload(storing) == stored)
        #expect(try await catalog.known(keys: ["k", "m", "\(storing)/n", "o"], in: "staging").count == 3)
        #expect(try await catalog.known(tokens: [[1, 2], [3], [4]]) == [[1, 2], [3]])
        #expect(try await catalog.finishStoring(storing, etags: ["g", nil], at: 9))
        stored.state = .stored
        stored.storedAt = 9
        for (number, key) in ["c", "d"].enumerated() {
            stored.files[number].destination = nil
            stored.files[number].store = "media"
            stored.files[number].key = key
            stored.files[number].etag = number == 0 ? "g" : nil
        }
        #expect(try await catalog.upload(store: "media", key: "d") == stored)
        await catalog.close()
        let again = try await directory.openCatalog()
        expected.touchedAt = 8
        expected.session?.received = 80
        #expect(try await again.upload(receiving) == expected)
        #expect(try await again.beginAgain(complete, file: whole.files[0], token: [9], at: 9))
        await again.close()
    }

    @Test func `a cursor is good after a restart`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        for _ in 0..<3 { try await catalog.insert(.complete()) }
        var query = UploadQuery()
        query.limit = 2
        query.cursor = try await catalog.uploads(matching: query).next
        await catalog.close()
        let again = try await directory.openCatalog()
        #expect(try await again.uploads(matching: query).uploads.count == 1)
        await again.close()
    }

    @Test func `a damaged database says so`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        let uploads = (0..<300).map { _ in UploadRecord.complete() }
        for upload in uploads { try await catalog.insert(upload) }
        await catalog.close()
        var bytes = try directory.contents("catalog.db")
        for position in 4096 * 2..<bytes.count where position % 4096 < 2000 { bytes[position] = 0x5A }
        try Data(bytes).write(to: URL(fileURLWithPath: directory.catalogPath))
        var sentences: [String] = []
        do throws(CatalogError) {
            let broken = try await directory.openCatalog()
            for upload in uploads {
                do throws(CatalogError) { _ = try await broken.upload(upload.id) } catch {
                    sentences.append("\(error)")
                }
            }
            await broken.close()
        } catch {
            sentences.append("\(error)")
        }
        #expect(!sentences.isEmpty)
        #expect(sentences.allSatisfy { $0.contains("is damaged") && $0.contains("fphost catalog restore") })
    }
}
