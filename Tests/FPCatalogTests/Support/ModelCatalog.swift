import FPCatalog
import Synchronization

/// The protocol's words as the plainest code there is: everything in one dictionary, searched from end to end.
final class ModelCatalog: Catalog {
    struct Entry {
        var record: UploadRecord
        var chunks: [UInt64: ChunkRecord] = [:]
        /// What it takes to go on with the file's digests at the end of a chunk, by its beginning.
        var digests: [UInt64: [UInt8]] = [:]
        /// The paths that nobody else may have.
        var paths: [Place] = []
        /// Where it came from, until it is stored.
        var source: String?
    }

    struct Place: Hashable {
        var store: String
        /// Bytes, because `String` takes different encodings of one character for equal.
        var key: [UInt8]

        init(_ store: String, _ key: String) {
            self.store = store
            self.key = Array(key.utf8)
        }
    }

    struct State {
        var entries: [UploadID: Entry] = [:]
        var cursors: [String: (query: UploadQuery, position: Position)] = [:]
        var births: [UploadID: Timestamp] = [:]
        var begun: [Place: Timestamp] = [:]
        var counts: [String: (uploads: Int64, until: Timestamp)] = [:]
        var isClosed = false
    }

    let state = Mutex(State())
    let identity = CatalogIdentity(
        id: Array(repeating: 1, count: 16), key: Array(repeating: 2, count: 16), place: "model")

    let events: (any EventLog)? = nil

    func open<Value>(_ body: (inout sending State) throws(CatalogError) -> sending Value) throws(CatalogError) -> Value
    {
        try state.withLock { state throws(CatalogError) in
            if state.isClosed { throw .failed("closed") }
            return try body(&state)
        }
    }

    /// Changes an entry that is in one of `states`.
    private func change(_ id: UploadID, in states: Set<UploadState>, _ body: (inout Entry) -> Void) throws(CatalogError)
        -> Bool
    {
        try open { state throws(CatalogError) in
            guard var entry = state.entries[id], states.contains(entry.record.state) else { return false }
            body(&entry)
            state.entries[id] = entry
            return true
        }
    }

    func insert(
        _ upload: UploadRecord, within limits: OwnerLimits, countedIn count: UploadCount?, from source: UploadSource?
    ) async throws(CatalogError) {
        try open { state throws(CatalogError) in
            guard state.entries[upload.id] == nil else { throw .failed("twice") }
            let counted = count.flatMap { state.counts[$0.name] } ?? (0, 0)
            if let count, counted.uploads >= count.limit { throw .usedUp }
            var entry = Entry(record: upload)
            if let owner = upload.owner {
                var limits = limits
                if upload.state != .receiving { limits.inProgress = nil }
                let usage = State.usage(of: owner, in: state.entries.values.map(\.record) + [upload])
                if let excess = limits.exceeded(by: usage) { throw .ownerExcess(excess) }
            }
            if let source {
                entry.source = source.name
                let others = state.arriving(from: source.name)
                if upload.state == .receiving, others >= source.inProgress {
                    throw .sourceExcess(most: source.inProgress)
                }
            }
            switch upload.state {
            case .storing: try state.take(upload.files.compactMap(\.destination), for: &entry)
            case .stored: try state.take(upload.files.map { Destination(store: $0.store, key: $0.key) }, for: &entry)
            default: break
            }
            state.entries[upload.id] = entry
            state.births[upload.id] = upload.createdAt
            if let count { state.counts[count.name] = (counted.uploads + 1, max(counted.until, count.until)) }
        }
    }

    func counted(in name: String) async throws(CatalogError) -> Int64 {
        try open { $0.counts[name]?.uploads ?? 0 }
    }

    func inProgress(from source: String, countingTo most: Int) async throws(CatalogError) -> Int {
        try open { min($0.arriving(from: source), most) }
    }

    func uncount(_ name: String) async throws(CatalogError) {
        try open { state in
            if let count = state.counts[name], count.uploads > 0 { state.counts[name]?.uploads -= 1 }
        }
    }

    func forgetCounts(before moment: Timestamp) async throws(CatalogError) {
        try open { state in state.counts = state.counts.filter { $0.value.until >= moment } }
    }

    func upload(_ id: UploadID) async throws(CatalogError) -> UploadRecord? {
        try open { $0.entries[id]?.record }
    }

    func upload(store: String, key: String) async throws(CatalogError) -> UploadRecord? {
        try open { state in
            state.entries.values.first { entry in
                entry.record.state == .stored && entry.paths.contains(Place(store, key))
            }?.record
        }
    }

