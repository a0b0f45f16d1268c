import GRDB

/// Which uploads, in the order of creation and id, as SQL that walks one index from where the page begins.
struct Listing {
    private var query: UploadQuery
    private var after: ListingCursor?

    /// A listing of what `query` matches, but for its cursor and limit.
    init(_ query: UploadQuery, after: ListingCursor?) {
        self.query = query
        self.after = after
    }

    /// The primary keys of the first `limit` uploads.
    func numbers(_ db: Database, limit: Int) throws -> [Int64] {
        let states = query.states ?? Set(UploadState.allCases).subtracting([.deleting])
        let texts = [query.store, query.keyPrefix, query.name, query.owner]
        guard !states.isEmpty, texts.allSatisfy(isText) else { return [] }
        let names = states.map(\.rawValue).sorted()
        let select: SQL
        if query.owner != nil {
            select = self.select(from: "uploads u INDEXED BY uploads_by_owner", states: names, limit: limit)
        } else if query.name != nil {
            select = self.select(
                from: "files n INDEXED BY files_by_name CROSS JOIN uploads u ON u.number = n.upload", states: names,
                limit: limit
            )
        } else if query.store != nil, query.keyPrefix?.isEmpty == false {
            select = self.select(from: "uploads u NOT INDEXED", states: names, limit: limit)
        } else {
            // The index has the order only within a state, so each state gives its first ones to choose from.
            let parts = names.map { name in
                SQL(
                    "SELECT * FROM (\(self.select(from: "uploads u INDEXED BY uploads_by_state", states: [name], limit: limit)))"
                )
            }
            select = SQL("\(parts.joined(separator: " UNION ALL ")) ORDER BY \(order("")) LIMIT \(limit)")
        }
        let (sql, arguments) = try select.build(db)
        return try Int64.fetchAll(db, sql: sql, arguments: arguments)
    }

    private func select(from source: String, states: [String], limit: Int) -> SQL {
        SQL(
            """
            SELECT u.number, u.created_at, u.id FROM \(sql: source)
            WHERE \(conditions(states).joined(separator: " AND ")) ORDER BY \(order("u.")) LIMIT \(limit)
            """
        )
    }

    private func order(_ table: String) -> SQL {
        let direction = query.newestFirst ? "DESC" : "ASC"
        return SQL(sql: "\(table)created_at \(direction), \(table)id \(direction)")
    }

    private func conditions(_ states: [String]) -> [SQL] {
        var conditions: [SQL] = [states.count == 1 ? "u.state = \(states[0])" : "u.state IN \(states)"]
        if let owner = query.owner { conditions.append("u.owner = \(owner)") }
        // Where the cursor is the narrower bound, it is the only one: SQLite enters the index at one of them, and at
        // the wrong one it would walk through all pages before this.
        if let from = query.createdFrom, after == nil || query.newestFirst {
            conditions.append("u.created_at >= \(from.milliseconds)")
        }
        if let before = query.createdBefore, after == nil || !query.newestFirst {
            conditions.append("u.created_at < \(before.milliseconds)")
        }
        if let after {
            let side = SQL(sql: query.newestFirst ? "<" : ">")
            conditions.append(
                "(u.created_at, u.id) \(side) (\(after.createdAt.milliseconds), \(after.id.description))"
            )
        }
        if let name = query.name {
            if query.owner == nil {
                conditions.append("n.ordinal = 0 AND n.name = \(name)")
            } else {
                conditions.append(
                    "EXISTS (SELECT * FROM files n WHERE n.upload = u.number AND n.ordinal = 0 AND n.name = \(name))"
                )
            }
        }
        if let places = placeConditions() {
            if query.owner == nil, query.name == nil, query.store != nil, query.keyPrefix?.isEmpty == false {
                conditions.append("u.number IN (SELECT f.upload FROM files f WHERE \(places))")
            } else {
                conditions.append("EXISTS (SELECT * FROM files f WHERE f.upload = u.number AND \(places))")
            }
        }
        return conditions
    }

    /// What one and the same file has to meet.
    private func placeConditions() -> SQL? {
        var conditions: [SQL] = []
        if let store = query.store { conditions.append("f.store = \(store)") }
        if let prefix = query.keyPrefix, !prefix.isEmpty {
            conditions.append("f.key >= \(prefix)")
            if let end = firstText(beyond: prefix) { conditions.append("f.key < \(end)") }
        }
        return conditions.isEmpty ? nil : conditions.joined(separator: " AND ")
    }
}

/// The smallest text, by its bytes, that is greater than every text with that prefix; `nil` if there is none. The
/// bytes of UTF-8 sort like the scalars that they encode.
func firstText(beyond prefix: String) -> String? {
    var scalars = Array(prefix.unicodeScalars)
    while let last = scalars.popLast() {
        let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
        guard let scalar = Unicode.Scalar(next) else { continue }
        scalars.append(scalar)
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }
    return nil
}
