/// The tables, and the way from an older database to the one that this code reads.
enum Schema {
    /// `PRAGMA application_id` of every catalog ("FPHC"): what tells one from somebody else's database.
    static let applicationID = 0x4650_4843

    /// The version that this code reads and writes, as `PRAGMA user_version`.
    static var version: Int { steps.count }

    /// One step per version: step 0 leads from an empty database to version 1. A step that has been released is
    /// never edited.
    static let steps = [first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh]

    private static let first = """
        CREATE TABLE about (
            name TEXT NOT NULL PRIMARY KEY,
            value ANY NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO about VALUES ('cursor key', randomblob(16));

        CREATE TABLE uploads (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL CHECK (state IN ('receiving', 'complete', 'storing', 'stored', 'deleting')),
            created_at INTEGER NOT NULL,
            touched_at INTEGER NOT NULL,
            completed_at INTEGER,
            stored_at INTEGER,
            owner TEXT,
            session_token BLOB,
            session_committed INTEGER CHECK (session_committed >= 0),
            CHECK ((session_token IS NULL) = (session_committed IS NULL))
        ) STRICT;
        CREATE INDEX uploads_by_state ON uploads (state, created_at, id);
        CREATE INDEX uploads_by_owner ON uploads (owner, created_at, id) WHERE owner IS NOT NULL;
        CREATE INDEX uploads_by_touch ON uploads (touched_at, id) WHERE state IN ('receiving', 'complete');
        CREATE INDEX uploads_by_session ON uploads (session_token) WHERE session_token IS NOT NULL;

        -- Apart from uploads, so that a chunk that arrives does not write a long text again.
        CREATE TABLE metadata (
            upload INTEGER PRIMARY KEY REFERENCES uploads ON DELETE CASCADE,
            json TEXT NOT NULL
        ) STRICT;

        CREATE TABLE files (
            upload INTEGER NOT NULL REFERENCES uploads ON DELETE CASCADE,
            ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
            name TEXT NOT NULL,
            size INTEGER CHECK (size >= 0),
            content_type TEXT,
            etag TEXT,
            store TEXT NOT NULL,
            key TEXT NOT NULL,
            destination_store TEXT,
            destination_key TEXT,
            destination_token BLOB,
            PRIMARY KEY (upload, ordinal),
            CHECK ((destination_store IS NULL) = (destination_key IS NULL)),
            CHECK (destination_token IS NULL OR destination_store IS NOT NULL)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX files_by_place ON files (store, key);
        CREATE INDEX files_by_name ON files (name) WHERE ordinal = 0;
        CREATE INDEX files_by_token ON files (destination_token) WHERE destination_token IS NOT NULL;

        -- Every path that is taken: a storing file's destination, a stored file's place, and either of them until an
        -- upload that is being deleted is forgotten. Staging places are not paths.
        CREATE TABLE paths (
            store TEXT NOT NULL,
            key TEXT NOT NULL,
            upload INTEGER NOT NULL REFERENCES uploads ON DELETE CASCADE,
            PRIMARY KEY (store, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX paths_by_upload ON paths (upload);

        CREATE TABLE chunks (
            upload INTEGER NOT NULL REFERENCES uploads ON DELETE CASCADE,
            position INTEGER NOT NULL CHECK (position >= 0),
            length INTEGER NOT NULL CHECK (length >= 0),
            fingerprint INTEGER NOT NULL,
            PRIMARY KEY (upload, position)
        ) STRICT, WITHOUT ROWID;
        """

    private static let second = """
        -- The catalog's own name, and what proves that a staging key is of its making.
        INSERT INTO about VALUES ('catalog id', randomblob(16)), ('name key', randomblob(16));

        -- Keys to which this catalog's host has begun to write, outside of staging: what tells its unfinished write
        -- sessions there from other programs'.
        CREATE TABLE begun_writes (
            store TEXT NOT NULL,
            key TEXT NOT NULL,
            begun_at INTEGER NOT NULL,
            PRIMARY KEY (store, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX begun_writes_by_time ON begun_writes (store, begun_at);
        """

    private static let third = """
        -- How many bytes are safe, which is more than the whole chunks where a cut one is kept as far as it came.
        ALTER TABLE uploads ADD COLUMN session_received INTEGER CHECK (session_received >= session_committed);
        UPDATE uploads SET session_received = session_committed WHERE session_committed IS NOT NULL;
        """

