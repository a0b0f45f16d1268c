public import FPFormats

/// The database of uploads.
///
/// Every method is one atomic change or one consistent read. A method that changes returns only when the change
/// survives a crash of the process, and a crash of the machine where the catalog was opened for that. Changes that
/// name a state take effect only on an upload that is in it, so that two callers cannot both win.
///
/// What no database keeps is refused with ``CatalogError/failed(_:)``: a text with a NUL character, an empty token, a
/// size or an offset beyond 63 bits, a list that does not match the upload's files.
public protocol Catalog: Sendable {
    /// The id and the key by which the catalog recognises what it made.
    var identity: CatalogIdentity { get }

    /// The events, in a catalog that was opened with receivers for them; `nil` in one that writes none.
    var events: (any EventLog)? { get }

    /// Adds an upload, in any state but ``UploadState/deleting``. A receiving one has one file and a session, any other
    /// has no session; every file of a storing one has a destination, and no other file has.
    /// - Parameters:
    ///   - limits: what the upload's owner may have with it. However many come at once, those that get in are within them.
    ///   - count: what else the upload is counted in; it stays counted when it is gone.
    ///   - source: where the upload comes from, if that is limited.
    /// - Throws: ``CatalogError/pathTaken(store:key:)`` if the record is stored, or going to be, at a path that is taken;
    ///   ``CatalogError/ownerExcess(_:)``; ``CatalogError/usedUp`` if as many uploads as may be are counted already;
    ///   ``CatalogError/sourceExcess(most:)``.
    func insert(
        _ upload: UploadRecord, within limits: OwnerLimits, countedIn count: UploadCount?, from source: UploadSource?
    ) async throws(CatalogError)

    /// The upload with that id, whatever its state; `nil` if there is none.
    func upload(_ id: UploadID) async throws(CatalogError) -> UploadRecord?

    /// The stored upload that has a file at that place; `nil` if there is none.
    func upload(store: String, key: String) async throws(CatalogError) -> UploadRecord?

    /// The upload that takes the place of that one, and has not finished; `nil` if there is none.
    func replacement(of id: UploadID) async throws(CatalogError) -> UploadRecord?

    /// One page of the uploads that match, ordered by creation time and id.
    func uploads(matching query: UploadQuery) async throws(CatalogError) -> UploadPage

    /// Writes down what arrived of a chunk: the session's new offsets, what the chunk told of the file, a fresher token
    /// if there is one, and a chunk that arrived whole itself, in the place of one with the same offset. Renews the
    /// time from which expiry counts.
    /// - Parameter limits: what the upload's owner may have with what is new of it; only the bytes are looked at.
    /// - Returns: `false`, and nothing has changed, if the upload is not receiving.
    /// - Throws: ``CatalogError/ownerExcess(_:)``
    func advance(
        _ id: UploadID, by change: ChunkArrival, within limits: OwnerLimits
    ) async throws(CatalogError) -> Bool

    /// Takes a receiving upload back to an offset: what is committed and what is received fall to it (and never rise),
    /// and the records of chunks that end beyond it go. The session's digest becomes what it was at the end of the chunk
    /// that ends there, if one does. Renews the time from which expiry counts.
    /// - Returns: `false`, and nothing has changed, if the upload is not receiving.
    func rewind(_ id: UploadID, to offset: UInt64, at now: Timestamp) async throws(CatalogError) -> Bool

    /// The chunk that starts at that offset, if it arrived whole and is still on record.
    func chunk(of id: UploadID, at offset: UInt64) async throws(CatalogError) -> ChunkRecord?

    /// Turns a receiving upload into a complete one: `file` replaces its only file, `chunk` (the last one) is added
    /// to its chunks, the session goes. Expiry counts from `now`.
    /// - Returns: `false`, and nothing has changed, if the upload is not receiving.
    func complete(_ id: UploadID, file: FileRecord, chunk: ChunkRecord?, at now: Timestamp) async throws(CatalogError)
        -> Bool

    /// Takes an upload of one file whose staged bytes are gone back to its beginning: it is receiving, at 0, in the session
    /// given, `file` replaces its only file, and its chunks go. Expiry counts from `now`.
    /// - Returns: `false`, and nothing has changed, if the upload is neither receiving nor complete, or has more files.
    func beginAgain(_ id: UploadID, file: FileRecord, token: [UInt8], at now: Timestamp) async throws(CatalogError)
        -> Bool

