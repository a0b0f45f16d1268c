import Glibc

/// Whether a database is sound: for SQLite, and for what the catalog promises beyond that.
enum CatalogCheck {
    static let advice = """
        Stop fphost, keep a copy of the file, and put a backup in its place (`fphost catalog restore PATH`), or what \
        `sqlite3 FILE .recover` saves.
        """

    /// The most of each kind that are listed.
    private static let most = 10

    static func faults(in catalog: String) throws(CatalogError) -> [String] {
        guard let file = try DatabaseFile.existing(catalog) else {
            throw .failed("There is no catalog \(catalog) yet.")
        }
        do {
            let db = try Connection(file, readOnly: true)
            defer { db.close() }
            try Schema.checkCatalog(db)
            return try faults(in: db)
        } catch let error as SQLiteError where error.isDamage {
            return [error.message]
        } catch {
            throw CatalogError(error, catalog: file)
        }
    }

    /// What is wrong, all of it seen at one moment.
    static func faults(in db: Connection) throws -> [String] {
        try db.inSnapshot {
            var faults: [String] = []
            do {
                try db.each(text: "PRAGMA integrity_check(\(most))", []) { row in
                    let line: String = row[0]
                    if line != "ok" { faults.append(line) }
                }
                // In a broken file, what the statements below find means nothing.
                guard faults.isEmpty else { return faults }
                try db.each("PRAGMA foreign_key_check") { row in
                    if faults.count < most {
                        faults.append("a row of the table \(row[0] as String) belongs to no upload")
                    }
                }
                // Of an earlier version, the host's next start makes one of this.
                guard try Schema.version(of: db) == Schema.version else { return faults }
                for rule in rules { try db.each(text: rule + " LIMIT \(most)", []) { faults.append($0[0]) } }
                faults += try ownersFaults(db)
            } catch let error as SQLiteError where error.isDamage {
                faults.append(error.message)
            }
            return faults
        }
    }

    /// Statements that find what no change of the catalog leaves, each row a sentence.
    private static let rules = [
        """
        SELECT 'the catalog has lost its ' || n FROM
            (SELECT 'cursor key' n UNION ALL SELECT 'catalog id' UNION ALL SELECT 'name key')
            WHERE NOT EXISTS (SELECT * FROM about WHERE name = n AND length(value) = 16)
        """,
        """
        SELECT 'upload ' || id || ' is ' || state || iif(session_token IS NULL, ', without a session', ', with a session')
            FROM uploads
            WHERE (session_token IS NULL) = (state = 'receiving') AND state <> 'deleting'
        """,
        """
        SELECT 'upload ' || id || ' is ' || state || ', without a size' FROM uploads
            WHERE size IS NULL AND state NOT IN ('receiving', 'deleting')
        """,
        """
        SELECT 'upload ' || id || ' is receiving, with more than one file' FROM uploads
            WHERE state = 'receiving' AND EXISTS (SELECT * FROM files WHERE upload = number)
        """,
        """
        SELECT 'upload ' || id || ' is ' || state || ', and a file is '
                || iif(f.destination_key IS NULL, 'without a destination', 'on its way') FROM uploads u,
            (SELECT number n, destination_key FROM uploads UNION ALL SELECT upload, destination_key FROM files) f
            WHERE f.n = u.number AND (f.destination_key IS NULL) = (state = 'storing') AND state <> 'deleting'
        """,
        """
        SELECT 'upload ' || id || ' is ' || state || ', and its path ' || k || ' in store ' || s || ' is not kept for it'
            FROM uploads u, (
                SELECT number n, coalesce(destination_store, store) s, coalesce(destination_key, key) k FROM uploads
                UNION ALL
                SELECT upload, coalesce(destination_store, store), coalesce(destination_key, key) FROM files) f
            WHERE f.n = u.number AND state IN ('storing', 'stored')
                -- One that replaces another has the path once it is stored.
                AND coalesce(u.replaces, u.id) = u.id
                AND NOT EXISTS (SELECT * FROM paths p WHERE p.store = s AND p.key = k AND p.upload = u.number)
        """,
        """
        SELECT 'upload ' || id || ' is ' || state || ', and has the path ' || p.key || ' in store ' || p.store
            FROM paths p JOIN uploads ON number = p.upload WHERE state IN ('receiving', 'complete')
        """,
        """
        SELECT 'upload ' || id || ' has a chunk that ends at ' || (position + length) || ', behind what has arrived'
            FROM chunks JOIN uploads ON number = upload WHERE state = 'receiving' AND position + length > session_committed
        """,
        """
        SELECT 'upload ' || id || ' is stored, and has chunks' FROM uploads
            WHERE state = 'stored' AND EXISTS (SELECT * FROM chunks WHERE upload = number)
        """,
        """
        SELECT 'the files of upload ' || id || ' are not numbered one after the other' FROM uploads
            WHERE (SELECT max(ordinal) <> count(*) FROM files WHERE upload = number)
        """,
    ]

    /// Where the sums of owners are kept, whether they are those of their uploads.
    private static func ownersFaults(_ db: Connection) throws -> [String] {
        let areKept = try db.first("SELECT 1 FROM about WHERE name = 'owners kept'") { _ in true } ?? false
        guard areKept else { return [] }
        let sums =
            "SELECT owner, count(*) u, sum(state = 'receiving') r, sum(charged) b FROM uploads WHERE owner IS NOT NULL GROUP BY owner"
        var faults: [String] = []
        try db.each(
            text: """
                SELECT 'the sums of an owner are not those of their uploads: ' || quote(owner) FROM (
                    SELECT * FROM (\(sums)) EXCEPT SELECT owner, uploads, receiving, bytes FROM owners
                    UNION SELECT * FROM (SELECT owner, uploads, receiving, bytes FROM owners EXCEPT \(sums)))
                GROUP BY owner LIMIT \(most)
                """, []
        ) { faults.append($0[0]) }
        return faults
    }
}
