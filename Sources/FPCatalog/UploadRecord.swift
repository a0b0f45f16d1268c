/// Where an upload stands in its life; see docs/architecture.md.
public enum UploadState: String, Sendable, CaseIterable {
    /// Bytes are arriving in a resumable write session of the staging store.
    case receiving
    /// Every file is whole in the staging store, and no application has claimed the upload.
    case complete
    /// The application claimed the upload; its files are on their way to their destinations.
    case storing
    /// Every file is at its destination and lives until it is deleted.
    case stored
    /// The upload is gone for every reader; its bytes are being removed.
    case deleting
}

/// One upload as the catalog knows it.
public struct UploadRecord: Sendable, Equatable {
    /// The name of the upload.
    public var id: UploadID
    /// Where the upload stands.
    public var state: UploadState
    /// When the id was given out.
    public var createdAt: Timestamp
    /// The last sign of interest in a temporary upload; expiry counts from here.
    public var touchedAt: Timestamp
    /// When the last byte of a temporary upload was safe.
    public var completedAt: Timestamp?
    /// When the application's claim was fulfilled.
    public var storedAt: Timestamp?
    /// The client's metadata: the JSON text as it was sent.
    public var metadata: String?
    /// Who uploaded, as the authenticator named them; `nil` for nobody in particular.
    public var owner: String?
    /// The files, main file first. Never empty.
    public var files: [FileRecord]
    /// The write session of ``files``' first member while the upload is ``UploadState/receiving``.
    public var session: WriteSession?
    /// What was agreed of this upload when it began; `nil` for nothing. It never changes.
    public var terms: UploadTerms?

    /// Makes a record as given.
    public init(
        id: UploadID, state: UploadState, createdAt: Timestamp, touchedAt: Timestamp, completedAt: Timestamp? = nil,
        storedAt: Timestamp? = nil, metadata: String? = nil, owner: String? = nil, files: [FileRecord],
        session: WriteSession? = nil, terms: UploadTerms? = nil
    ) {
        self.id = id
        self.state = state
        self.createdAt = createdAt
        self.touchedAt = touchedAt
        self.completedAt = completedAt
        self.storedAt = storedAt
        self.metadata = metadata
        self.owner = owner
        self.files = files
        self.session = session
        self.terms = terms
    }
}

/// One file of an upload.
public struct FileRecord: Sendable, Equatable {
    /// The client's name for the file, as text and not as a path; empty until the client tells it.
    public var name: String
    /// The size in bytes; `nil` while the client has not told it.
    public var size: UInt64?
    /// The media type that the host found from the bytes or the name; `nil` before the file is whole.
    public var contentType: String?
    /// The store's version tag of the whole file.
    public var etag: String?
    /// The name of the store that holds the file now.
    public var store: String
    /// The object key in that store.
    public var key: String
    /// Where the file is going while the upload is ``UploadState/storing``.
    public var destination: Destination?
    /// What the bytes that arrived are known by.
    public var digests: FileDigests
    /// When the bytes were last compared with ``digests``; `nil` if they were not since they arrived.
    public var verifiedAt: Timestamp?

    /// Makes a record as given.
    public init(
        name: String, size: UInt64?, contentType: String? = nil, etag: String? = nil, store: String, key: String,
        destination: Destination? = nil, digests: FileDigests = FileDigests(), verifiedAt: Timestamp? = nil
    ) {
        self.name = name
        self.size = size
        self.contentType = contentType
        self.etag = etag
        self.store = store
        self.key = key
        self.destination = destination
        self.digests = digests
        self.verifiedAt = verifiedAt
    }
}

/// What the bytes of a whole file are known by. They never change once they are known.
public struct FileDigests: Sendable, Equatable {
    /// The 32 bytes of SHA-256; `nil` while it is not known.
    public var sha256: [UInt8]?
    /// CRC-64/NVME; `nil` while it is not known.
    public var crc64: UInt64?

    /// Makes digests as given.
    public init(sha256: [UInt8]? = nil, crc64: UInt64? = nil) {
        self.sha256 = sha256
        self.crc64 = crc64
    }
}

/// Where a file goes when its upload is stored, with what it takes to finish or undo that after a crash.
public struct Destination: Sendable, Equatable {
    /// The name of the store that takes the file.
    public var store: String
    /// The object key there.
    public var key: String
    /// The write session that carries the bytes, where they are streamed.
    public var token: [UInt8]?
    /// What gives way to the file; `nil` where the key has to be free.
    public var replaced: Replaced?

    /// Makes a destination as given.
    public init(store: String, key: String, token: [UInt8]? = nil, replaced: Replaced? = nil) {
        self.store = store
        self.key = key
        self.token = token
        self.replaced = replaced
    }
}

/// What a file takes the place of.
public struct Replaced: Sendable, Equatable {
    /// The stored upload that is there; `nil` where there is none, whatever the store may have there.
    public var upload: UploadID?
    /// The version tag that the store gave what was there; `nil` where nothing was.
    public var etag: String?

    /// Makes it as given.
    public init(upload: UploadID?, etag: String?) {
        self.upload = upload
        self.etag = etag
    }
}

/// The resumable write session behind a receiving upload.
public struct WriteSession: Sendable, Equatable {
    /// The staging store's name for the session.
    public var token: [UInt8]
    /// The end of the last chunk that arrived whole, in bytes.
    public var committed: UInt64
    /// How many bytes are safe in the store, without a gap from the first on. More than ``committed`` where the last
    /// chunk was cut and its dialect keeps what came of it; never less.
    public var received: UInt64
    /// What it takes to go on with the file's digests at ``received``; `nil` before the first byte, and if it is not known.
    public var digest: [UInt8]?

    /// Makes a session as given.
    /// - Parameter received: `nil` for as many bytes as are ``committed``.
    public init(token: [UInt8], committed: UInt64, received: UInt64? = nil, digest: [UInt8]? = nil) {
        self.token = token
        self.committed = committed
        self.received = received ?? committed
        self.digest = digest
    }
}

/// A chunk that arrived whole: what it takes to recognise its replay.
public struct ChunkRecord: Sendable, Equatable {
    /// The offset of the first byte in the file.
    public var offset: UInt64
    /// The number of bytes.
    public var length: UInt64
    /// The CRC-64/NVME of the bytes.
    public var fingerprint: UInt64

    /// Makes a record as given.
    public init(offset: UInt64, length: UInt64, fingerprint: UInt64) {
        self.offset = offset
        self.length = length
        self.fingerprint = fingerprint
    }
}
