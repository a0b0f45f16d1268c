import GRDB

/// How the catalog's connections are set up.
enum Connections {
    /// The connection for changes, to a database of the version that this code knows.
    static func writer(_ path: String, _ durability: CatalogDurability, program: String) throws -> DatabaseQueue {
        var configuration = configuration
        configuration.journalMode = .wal
        // GRDB prepares a connection before it turns WAL mode on, which changes the file: a database that is not ours
        // stays as it is.
        configuration.prepareDatabase { db in try Schema.check(db, path: path) }
        let writer = try DatabaseQueue(path: path, configuration: configuration)
        try writer.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = \(durability == .power ? "FULL" : "NORMAL")")
            // Four times SQLite's own: a change writes some ten pages, and every checkpoint makes a change wait.
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 4000")
            // Bytes, to which the write-ahead log shrinks back after a burst of changes.
            try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
            try Schema.migrate(db, program: program)
        }
        return writer
    }

    /// Connections for reads, to a database that the writer has open.
    static func readers(_ path: String, count: Int) throws -> [DatabaseQueue] {
        var configuration = configuration
        configuration.readonly = true
        return try (0..<count).map { _ in try DatabaseQueue(path: path, configuration: configuration) }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        // Seconds: long enough for an operator's query in the sqlite3 shell, short enough for a client that waits.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
            try db.execute(sql: "PRAGMA trusted_schema = OFF")
        }
        return configuration
    }
}