    /// Writes down what the bytes of one file (by its position) of a whole upload are known by, as far as that is not on
    /// record yet. Does nothing if there is no such upload.
    func recordDigests(_ digests: FileDigests, of id: UploadID, file: Int) async throws(CatalogError)

    /// Writes down when the bytes of one file (by its position) of a whole upload were compared with what they are known
    /// by. Does nothing if the file is not in that place any more.
    func recordVerification(
        of id: UploadID, file: Int, in place: Destination, at now: Timestamp
    ) async throws(CatalogError)

    /// Renews the time from which a temporary upload's expiry counts. Does nothing for any other.
    func touch(_ id: UploadID, at now: Timestamp) async throws(CatalogError)

    /// Turns a complete upload into a storing one, with a destination for each of its files, in their order.
    /// - Returns: `false`, and nothing has changed, if the upload is not complete.
    /// - Throws: ``CatalogError/pathTaken(store:key:)`` if a file of another storing or stored upload has, or is
    ///   going to, one of those places, or two of the destinations are the same. An upload that is being deleted keeps
    ///   the paths that it had until it is forgotten: its bytes may still be removed from there. A destination that
    ///   replaces is that of an upload's only file, and may be the path of the stored upload that it names, of one file
    ///   too and not being replaced already; that one keeps the path until ``finishStoring(_:etags:at:)``.
    func beginStoring(_ id: UploadID, destinations: [Destination]) async throws(CatalogError) -> Bool

    /// As ``beginStoring(_:destinations:)``, with destinations that have a number: a free one is found in the same
    /// change, as ``FreeNumber`` does, so that of many callers each gets one at the first try.
    /// - Parameters:
    ///   - first: the lowest number to take.
    ///   - destinations: a number's destinations. Not those of another, unless nothing has room for numbers.
    /// - Returns: the number whose destinations were taken; `nil`, and nothing has changed, if the upload is not complete.
    func beginStoring(
        _ id: UploadID, from first: Int, destinations: @escaping @Sendable (_ number: Int) -> [Destination]
    ) async throws(CatalogError) -> Int?

    /// Writes down the write session that carries one file (by its position) of a storing upload, and, for
    /// ``begunWrites(to:in:)``, that this catalog's host writes to the file's destination.
    /// - Throws: ``CatalogError/failed(_:)`` if the upload is not storing, or has no such file.
    func recordStoringSession(_ id: UploadID, file: Int, token: [UInt8], at now: Timestamp) async throws(CatalogError)

    /// Turns a storing upload into a stored one: each file's destination becomes its place, with the etags given, in
    /// the files' order. Its chunk records go, and so does an upload that it replaces.
    /// - Returns: `false`, and nothing has changed, if the upload is not storing.
    func finishStoring(_ id: UploadID, etags: [String?], at now: Timestamp) async throws(CatalogError) -> Bool

    /// Turns a storing upload back into a complete one, without destinations. Expiry counts from `now`.
    /// - Returns: `false`, and nothing has changed, if the upload is not storing.
    func abandonStoring(_ id: UploadID, at now: Timestamp) async throws(CatalogError) -> Bool

    /// Marks an upload as being deleted if it is in one of the states given; one that is already deleting is
    /// returned again, whatever the reason was.
    /// - Returns: the record as it was before, or `nil`, and nothing has changed, if there is none in those states.
    /// - Throws: ``CatalogError/beingReplaced`` of a stored upload.
    func beginDeleting(
        _ id: UploadID, from states: Set<UploadState>, because end: UploadEnd, at now: Timestamp
    ) async throws(CatalogError) -> UploadRecord?

    /// Forgets an upload, with its files and chunks. Does nothing if there is none.
    /// - Throws: ``CatalogError/beingReplaced`` of a stored upload.
    func forget(_ id: UploadID) async throws(CatalogError)

    /// Forgets a stored upload whose files stay where they are.
    /// - Returns: `false`, and nothing has changed, if the upload is not stored.
    /// - Throws: ``CatalogError/beingReplaced``
    func release(_ id: UploadID, at now: Timestamp) async throws(CatalogError) -> Bool

    /// Receiving and complete uploads last touched before that moment, oldest first.
    func expired(before moment: Timestamp, limit: Int) async throws(CatalogError) -> [UploadRecord]

