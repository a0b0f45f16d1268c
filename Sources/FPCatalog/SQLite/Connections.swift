/// How the catalog's connections are set up.
enum Connections {
    /// The connection for changes, to a database of the version that this code knows.
    static func writer(_ path: String, _ durability: CatalogDurability, program: String) throws -> Connection {
        let writer = try Connection(path)
        // Before WAL mode, which changes the file: a database that is not ours stays as it is.
        try Schema.check(writer)
        try writer.execute(
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = \(durability == .power ? "FULL" : "NORMAL");
            -- Four times SQLite's own: every checkpoint makes a change wait.
            PRAGMA wal_autocheckpoint = 4000;
            -- Bytes, to which the write-ahead log shrinks back after a burst of changes.
            PRAGMA journal_size_limit = 67108864;
            """)
        try Schema.migrate(writer, program: program)
        return writer
    }

    /// Connections for reads, to a database that the writer has open.
    static func readers(_ path: String, count: Int) throws -> [Connection] {
        try (0..<count).map { _ in try Connection(path, readOnly: true) }
    }
}