    func advance(
        _ id: UploadID, by change: ChunkArrival, within limits: OwnerLimits
    ) async throws(CatalogError) -> Bool {
        let before = try open { $0 }
        let isChanged = try self.change(id, in: [.receiving]) { entry in
            entry.record.touchedAt = change.arrivedAt
            switch change.extent {
            case .whole(let chunk):
                entry.record.session?.committed = chunk.offset + chunk.length
                entry.record.session?.received = chunk.offset + chunk.length
                entry.record.session?.digest = change.digest
                entry.chunks[chunk.offset] = chunk
                entry.digests[chunk.offset] = change.digest
            case .part(let end):
                if end > entry.record.session!.received { entry.record.session!.digest = change.digest }
                entry.record.session!.received = max(entry.record.session!.received, end)
            }
            if let token = change.token { entry.record.session?.token = token }
            if let size = change.size { entry.record.files[0].size = size }
            if !change.name.isEmpty { entry.record.files[0].name = change.name }
        }
        guard isChanged, let owner = before.entries[id]?.record.owner else { return isChanged }
        let (old, new) = (before.usage(of: owner), try await usage(of: owner))
        if new.bytes > old.bytes, let excess = OwnerLimits(bytes: limits.bytes).exceeded(by: new) {
            state.withLock { $0 = before }
            throw .ownerExcess(excess)
        }
        return true
    }

    func usage(of owner: String) async throws(CatalogError) -> OwnerUsage { try open { $0.usage(of: owner) } }

    func rewind(_ id: UploadID, to offset: UInt64, at now: Timestamp) async throws(CatalogError) -> Bool {
        try change(id, in: [.receiving]) { entry in
            entry.record.touchedAt = now
            entry.record.session!.committed = min(entry.record.session!.committed, offset)
            if offset < entry.record.session!.received {
                let before = entry.chunks.values.filter { $0.offset < offset }.max { $0.offset < $1.offset }
                let ends = before.map { $0.offset + $0.length == offset } ?? false
                entry.record.session!.digest = ends ? before.flatMap { entry.digests[$0.offset] } : nil
            }
            entry.record.session!.received = min(entry.record.session!.received, offset)
            entry.chunks = entry.chunks.filter { $0.value.offset + $0.value.length <= offset }
        }
    }

    func chunk(of id: UploadID, at offset: UInt64) async throws(CatalogError) -> ChunkRecord? {
        try open { $0.entries[id]?.chunks[offset] }
    }

    func complete(_ id: UploadID, file: FileRecord, chunk: ChunkRecord?, at now: Timestamp) async throws(CatalogError)
        -> Bool
    {
        try change(id, in: [.receiving]) { entry in
            entry.record.state = .complete
            entry.record.touchedAt = now
            entry.record.completedAt = now
            entry.record.files = [file]
            entry.record.session = nil
            if let chunk { entry.chunks[chunk.offset] = chunk }
        }
    }

    func beginAgain(_ id: UploadID, file: FileRecord, token: [UInt8], at now: Timestamp) async throws(CatalogError)
        -> Bool
    {
        guard try await upload(id)?.files.count == 1 else { return false }
        return try change(id, in: [.receiving, .complete]) { entry in
            entry.record.state = .receiving
            entry.record.touchedAt = now
            entry.record.completedAt = nil
            entry.record.files = [file]
            entry.record.session = WriteSession(token: token, committed: 0)
            entry.chunks = [:]
        }
    }

    func recordVerification(
        of id: UploadID, file: Int, in place: Destination, at now: Timestamp
    ) async throws(CatalogError) {
        _ = try change(id, in: [.complete, .storing, .stored]) { entry in
            guard entry.record.files.indices.contains(file) else { return }
            let known = entry.record.files[file]
            guard Place(known.store, known.key) == Place(place.store, place.key) else { return }
            entry.record.files[file].verifiedAt = now
        }
    }

    func recordDigests(_ digests: FileDigests, of id: UploadID, file: Int) async throws(CatalogError) {
        _ = try change(id, in: [.complete, .storing, .stored]) { entry in
            guard entry.record.files.indices.contains(file) else { return }
            let known = entry.record.files[file].digests
            entry.record.files[file].digests = FileDigests(
                sha256: known.sha256 ?? digests.sha256, crc64: known.crc64 ?? digests.crc64)
        }
    }

    func touch(_ id: UploadID, at now: Timestamp) async throws(CatalogError) {
        _ = try change(id, in: [.receiving, .complete]) { $0.record.touchedAt = now }
    }

    func beginStoring(_ id: UploadID, destinations: [Destination]) async throws(CatalogError) -> Bool {
        try open { state throws(CatalogError) in try state.beginStoring(id, destinations) }
    }

    func beginStoring(
        _ id: UploadID, from first: Int, destinations: @escaping @Sendable (Int) -> [Destination]
    ) async throws(CatalogError) -> Int? {
        try open { state throws(CatalogError) in
            let taken = state.entries.values.flatMap(\.paths)
            let number = FreeNumber.find(from: first) { number in
                destinations(number).allSatisfy { !taken.contains(Place($0.store, $0.key)) }
            }
            return try state.beginStoring(id, destinations(number)) ? number : nil
        }
    }

    func recordStoringSession(_ id: UploadID, file: Int, token: [UInt8], at now: Timestamp) async throws(CatalogError) {
        try open { state throws(CatalogError) in
            guard state.entries[id]?.record.state == .storing, state.entries[id]!.record.files.indices.contains(file)
            else { throw .failed("not storing") }
            state.entries[id]!.record.files[file].destination?.token = token
            if let destination = state.entries[id]!.record.files[file].destination {
                let place = Place(destination.store, destination.key)
                state.begun[place] = state.begun[place] ?? now
            }
        }
    }

