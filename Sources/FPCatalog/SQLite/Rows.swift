import CSQLite

/// From rows to records.
extension Connection {
    func record(_ id: UploadID) throws -> UploadRecord? {
        try record(number: nil, id.description, withMetadata: true)
    }

    /// - Parameters:
    ///   - number: the primary key, read in the same transaction.
    ///   - withMetadata: whether to read the metadata too, which may be much.
    func record(number: Int64, withMetadata: Bool) throws -> UploadRecord {
        guard let record = try record(number: number, nil, withMetadata: withMetadata) else {
            throw SQLiteError(code: SQLITE_CORRUPT, message: "there is no upload \(number)")
        }
        return record
    }

    func record(number: Int64) throws -> UploadRecord { try record(number: number, withMetadata: true) }

    private func record(number: Int64?, _ id: String?, withMetadata: Bool) throws -> UploadRecord? {
        var record: UploadRecord?
        // A row for each file but the main one, and at least one. One statement, so one state.
        try each(
            """
            SELECT u.id, u.state, u.created_at, u.touched_at, u.completed_at, u.stored_at, u.owner,
                u.session_token, u.session_committed, u.session_received,
                u.name, u.size, u.content_type, u.etag, u.store, u.key,
                u.destination_store, u.destination_key, u.destination_token, u.sha256, u.crc64, u.verified_at,
                f.name, f.size, f.content_type, f.etag, f.store, f.key,
                f.destination_store, f.destination_key, f.destination_token, f.sha256, f.crc64, f.verified_at,
                CASE WHEN ?3 AND coalesce(f.ordinal, 1) = 1 THEN
                    coalesce(u.metadata, (SELECT json FROM metadata WHERE upload = u.number)) END,
                u.terms, u.replaces, u.replaced_etag, u.session_digest
            FROM uploads u LEFT JOIN files f ON f.upload = u.number
            WHERE u.number = coalesce(?1, (SELECT number FROM uploads WHERE id = ?2)) ORDER BY f.ordinal
            """, number, id, withMetadata ? 1 : 0
        ) { row in
            if record == nil { record = try UploadRecord(row) }
            if row[26] as String? != nil { record?.files.append(FileRecord(row, from: 22)) }
        }
        return record
    }
}

extension UploadRecord {
    /// About what the record takes in memory, and in a listing.
    var roughSize: Int {
        files.reduce(400 + (metadata?.utf8.count ?? 0)) { size, file in
            size + 200 + file.name.utf8.count + file.key.utf8.count
        }
    }

    /// The upload with its main file.
    fileprivate init(_ row: Row) throws {
        let name: String = row[0]
        let stateName: String = row[1]
        guard let id = UploadID(name), let state = UploadState(rawValue: stateName) else {
            throw SQLiteError(
                code: SQLITE_CORRUPT, message: "the upload \"\(name)\" has the state \"\(stateName)\""
            )
        }
        let session = (row[7] as [UInt8]?).map { token in
            WriteSession(token: token, committed: unsigned(row[8]), received: unsigned(row[9]), digest: row[38])
        }
        let terms = try (row[35] as String?).map { text in
            guard let terms = UploadTerms(json: text) else {
                throw SQLiteError(code: SQLITE_CORRUPT, message: "the upload \"\(name)\" has the terms \(text)")
            }
            return terms
        }
        var main = FileRecord(row, from: 10)
        if let replaces = row[36] as String? {
            main.destination?.replaced = Replaced(
                upload: replaces.isSame(as: name) ? nil : UploadID(replaces), etag: row[37])
        }
        self.init(
            id: id, state: state, createdAt: row[2], touchedAt: row[3], completedAt: row[4], storedAt: row[5],
            metadata: row[34], owner: row[6], files: [main], session: session, terms: terms
        )
    }
}

extension FileRecord {
    /// - Parameter column: the first of a file's twelve.
    fileprivate init(_ row: Row, from column: Int32) {
        self.init(
            name: row[column], size: (row[column + 1] as Int64?).map(unsigned), contentType: row[column + 2],
            etag: row[column + 3], store: row[column + 4], key: row[column + 5],
            digests: FileDigests(
                sha256: row[column + 9], crc64: (row[column + 10] as Int64?).map(UInt64.init(bitPattern:))),
            verifiedAt: row[column + 11]
        )
        guard let store: String = row[column + 6] else { return }
        destination = Destination(store: store, key: row[column + 7], token: row[column + 8])
    }
}

/// A size or an offset, which the tables keep from becoming negative.
func unsigned(_ value: Int64) -> UInt64 { UInt64(max(0, value)) }