    /// Uploads that a stop left half way: those in one of these states, oldest first, after `after`.
    /// - Parameter after: the last upload of the page before, even if it has been forgotten since then. Of any other id
    ///   that is not in the catalog nobody knows the place, and the list begins with the oldest.
    func uploads(in states: Set<UploadState>, after: UploadID?, limit: Int) async throws(CatalogError)
        -> [UploadRecord]

    /// Which of these keys of one store belong to an upload, as its place or its destination.
    func known(keys: [String], in store: String) async throws(CatalogError) -> Set<TextKey>

    /// Which of these write sessions belong to an upload.
    func known(tokens: [[UInt8]]) async throws(CatalogError) -> Set<[UInt8]>

    /// Which of these keys of one store ``recordStoringSession(_:file:token:at:)`` has named since they were last
    /// forgotten, each with the time when that was first. Unfinished write sessions of any other key are somebody else's.
    func begunWrites(to keys: [String], in store: String) async throws(CatalogError) -> [TextKey: Timestamp]

    /// The names of the stores to which writes were begun before that moment.
    func storesWithBegunWrites(before moment: Timestamp) async throws(CatalogError) -> Set<String>

    /// Forgets the writes to one store that were begun before that moment, but for those keys and for the destinations of
    /// storing uploads.
    func forgetBegunWrites(in store: String, before moment: Timestamp, except keys: Set<TextKey>)
        async throws(CatalogError)

    /// How many uploads are counted under a name; 0 where none are.
    func counted(in name: String) async throws(CatalogError) -> Int64

    /// Takes one upload off a count: one that its client has never heard of. Does nothing where none is counted.
    func uncount(_ name: String) async throws(CatalogError)

    /// Forgets the counts whose time was over before that moment.
    func forgetCounts(before moment: Timestamp) async throws(CatalogError)

    /// The names of the stores in which uploads have files, or are about to, with the number of files.
    func storesInUse() async throws(CatalogError) -> [String: Int]

    /// How many uploads are arriving from a source; of more than `most`, `most`.
    func inProgress(from source: String, countingTo most: Int) async throws(CatalogError) -> Int

    /// What an owner has, in a catalog that was opened to keep that.
    func usage(of owner: String) async throws(CatalogError) -> OwnerUsage

    /// The number of uploads in each state; a state without uploads may be missing.
    func counts() async throws(CatalogError) -> [UploadState: Int]

    /// What keeps the catalog from being changed or read, as far as its last calls have shown; asks the database with a
    /// small change of its own if none was made lately, or if the last one failed.
    func trouble() async -> CatalogTrouble?

    /// Finishes what was begun and closes the database. Every later call fails.
    func close() async
}

extension Catalog {
    /// Adds an upload whose owner may have any number of them.
    public func insert(_ upload: UploadRecord) async throws(CatalogError) {
        try await insert(upload, within: OwnerLimits(), countedIn: nil, from: nil)
    }

    /// Adds an upload that is counted in nothing else.
    public func insert(_ upload: UploadRecord, within limits: OwnerLimits) async throws(CatalogError) {
        try await insert(upload, within: limits, countedIn: nil, from: nil)
    }

    /// Writes down what arrived of a chunk of an upload whose owner may have any number of bytes.
    public func advance(_ id: UploadID, by change: ChunkArrival) async throws(CatalogError) -> Bool {
        try await advance(id, by: change, within: OwnerLimits())
    }
}

/// Why a catalog cannot do its work at the moment.
public struct CatalogTrouble: Sendable, Equatable {
    /// What is wrong.
    public enum Kind: Sendable, Equatable {
        /// There is no room for changes.
        case full
        /// The database is damaged; reopening does not repair it.
        case damaged
        /// Changes or reads fail for another reason.
        case failing
    }

    /// What is wrong.
    public var kind: Kind
    /// One sentence for the operator.
    public var reason: String
    /// Since when.
    public var since: Timestamp

    /// Makes a trouble as given.
    public init(_ kind: Kind, reason: String, since: Timestamp) {
        self.kind = kind
        self.reason = reason
        self.since = since
    }
}

/// What a chunk changes in a receiving upload.
public struct ChunkArrival: Sendable, Equatable {
    /// How much of the chunk is safe.
    public enum Extent: Sendable, Equatable {
        /// All of it: what is committed and what is received are now its end.
        case whole(ChunkRecord)
        /// A part, which leaves what is committed as it is: what is received rises to this offset, and never falls.
        case part(upTo: UInt64)
    }

