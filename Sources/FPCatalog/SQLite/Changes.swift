import CSQLite
import FPFormats

/// The changes of a catalog as SQL, each to be run inside a transaction.
extension Connection {
    func insert(_ upload: UploadRecord, within limits: OwnerLimits, from source: UploadSource?) throws {
        let (file, session) = (upload.files[0], upload.session)
        let charged = try charge(of: upload)
        let isShort = (upload.metadata?.utf8.count ?? 0) <= Schema.longestShortMetadata
        try run(
            """
            INSERT INTO uploads (id, state, created_at, touched_at, completed_at, stored_at, owner, metadata,
                session_token, session_committed, session_received, name, size, content_type, etag, store, key,
                destination_store, destination_key, destination_token, charged, terms, source,
                sha256, crc64, verified_at, session_digest)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO NOTHING
            """,
            upload.id.description, upload.state.rawValue, upload.createdAt, upload.touchedAt, upload.completedAt,
            upload.storedAt, upload.owner, isShort ? upload.metadata : nil,
            session?.token, try (session?.committed).map(signed), try (session?.received).map(signed),
            file.name, try file.size.map(signed), file.contentType, file.etag, file.store, file.key,
            file.destination?.store, file.destination?.key, file.destination?.token, charged,
            upload.terms?.json.text, source?.name,
            file.digests.sha256, file.digests.signedCRC, file.verifiedAt, session?.digest
        )
        guard changesCount == 1 else { throw CatalogError.failed("There already is an upload \(upload.id).") }
        let number = sqlite3_last_insert_rowid(handle)
        try countNew(upload, charged: charged, within: limits)
        if let source { try check(source, of: upload) }
        if let metadata = upload.metadata, !isShort {
            try run("INSERT INTO metadata (upload, json) VALUES (?, ?)", number, metadata)
        }
        for (ordinal, file) in upload.files.enumerated().dropFirst() { try put(file, ordinal, of: number) }
        for file in upload.files {
            switch upload.state {
            case .storing: if let place = file.destination { try take(place.store, place.key, for: number) }
            case .stored: try take(file.store, file.key, for: number)
            case .receiving, .complete, .deleting: break
            }
        }
        switch upload.state {
        case .complete: try tell(.completed, of: upload, at: upload.completedAt ?? upload.createdAt)
        case .stored: try tell(.stored, of: upload, at: upload.storedAt ?? upload.createdAt)
        case .receiving, .storing, .deleting: break
        }
    }

    /// Counts one more upload.
    /// - Throws: ``CatalogError/usedUp``
    func count(_ count: UploadCount) throws {
        guard count.limit > 0 else { throw CatalogError.usedUp }
        try run(
            """
            INSERT INTO counts (name, uploads, until) VALUES (?1, 1, ?3)
            ON CONFLICT DO UPDATE SET uploads = uploads + 1, until = max(until, ?3) WHERE uploads < ?2
            """,
            count.name, count.limit, count.until)
        guard changesCount == 1 else { throw CatalogError.usedUp }
    }

    /// How many uploads are counted under a name.
    func counted(in name: String) throws -> Int64 {
        try first("SELECT uploads FROM counts WHERE name = ?", name) { $0[0] as Int64 } ?? 0
    }

    func advance(_ id: UploadID, by change: ChunkArrival, within limits: OwnerLimits) throws -> Bool {
        let known: KnownFile?
        switch change.extent {
        case .whole(let chunk):
            let (end, overflow) = chunk.offset.addingReportingOverflow(chunk.length)
            guard !overflow else { throw CatalogError.failed("A chunk ends beyond what an offset can say.") }
            known = try first(
                """
                UPDATE uploads SET touched_at = ?1, session_committed = ?2, session_received = ?2, session_digest = ?4
                WHERE id = ?3 AND state = 'receiving'
                RETURNING number, name, size, owner, charged, session_received
                """,
                change.arrivedAt, try signed(end), id.description, change.digest, read: KnownFile.init)
        case .part(let end):
            known = try first(
                """
                UPDATE uploads SET touched_at = ?1, session_received = max(session_received, ?2),
                    session_digest = CASE WHEN ?2 > session_received THEN ?4 ELSE session_digest END
                WHERE id = ?3 AND state = 'receiving'
                RETURNING number, name, size, owner, charged, session_received
                """,
                change.arrivedAt, try signed(end), id.description, change.digest, read: KnownFile.init)
        }
        guard let known else { return false }
        // Only what is new: to assign a column, even to itself, writes its index again.
        if let token = change.token {
            try run("UPDATE uploads SET session_token = ? WHERE number = ?", token, known.number)
        }
        if let size = try change.size.map(signed), size != known.size {
            try run("UPDATE uploads SET size = ? WHERE number = ?", size, known.number)
        }
        try charge(known, size: try change.size.map(signed) ?? known.size, within: limits)
        if !change.name.isEmpty { try rename(known, change.name) }
        if case .whole(let chunk) = change.extent { try put(chunk, change.digest, of: known.number) }
        return true
    }

