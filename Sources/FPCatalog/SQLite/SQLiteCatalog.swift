import Dispatch
package import FPFormats
import Glibc
import Logging
import Synchronization

/// The catalog in one SQLite file, for one host at a time.
///
/// All changes go through one connection, whose commits they share; reads have connections of their own and see every
/// change that returned before they were asked. No call blocks its thread for longer than a few rows take to read, and a
/// change only a thread that may block; none is given up because its task is cancelled: what it was asked to change is
/// changed or refused.
package final class SQLiteCatalog: Catalog {
    let changes: ChangeQueue
    let outcomes = OutcomeRecord()
    let log: SQLiteEventLog?
    private let lookups: ReaderSet
    private let scans: ReaderSet
    private let pageEnds = PageEnds()
    private let closing = Mutex<Task<Void, Never>?>(nil)
    private let cursorKey: [UInt8]
    private let countsOwners: Bool
    /// As ``Catalog/identity`` says.
    package let identity: CatalogIdentity
    /// As ``Catalog/events`` says.
    package var events: (any EventLog)? { log }
    private let logger: Logger

    /// Opens the catalog at a path; creates it, and the directories above it (for their owner only), if it is missing.
    /// - Parameters:
    ///   - path: the database file. SQLite keeps two more beside it (`-wal` and `-shm`), and the catalog a `.lock`.
    ///   - durability: what a change that returned survives.
    ///   - countsOwners: whether to keep what each owner has, as ``Catalogs/open(url:durability:countsOwners:receivers:program:logger:)``
    ///     says.
    ///   - receivers: who is told of events.
    ///   - program: the name and version of this program, for the sentence by which an older one refuses the database.
    ///   - logger: for what its operator should know.
    /// - Throws: ``CatalogError/inUse(_:)`` if another host has it open, ``CatalogError/tooNew(_:)`` if a newer fphost
    ///   wrote it, ``CatalogError/full(_:)`` and ``CatalogError/failed(_:)``.
    package static func open(
        path: String, durability: CatalogDurability, countsOwners: Bool = true, receivers: [EventReceiver] = [],
        program: String = "fphost", logger: Logger
    ) async throws(CatalogError) -> SQLiteCatalog {
        let outcome = await withCheckedContinuation {
            (caller: CheckedContinuation<Result<SQLiteCatalog, CatalogError>, Never>) in
            DispatchQueue.global().async {
                do throws(CatalogError) {
                    let file = try DatabaseFile.resolve(path)
                    let catalog = try SQLiteCatalog(
                        file, durability, countsOwners: countsOwners, receivers: receivers, program: program,
                        logger: logger)
                    caller.resume(returning: .success(catalog))
                } catch {
                    caller.resume(returning: .failure(error))
                }
            }
        }
        return try outcome.get()
    }

    private init(
        _ path: String, _ durability: CatalogDurability, countsOwners: Bool, receivers: [EventReceiver],
        program: String,
        logger: Logger
    ) throws(CatalogError) {
        self.countsOwners = countsOwners
        let lock = try CatalogLock(database: path)
        let othersPermissions = try DatabaseFile.create(path)
        if othersPermissions != 0 {
            logger.warning(
                "The catalog can be reached by other users of this machine; chmod 600 keeps them out.",
                metadata: ["path": "\(path)"]
            )
        }
        do {
            let writer = try Connections.writer(path, durability, program: program)
            try writer.keepOwners(countsOwners)
            writer.eventReceivers = receivers
            let secrets = try ["cursor key", "catalog id", "name key"].map { name in
                let value = try writer.first("SELECT value FROM about WHERE name = ?", name) { $0[0] as [UInt8] }
                guard let value, value.count == 16 else {
                    throw CatalogError.failed("The catalog \(path) is damaged: its \(name) is missing.")
                }
                return value
            }
            cursorKey = secrets[0]
            identity = CatalogIdentity(id: secrets[1], key: secrets[2], place: "\(Self.hostName):\(path)")
            lookups = ReaderSet(try Connections.readers(path, count: 2), catalog: path, outcomes)
            scans = ReaderSet(try Connections.readers(path, count: 2), catalog: path, outcomes)
            changes = try ChangeQueue(writer, outcomes, lock: lock)
            log = receivers.isEmpty ? nil : SQLiteEventLog(receivers, changes, scans)
        } catch {
            throw CatalogError(error, catalog: path)
        }
        self.logger = logger
        logger.info(
            "catalog open",
            metadata: ["path": "\(path)", "durability": "\(durability)", "schema": "\(Schema.version)"]
        )
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Finishes what was begun, moves everything into the database file itself and closes it. Every later call fails.
    package func close() async {
        let task = closing.withLock { closing in
            let task = closing ?? Task { await finish() }
            closing = task
            return task
        }
        await task.value
    }

    private func finish() async {
        // The writer is the last to go: SQLite then removes its log.
        await lookups.close()
        await scans.close()
        await changes.close { [logger] db in
            do {
                try db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            } catch {
                let error = CatalogError(error, catalog: db.path)
                logger.warning("The catalog was not closed cleanly; nothing is lost.", metadata: ["error": "\(error)"])
            }
        }
    }
}

// MARK: - Changes

extension SQLiteCatalog {
    /// As ``Catalog/insert(_:within:countedIn:from:)`` says.
    package func insert(
        _ upload: UploadRecord, within limits: OwnerLimits, countedIn count: UploadCount?, from source: UploadSource?
    ) async throws(CatalogError) {
        try upload.checkInsertable()
        try checkText(count?.name)
        try checkText(source?.name)
        try check(limits)
        try await changes.perform { db in
            try db.insert(upload, within: limits, from: source)
            if let count { try db.count(count) }
        }
        log?.wake()
    }

    /// Limits that nobody counts for would be no limits.
    private func check(_ limits: OwnerLimits) throws(CatalogError) {
        if limits.isSet, !countsOwners {
            throw .failed("The catalog was opened without keeping what owners have, so there can be no limits of it.")
        }
    }

    /// As ``Catalog/uncount(_:)`` says.
    package func uncount(_ name: String) async throws(CatalogError) {
        try await changes.perform { db in
            try db.run("UPDATE counts SET uploads = uploads - 1 WHERE name = ? AND uploads > 0", name)
        }
    }

    /// As ``Catalog/forgetCounts(before:)`` says.
    package func forgetCounts(before moment: Timestamp) async throws(CatalogError) {
        try await changes.perform { db in try db.run("DELETE FROM counts WHERE until < ?", moment) }
    }

    /// As ``Catalog/advance(_:by:within:)`` says.
    package func advance(
        _ id: UploadID, by change: ChunkArrival, within limits: OwnerLimits
    ) async throws(CatalogError) -> Bool {
        try checkText(change.name)
        if let token = change.token { try checkToken(token) }
        try check(limits)
        return try await changes.perform { db in try db.advance(id, by: change, within: limits) }
    }

    /// As ``Catalog/rewind(_:to:at:)`` says.
    package func rewind(_ id: UploadID, to offset: UInt64, at now: Timestamp) async throws(CatalogError) -> Bool {
        try await changes.perform { db in try db.rewind(id, to: offset, at: now) }
    }

    /// As ``Catalog/complete(_:file:chunk:at:)`` says.
    package func complete(_ id: UploadID, file: FileRecord, chunk: ChunkRecord?, at now: Timestamp)
        async throws(CatalogError) -> Bool
    {
        try file.check()
        return try await telling { db in try db.complete(id, file: file, chunk: chunk, at: now) }
    }

    /// As ``Catalog/beginAgain(_:file:token:at:)`` says.
    package func beginAgain(_ id: UploadID, file: FileRecord, token: [UInt8], at now: Timestamp)
        async throws(CatalogError) -> Bool
    {
        try file.check()
        try checkToken(token)
        return try await telling { db in try db.beginAgain(id, file: file, token: token, at: now) }
    }

    /// As ``Catalog/recordDigests(_:of:file:)`` says.
    package func recordDigests(_ digests: FileDigests, of id: UploadID, file: Int) async throws(CatalogError) {
        try await changes.perform { db in try db.recordDigests(digests, of: id, file: file) }
    }

    /// As ``Catalog/recordVerification(of:file:in:at:)`` says.
    package func recordVerification(
        of id: UploadID, file: Int, in place: Destination, at now: Timestamp
    ) async throws(CatalogError) {
        try await changes.perform { db in try db.recordVerification(of: id, file: file, in: place, at: now) }
    }

    /// As ``Catalog/touch(_:at:)`` says.
    package func touch(_ id: UploadID, at now: Timestamp) async throws(CatalogError) {
        try await changes.perform { db in try db.touch(id, at: now) }
    }

    /// As ``Catalog/beginStoring(_:destinations:)`` says.
    package func beginStoring(_ id: UploadID, destinations: [Destination]) async throws(CatalogError) -> Bool {
        for destination in destinations { try destination.check() }
        return try await changes.perform { db in try db.beginStoring(id, destinations: destinations) }
    }

    /// As ``Catalog/beginStoring(_:from:destinations:)`` says.
    package func beginStoring(
        _ id: UploadID, from first: Int, destinations: @escaping @Sendable (Int) -> [Destination]
    ) async throws(CatalogError) -> Int? {
        for destination in destinations(first) { try destination.check() }
        return try await changes.perform { db in
            try db.beginStoring(id, from: first, destinations: destinations)
        }
    }

    /// As ``Catalog/recordStoringSession(_:file:token:at:)`` says.
    package func recordStoringSession(_ id: UploadID, file: Int, token: [UInt8], at now: Timestamp)
        async throws(CatalogError)
    {
        try checkToken(token)
        try await changes.perform { db in try db.recordStoringSession(id, file: file, token: token, at: now) }
    }

    /// As ``Catalog/finishStoring(_:etags:at:)`` says.
    package func finishStoring(_ id: UploadID, etags: [String?], at now: Timestamp) async throws(CatalogError) -> Bool {
        for etag in etags { try checkText(etag) }
        return try await telling { db in try db.finishStoring(id, etags: etags, at: now) }
    }

    /// As ``Catalog/abandonStoring(_:at:)`` says.
    package func abandonStoring(_ id: UploadID, at now: Timestamp) async throws(CatalogError) -> Bool {
        try await changes.perform { db in try db.abandonStoring(id, at: now) }
    }

    /// As ``Catalog/beginDeleting(_:from:because:at:)`` says.
    package func beginDeleting(
        _ id: UploadID, from states: Set<UploadState>, because end: UploadEnd, at now: Timestamp
    ) async throws(CatalogError) -> UploadRecord? {
        try await telling { db in try db.beginDeleting(id, from: states, because: end, at: now) }
    }

    /// As ``Catalog/forgetBegunWrites(in:before:except:)`` says.
    package func forgetBegunWrites(in store: String, before moment: Timestamp, except keys: Set<TextKey>)
        async throws(CatalogError)
    {
        guard isText(store) else { return }
        try await changes.perform { db in try db.forgetBegunWrites(in: store, before: moment, except: keys) }
    }

    /// As ``Catalog/forget(_:)`` says.
    package func forget(_ id: UploadID) async throws(CatalogError) {
        try await changes.perform { db in try db.forget(id) }
    }

    /// As ``Catalog/release(_:at:)`` says.
    package func release(_ id: UploadID, at now: Timestamp) async throws(CatalogError) -> Bool {
        try await telling { db in try db.release(id, at: now) }
    }

    /// Makes a change that may have written an event.
    private func telling<Value: Sendable>(
        _ change: @escaping @Sendable (Connection) throws -> Value
    ) async throws(CatalogError) -> Value {
        let value = try await changes.perform(change)
        log?.wake()
        return value
    }
}

// MARK: - Reads

extension SQLiteCatalog {
    /// As ``Catalog/upload(_:)`` says.
    package func upload(_ id: UploadID) async throws(CatalogError) -> UploadRecord? {
        try await lookups.performHere { db in try db.record(id) }
    }

    /// As ``Catalog/upload(store:key:)`` says.
    package func upload(store: String, key: String) async throws(CatalogError) -> UploadRecord? {
        guard isText(store), isText(key) else { return nil }
        return try await lookups.performHere { db in try db.stored(store, key) }
    }

    /// As ``Catalog/replacement(of:)`` says.
    package func replacement(of id: UploadID) async throws(CatalogError) -> UploadRecord? {
        try await lookups.performHere { db in try db.replacement(of: id) }
    }

    /// As ``Catalog/chunk(of:at:)`` says.
    package func chunk(of id: UploadID, at offset: UInt64) async throws(CatalogError) -> ChunkRecord? {
        try await lookups.performHere { db in try db.chunk(of: id, at: offset) }
    }

    /// As ``Catalog/usage(of:)`` says.
    package func usage(of owner: String) async throws(CatalogError) -> OwnerUsage {
        guard isText(owner) else { return OwnerUsage() }
        guard countsOwners else {
            throw .failed("The catalog was opened without keeping what owners have, so nobody knows it.")
        }
        return try await lookups.performHere { db in try db.usage(of: owner) }
    }

    /// As ``Catalog/inProgress(from:countingTo:)`` says.
    package func inProgress(from source: String, countingTo most: Int) async throws(CatalogError) -> Int {
        guard isText(source) else { return 0 }
        return try await lookups.performHere { db in try db.inProgress(from: source, countingTo: max(0, most)) }
    }

    /// As ``Catalog/counted(in:)`` says.
    package func counted(in name: String) async throws(CatalogError) -> Int64 {
        guard isText(name) else { return 0 }
        return try await lookups.performHere { db in try db.counted(in: name) }
    }

    /// As ``Catalog/uploads(matching:)`` says.
    package func uploads(matching query: UploadQuery) async throws(CatalogError) -> UploadPage {
        let key = cursorKey
        let after: ListingCursor?
        if let cursor = query.cursor { after = try ListingCursor(cursor, for: query, key: key) } else { after = nil }
        let limit = min(max(query.limit, 1), 1000)
        return try await scans.perform { db in
            try db.inSnapshot {
                let numbers = try Listing(query, after: after).numbers(db, limit: limit + 1)
                var uploads: [UploadRecord] = []
                var size = 0
                for number in numbers.prefix(limit) where size < query.maxBytes ?? .max {
                    let upload = try db.record(number: number, withMetadata: query.includesMetadata)
                    size += upload.roughSize
                    uploads.append(upload)
                }
                guard numbers.count > uploads.count, let last = uploads.last else {
                    return UploadPage(uploads: uploads, next: nil)
                }
                let end = ListingCursor(createdAt: last.createdAt, id: last.id)
                return UploadPage(uploads: uploads, next: end.text(for: query, key: key))
            }
        }
    }

    /// As ``Catalog/expired(before:limit:)`` says.
    package func expired(before moment: Timestamp, limit: Int) async throws(CatalogError) -> [UploadRecord] {
        try await scans.perform { db in try db.expired(before: moment, limit: limit) }
    }

    /// As ``Catalog/uploads(in:after:limit:)`` says.
    package func uploads(in states: Set<UploadState>, after: UploadID?, limit: Int) async throws(CatalogError)
        -> [UploadRecord]
    {
        var query = UploadQuery()
        query.states = states
        let listed = query
        let remembered = after.flatMap { pageEnds.position(of: $0) }
        let uploads = try await scans.perform { db in
            try db.inSnapshot {
                let start = try after.flatMap { try db.position(of: $0) } ?? remembered
                return try Listing(listed, after: start).numbers(db, limit: max(0, limit)).map(db.record(number:))
            }
        }
        if let last = uploads.last { pageEnds.remember(ListingCursor(createdAt: last.createdAt, id: last.id)) }
        return uploads
    }

    /// As ``Catalog/known(keys:in:)`` says.
    package func known(keys: [String], in store: String) async throws(CatalogError) -> Set<TextKey> {
        guard isText(store) else { return [] }
        return try await scans.perform { db in try db.known(keys: keys.filter(isText), in: store) }
    }

    /// As ``Catalog/known(tokens:)`` says.
    package func known(tokens: [[UInt8]]) async throws(CatalogError) -> Set<[UInt8]> {
        try await scans.perform { db in try db.known(tokens: tokens) }
    }

    /// As ``Catalog/begunWrites(to:in:)`` says.
    package func begunWrites(to keys: [String], in store: String) async throws(CatalogError) -> [TextKey: Timestamp] {
        guard isText(store) else { return [:] }
        return try await scans.perform { db in try db.begunWrites(to: keys.filter(isText), in: store) }
    }

    /// As ``Catalog/storesWithBegunWrites(before:)`` says.
    package func storesWithBegunWrites(before moment: Timestamp) async throws(CatalogError) -> Set<String> {
        try await scans.perform { db in try db.storesWithBegunWrites(before: moment) }
    }

    /// As ``Catalog/storesInUse()`` says.
    package func storesInUse() async throws(CatalogError) -> [String: Int] {
        try await scans.perform { db in try db.storesInUse() }
    }

    /// As ``Catalog/counts()`` says.
    package func counts() async throws(CatalogError) -> [UploadState: Int] {
        try await scans.perform { db in try db.counts() }
    }
}
