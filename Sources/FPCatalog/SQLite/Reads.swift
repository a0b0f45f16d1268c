import FPFormats
import GRDB

import struct Foundation.Data

/// The reads of a catalog as SQL. Those of more than one statement take their own snapshot.
extension Database {
    func stored(_ store: String, _ key: String) throws -> UploadRecord? {
        try inSnapshot {
            let number = try first(
                """
                SELECT u.number FROM paths p JOIN uploads u ON u.number = p.upload
                WHERE p.store = ? AND p.key = ? AND u.state = 'stored'
                """,
                [store, key]
            )
            return try number.map { try record(number: $0[0]) }
        }
    }

    func chunk(of id: UploadID, at offset: UInt64) throws -> ChunkRecord? {
        guard let position = Int64(exactly: offset) else { return nil }
        return try first(
            """
            SELECT c.length, c.fingerprint FROM uploads u JOIN chunks c ON c.upload = u.number
            WHERE u.id = ? AND c.position = ?
            """,
            [id.description, position]
        ).map { row in
            ChunkRecord(offset: offset, length: unsigned(row[0]), fingerprint: UInt64(bitPattern: row[1]))
        }
    }

    func expired(before moment: Timestamp, limit: Int) throws -> [UploadRecord] {
        try inSnapshot {
            try numbers(
                """
                SELECT number FROM uploads INDEXED BY uploads_by_touch
                WHERE state IN ('receiving', 'complete') AND touched_at < ? ORDER BY touched_at, id LIMIT ?
                """,
                [moment.milliseconds, max(0, limit)]
            ).map(record(number:))
        }
    }

    func known(keys: [String], in store: String) throws -> Set<TextKey> {
        try inSnapshot {
            try Set(
                keys.filter { key in
                    try first(
                        """
                        SELECT 1 WHERE EXISTS (SELECT * FROM files WHERE store = ?1 AND key = ?2)
                            OR EXISTS (SELECT * FROM paths WHERE store = ?1 AND key = ?2)
                        """,
                        [store, key]
                    ) != nil
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
                            OR EXISTS (SELECT * FROM files WHERE destination_token = ?1)
                        """,
                        [Data(token)]
                    ) != nil
                }
            )
        }
    }

    func begunWrites(to keys: [String], in store: String) throws -> [TextKey: Timestamp] {
        try inSnapshot {
            var begun: [TextKey: Timestamp] = [:]
            for key in keys {
                let row = try first("SELECT begun_at FROM begun_writes WHERE store = ? AND key = ?", [store, key])
                if let row { begun[TextKey(key)] = Timestamp(milliseconds: row[0]) }
            }
            return begun
        }
    }

    func storesWithBegunWrites(before moment: Timestamp) throws -> Set<String> {
        var stores: Set<String> = []
        try each("SELECT DISTINCT store FROM begun_writes WHERE begun_at < ?", [moment.milliseconds]) { row in
            stores.insert(row[0])
        }
        return stores
    }

    func storesInUse() throws -> [String: Int] {
        var counts: [String: Int] = [:]
        try each(
            """
            SELECT store, count(*) FROM files GROUP BY store
            UNION ALL
            SELECT f.destination_store, count(*) FROM uploads u JOIN files f ON f.upload = u.number
            WHERE u.state IN ('storing', 'deleting') AND f.destination_store IS NOT NULL
            GROUP BY f.destination_store
            """
        ) { row in counts[row[0], default: 0] += row[1] }
        return counts
    }

    func counts() throws -> [UploadState: Int] {
        var counts: [UploadState: Int] = [:]
        try each("SELECT state, count(*) FROM uploads GROUP BY state") { row in
            if let state = UploadState(rawValue: row[0]) { counts[state] = row[1] }
        }
        return counts
    }

    func position(of id: UploadID) throws -> ListingCursor? {
        try first("SELECT created_at FROM uploads WHERE id = ?", [id.description]).map { row in
            ListingCursor(createdAt: Timestamp(milliseconds: row[0]), id: id)
        }
    }

    func numbers(_ sql: String, _ arguments: StatementArguments) throws -> [Int64] {
        try Int64.fetchAll(cachedStatement(sql: sql), arguments: arguments)
    }
}