    func rewind(_ id: UploadID, to offset: UInt64, at now: Timestamp) throws -> Bool {
        let known = try first(
            """
            UPDATE uploads SET touched_at = ?1, session_committed = min(session_committed, ?2),
                session_received = min(session_received, ?2),
                session_digest = CASE WHEN ?2 < session_received THEN
                    (SELECT CASE WHEN c.position + c.length = ?2 THEN c.digest END FROM chunks c
                        WHERE c.upload = number AND c.position < ?2 ORDER BY c.position DESC LIMIT 1)
                    ELSE session_digest END
            WHERE id = ?3 AND state = 'receiving'
            RETURNING number, name, size, owner, charged, session_received
            """,
            now, try signed(offset), id.description, read: KnownFile.init)
        guard let known else { return false }
        try charge(known, size: known.size, within: OwnerLimits())
        try run("DELETE FROM chunks WHERE upload = ? AND position + length > ?", known.number, try signed(offset))
        return true
    }

    func complete(_ id: UploadID, file: FileRecord, chunk: ChunkRecord?, at now: Timestamp) throws -> Bool {
        let known = try first(
            """
            UPDATE uploads SET state = 'complete', touched_at = ?1, completed_at = ?1,
                session_token = NULL, session_committed = NULL, session_received = NULL, session_digest = NULL,
                size = ?3, content_type = ?4, etag = ?5, store = ?6, key = ?7,
                destination_store = ?8, destination_key = ?9, destination_token = ?10,
                sha256 = ?11, crc64 = ?12, verified_at = ?13
            WHERE id = ?2 AND state = 'receiving'
            RETURNING number, name, size, owner, charged, session_received
            """,
            now, id.description, try file.size.map(signed), file.contentType, file.etag, file.store, file.key,
            file.destination?.store, file.destination?.key, file.destination?.token,
            file.digests.sha256, file.digests.signedCRC, file.verifiedAt, read: KnownFile.init)
        guard let known else { return false }
        if let owner = known.owner { try countReceiving(owner, -1) }
        try charge(known, size: known.size, within: OwnerLimits())
        try rename(known, file.name)
        if let chunk { try put(chunk, nil, of: known.number) }
        try tell(.completed, of: known.number, at: now)
        return true
    }

    func beginAgain(_ id: UploadID, file: FileRecord, token: [UInt8], at now: Timestamp) throws -> Bool {
        let before = try first("SELECT state FROM uploads WHERE id = ?", id.description) { $0[0] as String }
        let wasComplete = before.flatMap(UploadState.init(rawValue:)) == .complete
        let lost = wasComplete && keepsEvents ? try record(id) : nil
        let known = try first(
            """
            UPDATE uploads SET state = 'receiving', touched_at = ?1, completed_at = NULL, session_token = ?11,
                session_committed = 0, session_received = 0, session_digest = NULL,
                size = ?3, content_type = ?4, etag = ?5, store = ?6, key = ?7,
                destination_store = ?8, destination_key = ?9, destination_token = ?10,
                sha256 = ?12, crc64 = ?13, verified_at = ?14
            WHERE id = ?2 AND state IN ('receiving', 'complete')
                AND NOT EXISTS (SELECT * FROM files WHERE upload = number)
            RETURNING number, name, size, owner, charged, session_received
            """,
            now, id.description, try file.size.map(signed), file.contentType, file.etag, file.store, file.key,
            file.destination?.store, file.destination?.key, file.destination?.token, token,
            file.digests.sha256, file.digests.signedCRC, file.verifiedAt, read: KnownFile.init)
        guard let known else { return false }
        if wasComplete, let owner = known.owner { try countReceiving(owner, 1) }
        try charge(known, size: known.size, within: OwnerLimits())
        try run("DELETE FROM chunks WHERE upload = ?", known.number)
        try rename(known, file.name)
        if let lost { try tell(.failed, of: lost, because: "bytes_lost", at: now) }
        return true
    }

    func recordDigests(_ digests: FileDigests, of id: UploadID, file ordinal: Int) throws {
        if ordinal == 0 {
            try run(
                """
                UPDATE uploads SET sha256 = coalesce(sha256, ?), crc64 = coalesce(crc64, ?)
                WHERE id = ? AND state IN ('complete', 'storing', 'stored')
                """,
                digests.sha256, digests.signedCRC, id.description)
        } else {
            try run(
                """
                UPDATE files SET sha256 = coalesce(sha256, ?), crc64 = coalesce(crc64, ?) WHERE ordinal = ? AND upload =
                    (SELECT number FROM uploads WHERE id = ? AND state IN ('complete', 'storing', 'stored'))
                """,
                digests.sha256, digests.signedCRC, ordinal, id.description)
        }
    }

