import CSQLite

/// The events of changes as SQL, each written inside the transaction of its change.
extension Connection {
    /// Writes down that something has happened to an upload, for each receiver that wants to know.
    func tell(_ kind: EventKind, of upload: UploadRecord, because reason: String? = nil, at now: Timestamp) throws {
        var number: Int64?
        for receiver in eventReceivers where receiver.kinds.contains(kind) {
            let event = try number ?? write(kind, of: upload, because: reason, at: now)
            number = event
            try run(
                """
                INSERT INTO deliveries (event, receiver, upload, state, next_try) VALUES (?1, ?2, ?3, 'waiting',
                    CASE WHEN EXISTS (SELECT * FROM deliveries WHERE receiver = ?2 AND upload = ?3 AND state = 'waiting')
                        THEN NULL ELSE ?4 END)
                """,
                event, receiver.name, upload.id.description, now)
        }
    }

    /// Writes down that something has happened to the upload in that row, if anybody wants to know.
    func tell(_ kind: EventKind, of number: Int64, at now: Timestamp) throws {
        guard keepsEvents else { return }
        try tell(kind, of: record(number: number), at: now)
    }

    private func write(
        _ kind: EventKind, of upload: UploadRecord, because reason: String?, at now: Timestamp
    ) throws -> Int64 {
        try run(
            "INSERT INTO events (id, upload, kind, happened_at, payload) VALUES (?, ?, ?, ?, ?)",
            "evt_\(UploadID.random())", upload.id.description, kind.rawValue, now,
            EventPayload.text(kind, of: upload, because: reason, at: now))
        return sqlite3_last_insert_rowid(handle)
    }
}
