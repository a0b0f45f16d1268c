import Glibc

/// Puts a copy in a catalog's place.
enum CatalogRestore {
    static func put(
        _ copy: String, inPlaceOf catalog: String, at now: Timestamp, program: String, progress: (Double) -> Void
    ) throws(CatalogError) -> CatalogRestoration {
        guard access(copy, R_OK) == 0 else { throw .failed("\(copy) cannot be read: \(describe(errno: errno)).") }
        guard try Schema.isDatabase(copy) else {
            throw .failed("\(copy) is not a SQLite database, so it is no copy of a catalog.")
        }
        let file = try DatabaseFile.resolve(catalog)
        guard SQLiteCatalog.place(of: copy) != file else {
            throw .failed("\(copy) is the catalog itself; name a copy of it.")
        }
        let lock = try CatalogLock(database: file)
        defer { lock.release() }
        let fresh = file + ".restoring"
        unlink(fresh)
        try DatabaseFile.createNew(fresh)
        do throws(CatalogError) {
            var restoration = try prepare(fresh, from: copy, at: now, program: program, progress: progress)
            try DatabaseFile.sync(fresh)
            for path in [fresh, file + ".lock"] { DatabaseFile.give(path, toOwnerOf: file) }
            restoration.replaced = try replace(file, by: fresh, at: now)
            return restoration
        } catch {
            unlink(fresh)
            throw error
        }
    }

    /// Makes the database that is going to be the catalog.
    private static func prepare(
        _ fresh: String, from copy: String, at now: Timestamp, program: String, progress: (Double) -> Void
    ) throws(CatalogError) -> CatalogRestoration {
        do {
            let source = try Connection(copy, readOnly: true)
            defer { source.close() }
            try Schema.checkCatalog(source)
            var restoration = CatalogRestoration(
                contents: try CatalogBackup.copy(source, to: fresh, progress: progress))
            let db = try Connection(fresh)
            defer { db.close() }
            try db.execute("PRAGMA synchronous = FULL")
            try Schema.migrate(db, program: program)
            db.keepsOwners = try db.first("SELECT 1 FROM about WHERE name = 'owners kept'") { _ in true } ?? false
            try db.run("BEGIN IMMEDIATE")
            try db.forgetWhatMayHaveChanged(at: now, &restoration)
            try db.run("COMMIT")
            return restoration
        } catch  where (error as? SQLiteError)?.isDamage ?? (error is CatalogBackup.Unsound) {
            throw .failed("\(copy) is damaged, so it was not put in the catalog's place. Take another copy.")
        } catch {
            throw CatalogError(error, catalog: copy)
        }
    }

    /// Gives the new database the catalog's name, and the old one, with its log, another.
    private static func replace(_ file: String, by fresh: String, at now: Timestamp) throws(CatalogError) -> String? {
        var replaced: String?
        if access(file, F_OK) == 0 {
            emptyLog(of: file)
            let name = freeName(beside: file, at: now)
            // The log first: without it a database is what it was some time ago, with another's it is nothing.
            for suffix in ["-wal", "-shm", ""] where rename(file + suffix, name + suffix) != 0 && errno != ENOENT {
                throw .failed("The catalog \(file) cannot be renamed: \(describe(errno: errno)).")
            }
            replaced = name
        }
        guard rename(fresh, file) == 0 else {
            throw .failed(
                "\(fresh) cannot be renamed to \(file): \(describe(errno: errno)). Do that by hand: it is the new catalog."
            )
        }
        try DatabaseFile.sync(file)
        return replaced
    }

    /// Moves what a host that was killed had left in its log into the database, if that can still be read.
    private static func emptyLog(of file: String) {
        guard let db = try? Connection(file) else { return }
        try? db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
    }

    private static func freeName(beside file: String, at now: Timestamp) -> String {
        var seconds = time_t(now.milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y%m%dT%H%M%SZ", &parts)
        let name =
            file + ".replaced-" + String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        var number = 1
        var free = name
        while access(free, F_OK) == 0 {
            number += 1
            free = "\(name)-\(number)"
        }
        return free
    }
}

extension Connection {
    /// Takes back all by which the catalog would act on what it cannot know any more, inside a transaction.
    fileprivate func forgetWhatMayHaveChanged(at now: Timestamp, _ restoration: inout CatalogRestoration) throws {
        for (upload, isStaged) in try interrupted() {
            switch upload.state {
            case .storing:
                restoration.undone += upload.files.compactMap { file in
                    file.destination.map { .init(upload: upload.id, store: $0.store, key: $0.key) }
                }
                _ = try abandonStoring(upload.id, at: now)
            case .deleting where !isStaged:
                restoration.left += upload.files.flatMap { file in
                    [.init(upload: upload.id, store: file.store, key: file.key)]
                        + (file.destination.map { [.init(upload: upload.id, store: $0.store, key: $0.key)] } ?? [])
                }
                try forget(upload.id)
                restoration.contents.uploads -= 1
            default: break
            }
        }
        try run("UPDATE uploads SET touched_at = ? WHERE state IN ('receiving', 'complete')", now)
        // The bytes in staging may be others by now than those that these are of.
        try run("UPDATE uploads SET session_digest = NULL WHERE session_digest IS NOT NULL")
        try run("DELETE FROM chunks")
        try run("DELETE FROM begun_writes")
        try run("UPDATE about SET value = randomblob(16) WHERE name IN ('name key', 'cursor key')")
        try run("INSERT OR REPLACE INTO about VALUES ('restored at', ?)", now)
    }

    /// The uploads that were on their way somewhere, each with whether all its bytes are under keys in staging.
    private func interrupted() throws -> [(UploadRecord, isStaged: Bool)] {
        let secrets = try ["catalog id", "name key"].map { name in
            try first("SELECT value FROM about WHERE name = ?", name) { $0[0] as [UInt8] } ?? []
        }
        let identity = CatalogIdentity(id: secrets[0], key: secrets[1], place: path)
        var ids: [UploadID] = []
        try each("SELECT id FROM uploads WHERE state IN ('storing', 'deleting') ORDER BY created_at, id") { row in
            if let id = UploadID(row[0]) { ids.append(id) }
        }
        return try ids.compactMap { id in
            guard let upload = try record(id) else { return nil }
            let isStaged = upload.files.allSatisfy { $0.destination == nil && identity.upload(ofKey: $0.key) == id }
            return (upload, isStaged)
        }
    }
}
