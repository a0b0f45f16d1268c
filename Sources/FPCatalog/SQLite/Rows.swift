import GRDB

import struct Foundation.Data

/// From rows to records.
extension Database {
    /// One row per file, main file first, with what belongs to the upload in each. One statement, so one state.
    private static func record(metadata: String) -> String {
        """
        SELECT u.id, u.state, u.created_at, u.touched_at, u.completed_at, u.stored_at, u.owner,
            u.session_token, u.session_committed, u.session_received, \(metadata),
            f.name, f.size, f.content_type, f.etag, f.store, f.key,
            f.destination_store, f.destination_key, f.destination_token
        FROM uploads u JOIN files f ON f.upload = u.number
        """
    }
    private static let metadata = "CASE f.ordinal WHEN 0 THEN (SELECT json FROM metadata WHERE upload = u.number) END"
    private static let recordByID = record(metadata: metadata) + " WHERE u.id = ? ORDER BY f.ordinal"
    private static let recordByNumber = record(metadata: metadata) + " WHERE u.number = ? ORDER BY f.ordinal"
    private static let briefByNumber = record(metadata: "NULL") + " WHERE u.number = ? ORDER BY f.ordinal"

    func record(_ id: UploadID) throws -> UploadRecord? {
        try record(Self.recordByID, [id.description])
    }

    /// - Parameter number: the primary key, read in the same transaction.
    func record(number: Int64) throws -> UploadRecord { try record(number: number, withMetadata: true) }

    /// As ``record(number:)``; without its metadata, which may be much, unless that is asked for.
    func record(number: Int64, withMetadata: Bool) throws -> UploadRecord {
        guard let record = try record(withMetadata ? Self.recordByNumber : Self.briefByNumber, [number]) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "upload \(number) has no files")
        }
        return record
    }

    private func record(_ sql: String, _ arguments: StatementArguments) throws -> UploadRecord? {
        var upload: UploadRecord?
        try each(sql, arguments) { row in
            if upload == nil { upload = try UploadRecord(row) }
            upload?.files.append(FileRecord(row))
        }
        return upload
    }
}

extension UploadRecord {
    /// About what the record takes in memory, and in a listing.
    var roughSize: Int {
        files.reduce(400 + (metadata?.utf8.count ?? 0)) { size, file in
            size + 200 + file.name.utf8.count + file.key.utf8.count
        }
    }

    /// The upload without its files.
    fileprivate init(_ row: Row) throws {
        let name: String = row[0]
        let stateName: String = row[1]
        guard let id = UploadID(name), let state = UploadState(rawValue: stateName) else {
            throw DatabaseError(
                resultCode: .SQLITE_CORRUPT, message: "the upload \"\(name)\" has the state \"\(stateName)\""
            )
        }
        var session: WriteSession?
        if let token: Data = row[7] {
            session = WriteSession(
                token: Array(token), committed: unsigned(row[8]), received: unsigned(row[9]))
        }
        self.init(
            id: id, state: state, createdAt: Timestamp(milliseconds: row[2]),
            touchedAt: Timestamp(milliseconds: row[3]),
            completedAt: (row[4] as Int64?).map(Timestamp.init), storedAt: (row[5] as Int64?).map(Timestamp.init),
            metadata: row[10], owner: row[6], files: [], session: session
        )
    }
}

extension FileRecord {
    fileprivate init(_ row: Row) {
        self.init(
            name: row[11], size: (row[12] as Int64?).map(unsigned), contentType: row[13], etag: row[14], store: row[15],
            key: row[16]
        )
        guard let store: String = row[17] else { return }
        destination = Destination(store: store, key: row[18], token: (row[19] as Data?).map(Array.init))
    }
}

/// A size or an offset, which the tables keep from becoming negative.
func unsigned(_ value: Int64) -> UInt64 { UInt64(max(0, value)) }
