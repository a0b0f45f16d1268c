import FPFormats
import GRDB

import struct Foundation.Data

/// The changes on an upload's way from complete to stored as SQL, each to be run inside a transaction.
extension Database {
    func beginStoring(_ id: UploadID, destinations: [Destination]) throws -> Bool {
        guard
            let number = try update("state = 'storing' WHERE id = ? AND state = 'complete'", [id.description])
        else { return false }
        try checkCount(destinations.count, of: number, id)
        for (ordinal, destination) in destinations.enumerated() {
            try take(destination.store, destination.key, for: number)
            try run(
                """
                UPDATE files SET destination_store = ?, destination_key = ?, destination_token = ?
                WHERE upload = ? AND ordinal = ?
                """,
                [destination.store, destination.key, destination.token.map { Data($0) }, number, ordinal]
            )
        }
        return true
    }

    func recordStoringSession(_ id: UploadID, file ordinal: Int, token: [UInt8], at now: Timestamp) throws {
        try run(
            """
            UPDATE files SET destination_token = ? WHERE ordinal = ?
                AND upload = (SELECT number FROM uploads WHERE id = ? AND state = 'storing')
            """,
            [Data(token), ordinal, id.description]
        )
        guard changesCount == 1 else {
            throw CatalogError.failed("The upload \(id) is not on its way to a store with a file \(ordinal).")
        }
        try run(
            """
            INSERT INTO begun_writes
            SELECT f.destination_store, f.destination_key, ?
            FROM uploads u JOIN files f ON f.upload = u.number WHERE u.id = ? AND f.ordinal = ?
            ON CONFLICT DO NOTHING
            """,
            [now.milliseconds, id.description, ordinal]
        )
    }

    func finishStoring(_ id: UploadID, etags: [String?], at now: Timestamp) throws -> Bool {
        guard
            let number = try update(
                "state = 'stored', stored_at = ? WHERE id = ? AND state = 'storing'",
                [now.milliseconds, id.description]
            )
        else { return false }
        try checkCount(etags.count, of: number, id)
        for (ordinal, etag) in etags.enumerated() {
            try run(
                """
                UPDATE files SET store = destination_store, key = destination_key, etag = ?,
                    destination_store = NULL, destination_key = NULL, destination_token = NULL
                WHERE upload = ? AND ordinal = ?
                """,
                [etag, number, ordinal]
            )
        }
        try run("DELETE FROM chunks WHERE upload = ?", [number])
        return true
    }

    func abandonStoring(_ id: UploadID, at now: Timestamp) throws -> Bool {
        guard
            let number = try update(
                "state = 'complete', touched_at = ? WHERE id = ? AND state = 'storing'",
                [now.milliseconds, id.description]
            )
        else { return false }
        try run("DELETE FROM paths WHERE upload = ?", [number])
        try run(
            """
            UPDATE files SET destination_store = NULL, destination_key = NULL, destination_token = NULL
            WHERE upload = ?
            """,
            [number]
        )
        return true
    }

    func forgetBegunWrites(in store: String, before moment: Timestamp, except kept: Set<TextKey>) throws {
        let begun = try String.fetchAll(
            cachedStatement(
                sql: """
                    SELECT key FROM begun_writes b WHERE store = ? AND begun_at < ? AND NOT EXISTS (
                        SELECT * FROM paths p JOIN uploads u ON u.number = p.upload
                        WHERE p.store = b.store AND p.key = b.key AND u.state = 'storing')
                    """),
            arguments: [store, moment.milliseconds])
        for key in begun where !kept.contains(TextKey(key)) {
            try run("DELETE FROM begun_writes WHERE store = ? AND key = ?", [store, key])
        }
    }

    private func checkCount(_ count: Int, of number: Int64, _ id: UploadID) throws {
        let files = try first("SELECT count(*) FROM files WHERE upload = ?", [number]).map { $0[0] as Int }
        guard count == files else {
            throw CatalogError.failed("The upload \(id) has \(files ?? 0) files; something was given for \(count).")
        }
    }
}
