import FPFormats

/// The reads of a catalog as SQL. Those of more than one statement take their own snapshot.
extension Connection {
    func stored(_ store: String, _ key: String) throws -> UploadRecord? {
        try inSnapshot {
            let number = try first(
                """
                SELECT u.number FROM paths p JOIN uploads u ON u.number = p.upload
                WHERE p.store = ? AND p.key = ? AND u.state = 'stored'
                """,
                store, key
            ) { $0[0] as Int64 }
            return try number.map(record(number:))
        }
    }

    func replacement(of id: UploadID) throws -> UploadRecord? {
        try inSnapshot {
            let number = try first(
                "SELECT number FROM uploads WHERE replaces = ?1 AND id <> ?1", id.description
            ) { $0[0] as Int64 }
            return try number.map(record(number:))
        }
    }

    func chunk(of id: UploadID, at offset: UInt64) throws -> ChunkRecord? {
        guard let position = Int64(exactly: offset) else { return nil }
        return try first(
            """
            SELECT c.length, c.fingerprint FROM uploads u JOIN chunks c ON c.upload = u.number
            WHERE u.id = ? AND c.position = ?
            """,
            id.description, position
        ) { row in
            ChunkRecord(offset: offset, length: unsigned(row[0]), fingerprint: UInt64(bitPattern: row[1]))
        }
    }

    func expired(before moment: Timestamp, limit: Int) throws -> [UploadRecord] {
        try inSnapshot {
            var numbers: [Int64] = []
            try each(
                """
                SELECT number FROM uploads INDEXED BY uploads_by_touch
                WHERE state IN ('receiving', 'complete') AND touched_at < ? ORDER BY touched_at, id LIMIT ?
                """,
                moment, max(0, limit)
            ) { numbers.append($0[0]) }
            return try numbers.map(record(number:))
        }
    }

    func known(keys: [String], in store: String) throws -> Set<TextKey> {
        try inSnapshot {
            try Set(
                keys.filter { key in
                    try first(
                        """
                        SELECT 1 WHERE
                            EXISTS (SELECT * FROM uploads WHERE id = substr(?2, 1, 22) AND store = ?1 AND key = ?2)
                            OR EXISTS (SELECT * FROM uploads INDEXED BY uploads_by_place
                                WHERE store = ?1 AND key = ?2 AND substr(key, 1, 22) <> id)
                            OR EXISTS (SELECT * FROM files WHERE store = ?1 AND key = ?2)
                            OR EXISTS (SELECT * FROM paths WHERE store = ?1 AND key = ?2)
                        """,
                        store, key
                    ) { _ in true } != nil
                }.map { TextKey($0) }
            )
        }
    }

    func known(tokens: [[UInt8]]) throws -> Set<[UInt8]> {
        try inSnapshot {
            try Set(
                tokens.filter { token in
                    try first(
                        """
                        SELECT 1 WHERE EXISTS (SELECT * FROM uploads WHERE session_token = ?1)
                            OR EXISTS (SELECT * FROM uploads WHERE destination_token = ?1)
                            OR EXISTS (SELECT * FROM files WHERE destination_token = ?1)
                        """,
                        token
                    ) { _ in true } != nil
                }
            )
        }
    }

    func begunWrites(to keys: [String], in store: String) throws -> [TextKey: Timestamp] {
        try inSnapshot {
            var begun: [TextKey: Timestamp] = [:]
            for key in keys {
                begun[TextKey(key)] = try first(
                    "SELECT begun_at FROM begun_writes WHERE store = ? AND key = ?", store, key
                ) { $0[0] as Timestamp }
            }
            return begun
        }
    }

    func storesWithBegunWrites(before moment: Timestamp) throws -> Set<String> {
        var stores: Set<String> = []
        try each("SELECT DISTINCT store FROM begun_writes WHERE begun_at < ?", moment) { row in
            stores.insert(row[0])
        }
        return stores
    }

    func storesInUse() throws -> [String: Int] {
        var counts: [String: Int] = [:]
        try each(
            """
            SELECT store, count(*) FROM uploads GROUP BY store
            UNION ALL
            SELECT store, count(*) FROM files GROUP BY store
            UNION ALL
            SELECT destination_store, count(*) FROM uploads
            WHERE state IN ('storing', 'deleting') AND destination_store IS NOT NULL
            GROUP BY destination_store
            UNION ALL
            SELECT f.destination_store, count(*) FROM uploads u JOIN files f ON f.upload = u.number
            WHERE u.state IN ('storing', 'deleting') AND f.destination_store IS NOT NULL
            GROUP BY f.destination_store
            """
        ) { row in counts[row[0] as String, default: 0] += row[1] }
        return counts
    }

    func counts() throws -> [UploadState: Int] {
        var counts: [UploadState: Int] = [:]
        try each("SELECT state, count(*) FROM uploads GROUP BY state") { row in
            if let state = UploadState(rawValue: row[0]) { counts[state] = row[1] as Int }
        }
        return counts
    }

    func position(of id: UploadID) throws -> ListingCursor? {
        try first("SELECT created_at FROM uploads WHERE id = ?", id.description) { row in
            ListingCursor(createdAt: row[0], id: id)
        }
    }
}
