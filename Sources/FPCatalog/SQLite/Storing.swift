import FPFormats

/// The changes on an upload's way from complete to stored as SQL, each to be run inside a transaction.
extension Connection {
    func beginStoring(_ id: UploadID, destinations: [Destination]) throws -> Bool {
        let number = try first(
            "UPDATE uploads SET state = 'storing' WHERE id = ? AND state = 'complete' RETURNING number",
            id.description
        ) { $0[0] as Int64 }
        guard let number else { return false }
        try checkCount(destinations.count, of: number, id)
        for (ordinal, destination) in destinations.enumerated() {
            if let replaced = destination.replaced {
                guard destinations.count == 1 else {
                    throw CatalogError.failed("The upload \(id) has several files, and was to replace another.")
                }
                try replace(replaced, at: destination, by: number, id)
            } else {
                try take(destination.store, destination.key, for: number)
            }
            if ordinal == 0 {
                try run(
                    """
                    UPDATE uploads SET destination_store = ?, destination_key = ?, destination_token = ?
                    WHERE number = ?
                    """,
                    destination.store, destination.key, destination.token, number
                )
            } else {
                try run(
                    """
                    UPDATE files SET destination_store = ?, destination_key = ?, destination_token = ?
                    WHERE upload = ? AND ordinal = ?
                    """,
                    destination.store, destination.key, destination.token, number, ordinal
                )
            }
        }
        return true
    }

    func beginStoring(_ id: UploadID, from first: Int, destinations: (Int) -> [Destination]) throws -> Int? {
        let number = try FreeNumber.find(from: first) { number in
            try destinations(number).allSatisfy { place in
                try self.first("SELECT 1 FROM paths WHERE store = ? AND key = ?", place.store, place.key) { _ in true }
                    == nil
            }
        }
        return try beginStoring(id, destinations: destinations(number)) ? number : nil
    }

    func recordStoringSession(_ id: UploadID, file ordinal: Int, token: [UInt8], at now: Timestamp) throws {
        let place: (String, String)?
        if ordinal == 0 {
            place = try first(
                """
                UPDATE uploads SET destination_token = ? WHERE id = ? AND state = 'storing'
                RETURNING destination_store, destination_key
                """,
                token, id.description
            ) { ($0[0], $0[1]) }
        } else {
            place = try first(
                """
                UPDATE files SET destination_token = ? WHERE ordinal = ?
                    AND upload = (SELECT number FROM uploads WHERE id = ? AND state = 'storing')
                RETURNING destination_store, destination_key
                """,
                token, ordinal, id.description
            ) { ($0[0], $0[1]) }
        }
        guard let (store, key) = place else {
            throw CatalogError.failed("The upload \(id) is not on its way to a store with a file \(ordinal).")
        }
        try run("INSERT INTO begun_writes VALUES (?, ?, ?) ON CONFLICT DO NOTHING", store, key, now)
    }

    func finishStoring(_ id: UploadID, etags: [String?], at now: Timestamp) throws -> Bool {
        let stored = try first(
            """
            UPDATE uploads SET state = 'stored', stored_at = ?,
                store = destination_store, key = destination_key, etag = ?,
                destination_store = NULL, destination_key = NULL, destination_token = NULL, source = NULL
            WHERE id = ? AND state = 'storing' RETURNING number, replaces, store, key
            """,
            now, etags.first ?? nil, id.description
        ) { row in
            (number: row[0] as Int64, replaces: row[1] as String?, store: row[2] as String, key: row[3] as String)
        }
        guard let stored else { return false }
        let number = stored.number
        try checkCount(etags.count, of: number, id)
        if let replaced = stored.replaces {
            try run("UPDATE uploads SET replaces = NULL, replaced_etag = NULL WHERE number = ?", number)
            if let replaced = UploadID(replaced), replaced != id {
                if keepsEvents, let before = try record(replaced) {
                    try tell(.deleted, of: before, because: UploadEnd.replaced.rawValue, at: now)
                }
                try forget(replaced)
                try take(stored.store, stored.key, for: number)
            }
        }
        for (ordinal, etag) in etags.enumerated().dropFirst() {
            try run(
                """
                UPDATE files SET store = destination_store, key = destination_key, etag = ?,
                    destination_store = NULL, destination_key = NULL, destination_token = NULL
                WHERE upload = ? AND ordinal = ?
                """,
                etag, number, ordinal
            )
        }
        try run("DELETE FROM chunks WHERE upload = ?", number)
        try tell(.stored, of: number, at: now)
        return true
    }

    func abandonStoring(_ id: UploadID, at now: Timestamp) throws -> Bool {
        let number = try first(
            """
            UPDATE uploads SET state = 'complete', touched_at = ?,
                destination_store = NULL, destination_key = NULL, destination_token = NULL,
                replaces = NULL, replaced_etag = NULL
            WHERE id = ? AND state = 'storing' RETURNING number
            """,
            now, id.description
        ) { $0[0] as Int64 }
        guard let number else { return false }
        try run("DELETE FROM paths WHERE upload = ?", number)
        try run(
            """
            UPDATE files SET destination_store = NULL, destination_key = NULL, destination_token = NULL
            WHERE upload = ?
            """,
            number
        )
        return true
    }

    func forgetBegunWrites(in store: String, before moment: Timestamp, except kept: Set<TextKey>) throws {
        var begun: [String] = []
        try each(
            """
            SELECT key FROM begun_writes b WHERE store = ? AND begun_at < ? AND NOT EXISTS (
                SELECT * FROM paths p JOIN uploads u ON u.number = p.upload
                WHERE p.store = b.store AND p.key = b.key AND u.state = 'storing')
            """,
            store, moment
        ) { begun.append($0[0]) }
        for key in begun where !kept.contains(TextKey(key)) {
            try run("DELETE FROM begun_writes WHERE store = ? AND key = ?", store, key)
        }
    }

    /// Has an upload replace what is at a path.
    /// - Throws: ``CatalogError/pathTaken(store:key:)`` if that is not what was expected there.
    private func replace(_ replaced: Replaced, at place: Destination, by number: Int64, _ id: UploadID) throws {
        if let holder = replaced.upload {
            let found = try first(
                """
                SELECT 1 FROM paths p JOIN uploads u ON u.number = p.upload
                WHERE p.store = ?1 AND p.key = ?2 AND u.id = ?3 AND u.state = 'stored'
                    AND NOT EXISTS (SELECT * FROM files WHERE upload = u.number)
                    AND NOT EXISTS (SELECT * FROM uploads WHERE replaces = ?3)
                """,
                place.store, place.key, holder.description
            ) { _ in true }
            guard found != nil else { throw CatalogError.pathTaken(store: place.store, key: place.key) }
        } else {
            try take(place.store, place.key, for: number)
        }
        try run(
            "UPDATE uploads SET replaces = ?, replaced_etag = ? WHERE number = ?",
            (replaced.upload ?? id).description, replaced.etag, number)
    }

    /// - Throws: ``CatalogError/beingReplaced`` if a storing upload takes the place of that one.
    func checkNotReplaced(_ id: UploadID) throws {
        let replacer = try first("SELECT 1 FROM uploads WHERE replaces = ?1 AND id <> ?1", id.description) { _ in true }
        if replacer != nil { throw CatalogError.beingReplaced }
    }

    private func checkCount(_ count: Int, of number: Int64, _ id: UploadID) throws {
        let others = try first("SELECT count(*) FROM files WHERE upload = ?", number) { $0[0] as Int } ?? 0
        guard count == others + 1 else {
            throw CatalogError.failed("The upload \(id) has \(others + 1) files; something was given for \(count).")
        }
    }
}