    private static let fourth = """
        -- The main file is in the upload's own row: an upload of one file is one row, and writes half as many pages.
        -- `files` has only the others, from ordinal 1 on.
        ALTER TABLE uploads ADD COLUMN name TEXT NOT NULL DEFAULT '';
        ALTER TABLE uploads ADD COLUMN size INTEGER CHECK (size >= 0);
        ALTER TABLE uploads ADD COLUMN content_type TEXT;
        ALTER TABLE uploads ADD COLUMN etag TEXT;
        ALTER TABLE uploads ADD COLUMN store TEXT NOT NULL DEFAULT '';
        ALTER TABLE uploads ADD COLUMN key TEXT NOT NULL DEFAULT '';
        ALTER TABLE uploads ADD COLUMN destination_store TEXT;
        ALTER TABLE uploads ADD COLUMN destination_key TEXT
            CHECK ((destination_store IS NULL) = (destination_key IS NULL));
        ALTER TABLE uploads ADD COLUMN destination_token BLOB
            CHECK (destination_token IS NULL OR destination_store IS NOT NULL);
        -- Short metadata; what is longer is in the table of that name.
        ALTER TABLE uploads ADD COLUMN metadata TEXT;
        UPDATE uploads SET
            (name, size, content_type, etag, store, key, destination_store, destination_key, destination_token) =
            (SELECT name, size, content_type, etag, store, key, destination_store, destination_key, destination_token
                FROM files WHERE upload = number AND ordinal = 0);
        DROP INDEX files_by_name;
        DELETE FROM files WHERE ordinal = 0;
        CREATE INDEX uploads_by_name ON uploads (name);
        CREATE INDEX uploads_by_token ON uploads (destination_token) WHERE destination_token IS NOT NULL;
        -- Not of keys that begin with the upload's own id, as those in staging do: the id finds them.
        CREATE INDEX uploads_by_place ON uploads (store, key) WHERE substr(key, 1, 23) <> id || '/';
        """

    private static let fifth = """
        -- Keys in staging begin with the upload's own id, whatever follows.
        DROP INDEX uploads_by_place;
        CREATE INDEX uploads_by_place ON uploads (store, key) WHERE substr(key, 1, 22) <> id;
        """

    private static let sixth = """
        -- What each owner has, so that a limit is asked after without counting: the sums over their uploads.
        CREATE TABLE owners (
            owner TEXT NOT NULL PRIMARY KEY,
            uploads INTEGER NOT NULL CHECK (uploads >= 0),
            receiving INTEGER NOT NULL CHECK (receiving >= 0),
            bytes INTEGER NOT NULL CHECK (bytes >= 0)
        ) STRICT, WITHOUT ROWID;
        -- What the upload is in its owner's bytes with.
        ALTER TABLE uploads ADD COLUMN charged INTEGER NOT NULL DEFAULT 0;
        UPDATE uploads SET charged = min(coalesce(size, session_received, 0), 1125899906842624)
            + coalesce((SELECT sum(min(coalesce(f.size, 0), 1125899906842624)) FROM files f WHERE f.upload = number), 0)
            WHERE owner IS NOT NULL;
        INSERT INTO owners SELECT owner, count(*), sum(state = 'receiving'), sum(charged) FROM uploads
            WHERE owner IS NOT NULL GROUP BY owner;
        """

    private static let seventh = """
        -- What was agreed of an upload when it began, as JSON.
        ALTER TABLE uploads ADD COLUMN terms TEXT;

        -- How many uploads have begun of those that somebody may begin a number of. Uploads that are gone count too.
        CREATE TABLE counts (
            name TEXT NOT NULL PRIMARY KEY,
            uploads INTEGER NOT NULL CHECK (uploads >= 0),
            until INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX counts_by_end ON counts (until);
        """

    private static let eighth = """
        -- Where a temporary upload came from, while it is limited how many may be arriving from there at once.
        ALTER TABLE uploads ADD COLUMN source TEXT;
        CREATE INDEX uploads_by_source ON uploads (source) WHERE source IS NOT NULL AND state = 'receiving';

        -- `owners` and `charged` are right only where this says so: they cost every upload with an owner something, and are
        -- kept only for a host with limits for owners.
        INSERT INTO about VALUES ('owners kept', 1);
        """

    private static let ninth = """
        -- SHA-256 and CRC-64/NVME of each whole file, and when its bytes were last compared with them.
        ALTER TABLE uploads ADD COLUMN sha256 BLOB CHECK (length(sha256) = 32);
        ALTER TABLE uploads ADD COLUMN crc64 INTEGER;
        ALTER TABLE uploads ADD COLUMN verified_at INTEGER;
        ALTER TABLE files ADD COLUMN sha256 BLOB CHECK (length(sha256) = 32);
        ALTER TABLE files ADD COLUMN crc64 INTEGER;
        ALTER TABLE files ADD COLUMN verified_at INTEGER;

        -- What it takes to go on with the digests of a file that is arriving: at what is received, and at the end of each
        -- chunk, to where an upload may be taken back. The fingerprints are now CRC-64/NVME; those before were others, and
        -- without them a chunk that is sent again is compared with what is in its store, or takes its place.
        ALTER TABLE uploads ADD COLUMN session_digest BLOB;
        DELETE FROM chunks;
        ALTER TABLE chunks ADD COLUMN digest BLOB;
        """

