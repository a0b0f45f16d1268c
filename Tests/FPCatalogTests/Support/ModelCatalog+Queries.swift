import FPCatalog
import FPFormats

extension ModelCatalog {
    /// A place in the order of creation.
    struct Position: Comparable {
        var time: Timestamp
        var id: String

        init(_ record: UploadRecord) {
            time = record.createdAt
            id = record.id.description
        }

        init(time: Timestamp, id: UploadID) {
            self.time = time
            self.id = id.description
        }

        static func < (left: Position, right: Position) -> Bool { (left.time, left.id) < (right.time, right.id) }
    }

    func uploads(matching query: UploadQuery) async throws(CatalogError) -> UploadPage {
        try open { state throws(CatalogError) in
            var asked = query
            asked.cursor = nil
            asked.limit = 1
            var after: Position?
            if let cursor = query.cursor {
                guard let known = state.cursors[cursor], known.query == asked else { throw .badCursor }
                after = known.position
            }
            var matching = state.entries.values.map(\.record).filter { Self.matches($0, query) }
            matching.sort { Position($0) < Position($1) }
            if query.newestFirst { matching.reverse() }
            if let after {
                matching.removeAll { query.newestFirst ? Position($0) >= after : Position($0) <= after }
            }
            let page = Array(matching.prefix(min(max(query.limit, 1), 1000)))
            guard page.count < matching.count, let last = page.last else { return UploadPage(uploads: page, next: nil) }
            let cursor = "cursor \(state.cursors.count)"
            state.cursors[cursor] = (asked, Position(last))
            return UploadPage(uploads: page, next: cursor)
        }
    }

    private static func matches(_ upload: UploadRecord, _ query: UploadQuery) -> Bool {
        guard query.states?.contains(upload.state) ?? (upload.state != .deleting) else { return false }
        if let owner = query.owner, upload.owner != owner { return false }
        if let name = query.name, Array(upload.files[0].name.utf8) != Array(name.utf8) { return false }
        if let before = query.verifiedBefore, let at = upload.files[0].verifiedAt, at >= before { return false }
        if let from = query.createdFrom, upload.createdAt < from { return false }
        if let before = query.createdBefore, upload.createdAt >= before { return false }
        return upload.files.contains { file in
            (query.store == nil || file.store == query.store)
                && (query.keyPrefix == nil || file.key.utf8.starts(with: query.keyPrefix!.utf8))
        }
    }

    func expired(before moment: Timestamp, limit: Int) async throws(CatalogError) -> [UploadRecord] {
        try open { state in
            let expired = state.entries.values.map(\.record).filter { upload in
                [.receiving, .complete].contains(upload.state) && upload.touchedAt < moment
            }
            let order = expired.sorted { ($0.touchedAt, $0.id.description) < ($1.touchedAt, $1.id.description) }
            return Array(order.prefix(max(0, limit)))
        }
    }

    func uploads(in states: Set<UploadState>, after: UploadID?, limit: Int) async throws(CatalogError)
        -> [UploadRecord]
    {
        try open { state in
            let after = after.flatMap { id in state.births[id].map { Position(time: $0, id: id) } }
            let listed = state.entries.values.map(\.record).filter { upload in
                states.contains(upload.state) && after.map { Position(upload) > $0 } ?? true
            }
            return Array(listed.sorted { Position($0) < Position($1) }.prefix(max(0, limit)))
        }
    }

    func known(keys: [String], in store: String) async throws(CatalogError) -> Set<TextKey> {
        try open { state in
            let places = Set(
                state.entries.values.flatMap { entry in
                    entry.paths + entry.record.files.map { Place($0.store, $0.key) }
                }
            )
            return Set(keys.filter { places.contains(Place(store, $0)) }.map { TextKey($0) })
        }
    }

    func trouble() async -> CatalogTrouble? { nil }

    func known(tokens: [[UInt8]]) async throws(CatalogError) -> Set<[UInt8]> {
        try open { state in
            let known = state.entries.values.flatMap { entry in
                [entry.record.session?.token] + entry.record.files.map { $0.destination?.token }
            }
            return Set(tokens.filter(known.compactMap(\.self).contains))
        }
    }

    func begunWrites(to keys: [String], in store: String) async throws(CatalogError) -> [TextKey: Timestamp] {
        try open { state in
            var begun: [TextKey: Timestamp] = [:]
            for key in keys {
                if let time = state.begun[Place(store, key)] { begun[TextKey(key)] = time }
            }
            return begun
        }
    }

    func storesWithBegunWrites(before moment: Timestamp) async throws(CatalogError) -> Set<String> {
        try open { state in Set(state.begun.filter { $0.value < moment }.map(\.key.store)) }
    }

    func forgetBegunWrites(in store: String, before moment: Timestamp, except keys: Set<TextKey>)
        async throws(CatalogError)
    {
        try open { state in
            let storing = state.entries.values.filter { $0.record.state == .storing }.flatMap(\.paths)
            let kept = Set(storing + keys.map { Place(store, $0.text) })
            state.begun = state.begun.filter { place, time in
                place.store != store || time >= moment || kept.contains(place)
            }
        }
    }

    func storesInUse() async throws(CatalogError) -> [String: Int] {
        try open { state in
            let files = state.entries.values.flatMap(\.record.files)
            let stores = files.map(\.store) + files.compactMap(\.destination?.store)
            return Dictionary(grouping: stores, by: \.self).mapValues(\.count)
        }
    }

    func counts() async throws(CatalogError) -> [UploadState: Int] {
        try open { state in Dictionary(grouping: state.entries.values, by: \.record.state).mapValues(\.count) }
    }
}