    func finishStoring(_ id: UploadID, etags: [String?], at now: Timestamp) async throws(CatalogError) -> Bool {
        try open { state throws(CatalogError) in
            guard var entry = state.entries[id], entry.record.state == .storing else { return false }
            guard etags.count == entry.record.files.count else { throw .failed("count") }
            entry.record.state = .stored
            entry.record.storedAt = now
            entry.chunks = [:]
            if let replaced = entry.record.files[0].destination?.replaced?.upload {
                entry.paths = state.entries.removeValue(forKey: replaced)?.paths ?? []
            }
            for (number, etag) in etags.enumerated() {
                let destination = entry.record.files[number].destination!
                entry.record.files[number].store = destination.store
                entry.record.files[number].key = destination.key
                entry.record.files[number].etag = etag
                entry.record.files[number].destination = nil
            }
            state.entries[id] = entry
            return true
        }
    }

    func abandonStoring(_ id: UploadID, at now: Timestamp) async throws(CatalogError) -> Bool {
        try change(id, in: [.storing]) { entry in
            entry.record.state = .complete
            entry.record.touchedAt = now
            entry.paths = []
            for number in entry.record.files.indices { entry.record.files[number].destination = nil }
        }
    }

    func beginDeleting(
        _ id: UploadID, from states: Set<UploadState>, because end: UploadEnd, at now: Timestamp
    ) async throws(CatalogError) -> UploadRecord? {
        let before = try await upload(id)
        if let before, before.state == .stored, states.contains(.stored), try await replacement(of: id) != nil {
            throw .beingReplaced
        }
        let isDeleting = try change(id, in: states.union([.deleting])) { $0.record.state = .deleting }
        return isDeleting ? before : nil
    }

    func forget(_ id: UploadID) async throws(CatalogError) {
        try open { state throws(CatalogError) in
            if state.entries[id]?.record.state == .stored, state.replacement(of: id) != nil { throw .beingReplaced }
            _ = state.entries.removeValue(forKey: id)
        }
    }

    func replacement(of id: UploadID) async throws(CatalogError) -> UploadRecord? {
        try open { $0.replacement(of: id) }
    }

    func release(_ id: UploadID, at now: Timestamp) async throws(CatalogError) -> Bool {
        guard try await upload(id)?.state == .stored else { return false }
        try await forget(id)
        return true
    }

    func close() async { state.withLock { $0.isClosed = true } }
}

extension ModelCatalog.State {
    func usage(of owner: String) -> OwnerUsage { Self.usage(of: owner, in: entries.values.map(\.record)) }

    func arriving(from source: String) -> Int {
        entries.values.count { $0.record.state == .receiving && $0.source?.utf8.elementsEqual(source.utf8) ?? false }
    }

    static func usage(of owner: String, in records: [UploadRecord]) -> OwnerUsage {
        let theirs = records.filter { $0.owner?.utf8.elementsEqual(owner.utf8) ?? false }
        let sizes = theirs.flatMap { record in
            record.files.enumerated().map { $1.size ?? ($0 == 0 ? record.session?.received : nil) ?? 0 }
        }
        return OwnerUsage(
            uploads: theirs.count, inProgress: theirs.filter { $0.state == .receiving }.count,
            bytes: sizes.reduce(0) { $0 + min($1, 1 << 50) })
    }

    mutating func beginStoring(_ id: UploadID, _ destinations: [Destination]) throws(CatalogError) -> Bool {
        guard var entry = entries[id], entry.record.state == .complete else { return false }
        guard destinations.count == entry.record.files.count else { throw .failed("count") }
        if let replaced = destinations.lazy.compactMap(\.replaced).first {
            guard destinations.count == 1 else { throw .failed("several") }
            try replace(replaced, destinations[0], for: &entry)
        } else {
            try take(destinations, for: &entry)
        }
        entry.record.state = .storing
        for (number, destination) in destinations.enumerated() {
            entry.record.files[number].destination = destination
        }
        entries[id] = entry
        return true
    }

    func replacement(of id: UploadID) -> UploadRecord? {
        entries.values.first { $0.record.files[0].destination?.replaced?.upload == id }?.record
    }

    private mutating func replace(
        _ replaced: Replaced, _ place: Destination, for entry: inout ModelCatalog.Entry
    ) throws(CatalogError) {
        guard let id = replaced.upload else { return try take([place], for: &entry) }
        guard let holder = entries[id], holder.record.state == .stored,
            holder.paths == [ModelCatalog.Place(place.store, place.key)], holder.record.files.count == 1,
            replacement(of: id) == nil
        else { throw .pathTaken(store: place.store, key: place.key) }
    }

    mutating func take(_ places: [Destination], for entry: inout ModelCatalog.Entry) throws(CatalogError) {
        for destination in places {
            let place = ModelCatalog.Place(destination.store, destination.key)
            if entry.paths.contains(place) || entries.values.contains(where: { $0.paths.contains(place) }) {
                throw .pathTaken(store: destination.store, key: destination.key)
            }
            entry.paths.append(place)
        }
    }
}
