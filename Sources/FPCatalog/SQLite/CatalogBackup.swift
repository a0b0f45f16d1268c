import CSQLite
import Glibc

/// Copies of a database.
enum CatalogBackup {
    static func make(
        of catalog: String, at path: String, progress: (Double) -> Void
    ) throws(CatalogError) -> CatalogContents {
        guard let file = try DatabaseFile.existing(catalog) else {
            throw .failed("There is no catalog \(catalog) yet, so there is nothing to copy.")
        }
        let source: Connection
        do {
            source = try Connection(file, readOnly: true)
            try Schema.checkCatalog(source)
        } catch {
            throw CatalogError(error, catalog: file)
        }
        defer { source.close() }
        try DatabaseFile.createNew(path)
        do {
            let contents = try copy(source, to: path, progress: progress)
            try DatabaseFile.sync(path)
            return contents
        } catch {
            unlink(path)
            throw CatalogError(error, catalog: file)
        }
    }

    /// A database that is not sound.
    struct Unsound: Error {
        /// What is wrong, a sentence each.
        let faults: [String]
    }

    /// Copies a database as it is at one moment into an empty file, and looks through the copy. It has no log beside it.
    /// - Throws: ``Unsound``, among others.
    static func copy(_ source: Connection, to path: String, progress: (Double) -> Void) throws -> CatalogContents {
        let target = try Connection(path)
        defer { target.close() }
        try target.execute("PRAGMA synchronous = FULL")
        // A copy that reads the database anew at each step would begin again with each change of a busy host.
        try source.inSnapshot {
            _ = try Schema.version(of: source)
            try source.copy(to: target, progress: progress)
        }
        try target.execute("PRAGMA journal_mode = DELETE")
        let faults = try CatalogCheck.faults(in: target)
        guard faults.isEmpty else { throw Unsound(faults: faults) }
        return try target.contents()
    }
}

extension Connection {
    /// Copies all pages of this database, of which a transaction is open, over another one.
    fileprivate func copy(to target: Connection, progress: (Double) -> Void) throws {
        guard let backup = sqlite3_backup_init(target.handle, "main", handle, "main") else {
            throw SQLiteError(target.handle, sqlite3_extended_errcode(target.handle))
        }
        var code = SQLITE_OK
        while code == SQLITE_OK {
            code = sqlite3_backup_step(backup, 1024)
            let (all, left) = (sqlite3_backup_pagecount(backup), sqlite3_backup_remaining(backup))
            if all > 0 { progress(Double(all - left) / Double(all)) }
        }
        let finished = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE, finished == SQLITE_OK else { throw SQLiteError(target.handle, code) }
    }

    /// What the catalog holds.
    func contents() throws -> CatalogContents {
        try first("SELECT count(*), max(max(touched_at, coalesce(stored_at, 0))) FROM uploads") { row in
            CatalogContents(uploads: row[0], lastTouched: (row[1] as Int64?).map(Timestamp.init(milliseconds:)))
        } ?? CatalogContents(uploads: 0)
    }
}