    func recordVerification(of id: UploadID, file ordinal: Int, in place: Destination, at now: Timestamp) throws {
        if ordinal == 0 {
            try run(
                """
                UPDATE uploads SET verified_at = ?
                WHERE id = ? AND store = ? AND key = ? AND state IN ('complete', 'storing', 'stored')
                """,
                now, id.description, place.store, place.key)
        } else {
            try run(
                """
                UPDATE files SET verified_at = ? WHERE ordinal = ? AND store = ? AND key = ? AND upload =
                    (SELECT number FROM uploads WHERE id = ? AND state IN ('complete', 'storing', 'stored'))
                """,
                now, ordinal, place.store, place.key, id.description)
        }
    }

    func touch(_ id: UploadID, at now: Timestamp) throws {
        try run(
            "UPDATE uploads SET touched_at = ? WHERE id = ? AND state IN ('receiving', 'complete')",
            now, id.description
        )
    }

    func forget(_ id: UploadID) throws {
        let gone = try first("DELETE FROM uploads WHERE id = ? RETURNING owner, state, charged", id.description) {
            row in
            (owner: row[0] as String?, state: UploadState(rawValue: row[1]), charged: row[2] as Int64)
        }
        if gone?.state == .stored { try checkNotReplaced(id) }
        guard let gone, let owner = gone.owner else { return }
        try countGone(owner, wasReceiving: gone.state == .receiving, charged: gone.charged)
    }

    func release(_ id: UploadID, at now: Timestamp) throws -> Bool {
        guard let before = try record(id), before.state == .stored else { return false }
        try tell(.deleted, of: before, because: UploadEnd.released.rawValue, at: now)
        try forget(id)
        return true
    }

    func beginDeleting(
        _ id: UploadID, from states: Set<UploadState>, because end: UploadEnd, at now: Timestamp
    ) throws -> UploadRecord? {
        guard let before = try record(id) else { return nil }
        if before.state == .deleting { return before }
        guard states.contains(before.state) else { return nil }
        if before.state == .stored { try checkNotReplaced(id) }
        try run("UPDATE uploads SET state = 'deleting' WHERE id = ?", id.description)
        if before.state == .receiving, let owner = before.owner { try countReceiving(owner, -1) }
        try tell(end.kind, of: before, because: end == .expired ? nil : end.rawValue, at: now)
        return before
    }

    /// Takes a path for an upload.
    /// - Throws: ``CatalogError/pathTaken(store:key:)``
    func take(_ store: String, _ key: String, for number: Int64) throws {
        try run("INSERT INTO paths (store, key, upload) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", store, key, number)
        guard changesCount == 1 else { throw CatalogError.pathTaken(store: store, key: key) }
    }

    private func put(_ file: FileRecord, _ ordinal: Int, of number: Int64) throws {
        try run(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            number, ordinal, file.name, try file.size.map(signed), file.contentType, file.etag, file.store, file.key,
            file.destination?.store, file.destination?.key, file.destination?.token,
            file.digests.sha256, file.digests.signedCRC, file.verifiedAt
        )
    }

    private func put(_ chunk: ChunkRecord, _ digest: [UInt8]?, of number: Int64) throws {
        try run(
            """
            INSERT INTO chunks VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
                SET length = excluded.length, fingerprint = excluded.fingerprint, digest = excluded.digest
            """,
            number, try signed(chunk.offset), try signed(chunk.length), Int64(bitPattern: chunk.fingerprint), digest
        )
    }

    private func charge(_ known: KnownFile, size: Int64?, within limits: OwnerLimits) throws {
        guard keepsOwners, let owner = known.owner else { return }
        let charge = Self.charge(size, received: known.received)
        try self.charge(owner, known.number, from: known.charged, to: charge, within: limits)
    }

    private func rename(_ known: KnownFile, _ name: String) throws {
        guard !known.name.isSame(as: name) else { return }
        try run("UPDATE uploads SET name = ? WHERE number = ?", name, known.number)
    }
}

extension FileDigests {
    /// ``crc64`` as the tables have it.
    fileprivate var signedCRC: Int64? { crc64.map { Int64(bitPattern: $0) } }
}

/// What a change to a receiving upload has found.
private struct KnownFile {
    /// The upload's primary key.
    let number: Int64
    /// The main file's.
    let name: String
    /// The main file's.
    let size: Int64?
    /// Whose it is, and what it has been charged with.
    let owner: String?
    let charged: Int64
    /// What has arrived by now, while it is receiving.
    let received: Int64?

    init(_ row: Row) {
        (number, name, size) = (row[0], row[1], row[2])
        (owner, charged, received) = (row[3], row[4], row[5])
    }
}
