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
    func numbers(_ db: Connection, limit: Int) throws -> [Int64] {
        let states = query.states ?? Set(UploadState.allCases).subtracting([.deleting])
        let texts = [query.store, query.keyPrefix, query.name, query.owner]
        guard !states.isEmpty, texts.allSatisfy(isText) else { return [] }
        let names = states.map(\.rawValue).sorted()
        var select: SQLText
        if query.owner != nil {
            select = self.select(from: "uploads u INDEXED BY uploads_by_owner", states: names, limit: limit)
        } else if query.name != nil {
            select = self.select(from: "uploads u INDEXED BY uploads_by_name", states: names, limit: limit)
        } else if query.store != nil, query.keyPrefix?.isEmpty == false {
            select = self.select(from: "uploads u NOT INDEXED", states: names, limit: limit)
        } else {
            // The index has the order only within a state, so each state gives its first ones to choose from.
            let parts = names.map { name in
                var part: SQLText = "SELECT * FROM ("
                part += self.select(from: "uploads u INDEXED BY uploads_by_state", states: [name], limit: limit)
                part += ")"
                return part
            }
            select = parts.joined(" UNION ALL ")
            select += SQLText(" ORDER BY \(order("")) LIMIT ?", limit)
        }
        var numbers: [Int64] = []
        try db.each(text: select.text, select.values) { numbers.append($0[0]) }
        return numbers
    }

    private func select(from source: String, states: [String], limit: Int) -> SQLText {
        var select = SQLText("SELECT u.number, u.created_at, u.id FROM \(source) WHERE ")
        select += conditions(states).joined(" AND ")
        select += SQLText(" ORDER BY \(order("u.")) LIMIT ?", limit)
        return select
    }

    private func order(_ table: String) -> String {
        let direction = query.newestFirst ? "DESC" : "ASC"
        return "\(table)created_at \(direction), \(table)id \(direction)"
    }

    private func conditions(_ states: [String]) -> [SQLText] {
        var conditions = [
            states.count == 1
                ? SQLText("u.state = ?", states[0])
                : "u.state IN (" + states.map { SQLText("?", $0) }.joined(", ") + ")"
        ]
        if let owner = query.owner { conditions.append(SQLText("u.owner = ?", owner)) }
        // Where the cursor is the narrower bound, it is the only one: SQLite enters the index at one of them, and at
        // the wrong one it would walk through all pages before this.
        if let from = query.createdFrom, after == nil || query.newestFirst {
            conditions.append(SQLText("u.created_at >= ?", from))
        }
        if let before = query.createdBefore, after == nil || !query.newestFirst {
            conditions.append(SQLText("u.created_at < ?", before))
        }
        if let before = query.verifiedBefore {
            conditions.append(SQLText("(u.verified_at IS NULL OR u.verified_at < ?)", before))
        }
        if let after {
            let side = query.newestFirst ? "<" : ">"
            conditions.append(
                SQLText("(u.created_at, u.id) \(side) (?, ?)", after.createdAt, after.id.description))
        }
        if let name = query.name { conditions.append(SQLText("u.name = ?", name)) }
        if let places = placeConditions() {
            if query.owner == nil, query.name == nil, let store = query.store, let prefix = query.keyPrefix,
                !prefix.isEmpty
            {
                conditions.append("u.number IN (" + uploads(at: places, store, prefix) + ")")
            } else {
                conditions.append(
                    "((" + places + ") OR EXISTS (SELECT * FROM files WHERE upload = u.number AND " + places + "))")
            }
        }
        return conditions
    }

    /// What one and the same file has to meet: a row of uploads, or of files.
    private func placeConditions() -> SQLText? {
        var conditions: [SQLText] = []
        if let store = query.store { conditions.append(SQLText("store = ?", store)) }
        if let prefix = query.keyPrefix, !prefix.isEmpty {
            conditions.append(SQLText("key >= ?", prefix))
            if let end = firstText(beyond: prefix) { conditions.append(SQLText("key < ?", end)) }
        }
        return conditions.isEmpty ? nil : conditions.joined(" AND ")
    }

    /// The primary keys of the uploads with a file there, each found by the index that has its place.
    private func uploads(at places: SQLText, _ store: String, _ prefix: String) -> SQLText {
        var select: SQLText = """
            SELECT number FROM uploads INDEXED BY uploads_by_place WHERE substr(key, 1, 22) <> id
            """
        select += " AND " + places
        // Where a key begins with its upload's id, so does the prefix, or the id with the prefix.
        let start = String(String.UnicodeScalarView(prefix.unicodeScalars.prefix(UploadID.length)))
        select += SQLText(" UNION ALL SELECT number FROM uploads WHERE id >= ? AND ", start)
        if let end = firstText(beyond: start) { select += SQLText("id < ? AND ", end) }
        select += places + " UNION ALL SELECT upload FROM files WHERE " + places
        return select
    }
}

/// A piece of SQL that is put together, with the values that it takes.
private struct SQLText: ExpressibleByStringLiteral {
    private(set) var text: String
    private(set) var values: [any SQLValue]

    init(stringLiteral text: String) { (self.text, values) = (text, []) }

    init(_ text: String, _ values: any SQLValue...) { (self.text, self.values) = (text, values) }

    init(_ text: String, _ values: [any SQLValue]) { (self.text, self.values) = (text, values) }

    static func + (left: SQLText, right: SQLText) -> SQLText {
        var sum = left
        sum += right
        return sum
    }

    static func += (left: inout SQLText, right: SQLText) {
        left.text += right.text
        left.values += right.values
    }
}

extension [SQLText] {
    fileprivate func joined(_ separator: String) -> SQLText {
        SQLText(map(\.text).joined(separator: separator), flatMap(\.values))
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
