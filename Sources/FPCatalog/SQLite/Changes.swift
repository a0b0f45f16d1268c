import GRDB

import struct Foundation.Data

/// The changes of a catalog as SQL, each to be run inside a transaction.
extension Database {
    func insert(_ upload: UploadRecord) throws {
        let number = try first(
            """
            INSERT INTO uploads (id, state, created_at, touched_at, completed_at, stored_at, owner,
                session_token, session_committed, session_received)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO NOTHING RETURNING number
            """,
            [
                upload.id.description, upload.state.rawValue, upload.createdAt.milliseconds,
                upload.touchedAt.milliseconds, upload.completedAt?.milliseconds, upload.storedAt?.milliseconds,
                upload.owner, (upload.session?.token).map { Data($0) }, try (upload.session?.committed).map(signed),
                try (upload.session?.received).map(signed),
            ]
        ).map { $0[0] as Int64 }
        guard let number else { throw CatalogError.failed("There already is an upload \(upload.id).") }
        if let metadata = upload.metadata {
            try run("INSERT INTO metadata (upload, json) VALUES (?, ?)", [number, metadata])
        }
        for (ordinal, file) in upload.files.enumerated() {
            try put(file, ordinal, of: number)
            switch upload.state {
            case .storing: if let place = file.destination { try take(place.store, place.key, for: number) }
            case .stored: try take(file.store, file.key, for: number)
            case .receiving, .complete, .deleting: break
            }
        }
    }

    func advance(_ id: UploadID, by change: ChunkArrival) throws -> Bool {
        var assignments: String
        var values: [(any DatabaseValueConvertible)?] = [change.arrivedAt.milliseconds]
        switch change.extent {
        case .whole(let chunk):
            let (end, overflow) = chunk.offset.addingReportingOverflow(chunk.length)
            guard !overflow else { throw CatalogError.failed("A chunk ends beyond what an offset can say.") }
            assignments = "touched_at = ?, session_committed = ?, session_received = ?"
            values += [try signed(end), try signed(end)]
        case .part(let end):
            assignments = "touched_at = ?, session_received = max(session_received, ?)"
            values.append(try signed(end))
        }
        if let token = change.token {
            // Only when there is one: to assign a column, even to itself, writes its index again.
            assignments += ", session_token = ?"
            values.append(Data(token))
        }
        guard
            let number = try update("\(assignments) WHERE id = ? AND state = 'receiving'", values + [id.description])
        else { return false }
        let size = try change.size.map(signed)
        try run(
            """
            UPDATE files SET size = coalesce(?1, size), name = iif(?2 = '', name, ?2)
            WHERE upload = ?3 AND ordinal = 0 AND (size IS NOT coalesce(?1, size) OR name <> iif(?2 = '', name, ?2))
            """,
            [size, change.name, number]
        )
        if case .whole(let chunk) = change.extent { try put(chunk, of: number) }
        return true
    }

    func rewind(_ id: UploadID, to offset: UInt64, at now: Timestamp) throws -> Bool {
        guard
            let number = try update(
                """
                touched_at = ?1, session_committed = min(session_committed, ?2),
                session_received = min(session_received, ?2)
                WHERE id = ?3 AND state = 'receiving'
                """,
                [now.milliseconds, try signed(offset), id.description]
            )
        else { return false }
        try run("DELETE FROM chunks WHERE upload = ? AND position + length > ?", [number, try signed(offset)])
        return true
    }

    func complete(_ id: UploadID, file: FileRecord, chunk: ChunkRecord?, at now: Timestamp) throws -> Bool {
        guard
            let number = try update(
                """
                state = 'complete', touched_at = ?1, completed_at = ?1, session_token = NULL, session_committed = NULL,
                session_received = NULL
                WHERE id = ?2 AND state = 'receiving'
                """,
                [now.milliseconds, id.description]
            )
        else { return false }
        try run("DELETE FROM files WHERE upload = ?", [number])
        try put(file, 0, of: number)
        if let chunk { try put(chunk, of: number) }
        return true
    }

    func beginAgain(_ id: UploadID, file: FileRecord, token: [UInt8], at now: Timestamp) throws -> Bool {
        guard
            let number = try update(
                """
                state = 'receiving', touched_at = ?, completed_at = NULL, session_token = ?, session_committed = 0,
                session_received = 0
                WHERE id = ? AND state IN ('receiving', 'complete')
                    AND (SELECT count(*) FROM files WHERE upload = number) = 1
                """,
                [now.milliseconds, Data(token), id.description]
            )
        else { return false }
        try run("DELETE FROM chunks WHERE upload = ?", [number])
        try run("DELETE FROM files WHERE upload = ?", [number])
        try put(file, 0, of: number)
        return true
    }

    func touch(_ id: UploadID, at now: Timestamp) throws {
        try run(
            "UPDATE uploads SET touched_at = ? WHERE id = ? AND state IN ('receiving', 'complete')",
            [now.milliseconds, id.description]
        )
    }

    func forget(_ id: UploadID) throws {
        try run("DELETE FROM uploads WHERE id = ?", [id.description])
    }

    func beginDeleting(_ id: UploadID, from states: Set<UploadState>) throws -> UploadRecord? {
        guard let before = try record(id) else { return nil }
        if before.state == .deleting { return before }
        guard states.contains(before.state) else { return nil }
        _ = try update("state = 'deleting' WHERE id = ?", [id.description])
        return before
    }

    /// Changes one upload and returns its primary key, or `nil` if the condition met none.
    func update(_ change: String, _ arguments: [(any DatabaseValueConvertible)?]) throws -> Int64? {
        try first("UPDATE uploads SET \(change) RETURNING number", StatementArguments(arguments))?[0]
    }

    /// Takes a path for an upload.
    /// - Throws: ``CatalogError/pathTaken(store:key:)``
    func take(_ store: String, _ key: String, for number: Int64) throws {
        try run(
            "INSERT INTO paths (store, key, upload) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [store, key, number]
        )
        guard changesCount == 1 else { throw CatalogError.pathTaken(store: store, key: key) }
    }

    private func put(_ file: FileRecord, _ ordinal: Int, of number: Int64) throws {
        try run(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                number, ordinal, file.name, try file.size.map(signed), file.contentType, file.etag, file.store,
                file.key,
                file.destination?.store, file.destination?.key, (file.destination?.token).map { Data($0) },
            ]
        )
    }

    private func put(_ chunk: ChunkRecord, of number: Int64) throws {
        try run(
            """
            INSERT INTO chunks VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET length = excluded.length, fingerprint = excluded.fingerprint
            """,
            [number, try signed(chunk.offset), try signed(chunk.length), Int64(bitPattern: chunk.fingerprint)]
        )
    }
}