    private static let tenth = """
        -- What has happened to uploads that somebody is to be told. A number is never used again.
        CREATE TABLE events (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            upload TEXT NOT NULL,
            kind TEXT NOT NULL,
            happened_at INTEGER NOT NULL,
            payload TEXT NOT NULL
        ) STRICT;
        CREATE INDEX events_by_upload ON events (upload, number);

        -- How far each receiver has been told. A waiting delivery without a time waits for another of the same upload to
        -- the same receiver: events of an upload are told in order.
        CREATE TABLE deliveries (
            event INTEGER NOT NULL REFERENCES events ON DELETE CASCADE,
            receiver TEXT NOT NULL,
            upload TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
            attempts INTEGER NOT NULL DEFAULT 0,
            replays INTEGER NOT NULL DEFAULT 0,
            next_try INTEGER,
            last_error TEXT,
            ended_at INTEGER,
            PRIMARY KEY (event, receiver),
            CHECK (next_try IS NULL OR state = 'waiting'),
            CHECK ((ended_at IS NULL) = (state = 'waiting'))
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX deliveries_due ON deliveries (receiver, next_try, event) WHERE next_try IS NOT NULL;
        CREATE INDEX deliveries_waiting ON deliveries (receiver, upload, event) WHERE state = 'waiting';
        CREATE INDEX deliveries_by_state ON deliveries (state, event);
        CREATE INDEX deliveries_by_end ON deliveries (ended_at) WHERE ended_at IS NOT NULL;
        """

    private static let eleventh = """
        -- The stored upload that a storing one replaces, and its own id where it replaces what is no upload's; and the
        -- version tag of what was there, by which it is told after a crash whose bytes are there.
        ALTER TABLE uploads ADD COLUMN replaces TEXT;
        ALTER TABLE uploads ADD COLUMN replaced_etag TEXT;
        CREATE UNIQUE INDEX uploads_by_replaced ON uploads (replaces) WHERE replaces IS NOT NULL;
        """

    /// In bytes, what is short enough for an upload's own row, which is written again with every chunk.
    static let longestShortMetadata = 500

    /// Refuses a database that is not for this code, before anything in it is touched.
    static func check(_ db: Connection) throws {
        let path = db.path
        let application = try db.first("PRAGMA application_id") { $0[0] as Int } ?? 0
        let version = try version(of: db)
        let tables = try db.first("SELECT count(*) FROM sqlite_schema") { $0[0] as Int } ?? 0
        if application == 0, version == 0, tables == 0 { return }
        guard application == applicationID else {
            throw CatalogError.failed(
                "\(path) is a database of another program, not a catalog of fphost. Name another file for the catalog."
            )
        }
        guard version <= Schema.version else {
            let writer = try db.first("SELECT value FROM about WHERE name = 'written by'") { $0[0] as String }
            throw CatalogError.tooNew(
                "The catalog \(path) has schema version \(version), written by \(writer ?? "a newer fphost"); this "
                    + "fphost reads versions up to \(Schema.version). Run that fphost, or restore a catalog from before."
            )
        }
    }

    /// As ``check(_:)``, and refuses a database without tables, too.
    static func checkCatalog(_ db: Connection) throws {
        try check(db)
        guard try version(of: db) > 0 else { throw CatalogError.failed("\(db.path) is empty, and no catalog yet.") }
    }

    /// Takes the database to ``version`` in one transaction.
    /// - Parameter program: who to name if an older program meets this database.
    static func migrate(_ db: Connection, program: String) throws {
        let found = try version(of: db)
        guard found < version else { return }
        try db.run("BEGIN IMMEDIATE")
        do {
            for step in steps[found...] { try db.execute(step) }
            try db.run("INSERT OR REPLACE INTO about VALUES ('written by', ?)", program)
            try db.execute("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version)")
            try db.run("COMMIT")
        } catch {
            if db.isInsideTransaction { try? db.run("ROLLBACK") }
            throw error
        }
    }

    static func version(of db: Connection) throws -> Int {
        try db.first("PRAGMA user_version") { $0[0] as Int } ?? 0
    }
}