    /// How much of the chunk is safe.
    public var extent: Extent
    /// The file's whole size, if it is known by now; `nil` changes nothing.
    public var size: UInt64?
    /// The file's name, if it is known by now; an empty one changes nothing.
    public var name: String
    /// A token that resumes faster than the one on record.
    public var token: [UInt8]?
    /// What it takes to go on with the file's digests at the new end of what is received; `nil` if that is not known.
    public var digest: [UInt8]?
    /// The time of arrival.
    public var arrivedAt: Timestamp

    /// Makes a change as given.
    public init(
        _ extent: Extent, size: UInt64?, name: String, token: [UInt8]?, digest: [UInt8]? = nil, arrivedAt: Timestamp
    ) {
        self.extent = extent
        self.size = size
        self.name = name
        self.token = token
        self.digest = digest
        self.arrivedAt = arrivedAt
    }
}

/// Which uploads a listing asks for. Fields that are `nil` do not restrict it.
public struct UploadQuery: Sendable, Equatable {
    /// The states to list; deleting uploads are listed only if they are named here.
    public var states: Set<UploadState>?
    /// Uploads with a file in this store.
    public var store: String?
    /// Uploads with a file whose key in its store starts with these bytes: in ``store``, if that is given too.
    public var keyPrefix: String?
    /// Uploads whose main file has exactly this name.
    public var name: String?
    /// Uploads of this owner.
    public var owner: String?
    /// Uploads created at or after this moment.
    public var createdFrom: Timestamp?
    /// Uploads created before this moment.
    public var createdBefore: Timestamp?
    /// Uploads whose main file's bytes were not compared with what they are known by at or after this moment.
    public var verifiedBefore: Timestamp?
    /// Newest first instead of oldest first.
    public var newestFirst = false
    /// Where the page before this one ended.
    public var cursor: String?
    /// The most uploads in a page, from 1 to 1000; what is outside counts as the nearest of them.
    public var limit = 100
    /// About the most bytes in a page, which then ends after the upload that goes beyond them; `nil` for any number.
    public var maxBytes: Int?
    /// Whether the uploads come with their metadata; without, it is `nil`.
    public var includesMetadata = true

    /// A query for everything but what is being deleted.
    public init() {}
}

/// One page of a listing.
public struct UploadPage: Sendable, Equatable {
    /// The uploads, in order.
    public var uploads: [UploadRecord]
    /// What to put in ``UploadQuery/cursor`` for the next page; `nil` after the last.
    public var next: String?

    /// Makes a page as given.
    public init(uploads: [UploadRecord], next: String?) {
        self.uploads = uploads
        self.next = next
    }
}

/// Why the catalog could not do what it was asked.
public enum CatalogError: Error, Equatable {
    /// Another upload has a file there or is about to put one there.
    case pathTaken(store: String, key: String)
    /// Another upload is taking the place of this one, whose bytes may be gone.
    case beingReplaced
    /// The upload's owner would have more than the limits say.
    case ownerExcess(OwnerExcess)
    /// As many uploads as may be are counted already.
    case usedUp
    /// More uploads than that would be arriving from one source.
    case sourceExcess(most: Int)
    /// The cursor is not one that a listing with this query returned.
    case badCursor
    /// Another host has the database open.
    case inUse(String)
    /// The database was written by a newer fphost; the sentence says by which.
    case tooNew(String)
    /// The disk or the quota of the database is exhausted.
    case full(String)
    /// The database cannot be read or written as things are: its disk fails, is read-only or is away, or another program
    /// has it locked.
    case unavailable(String)
    /// Anything else, for the operator's log.
    case failed(String)

    /// What went wrong, as a sentence for the operator.
    public var sentence: String {
        switch self {
        case .inUse(let text), .tooNew(let text), .full(let text), .unavailable(let text), .failed(let text): text
        case .beingReplaced: "Another upload is taking the place of this one."
        case .pathTaken(let store, let key): "Another upload has the path \(key) in the store \(store)."
        case .ownerExcess: "The owner of the upload would have more than they may."
        case .sourceExcess: "More uploads than may be would be arriving from one source."
        case .usedUp: "As many uploads as may be are counted already."
        case .badCursor: "The cursor is not one that this listing returned."
        }
    }
}
