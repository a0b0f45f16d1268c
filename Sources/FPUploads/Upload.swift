public import FPCatalog

/// The name of an upload.
public typealias UploadID = FPCatalog.UploadID
/// Where an upload stands in its life.
public typealias UploadState = FPCatalog.UploadState
/// Which uploads a listing asks for.
public typealias UploadQuery = FPCatalog.UploadQuery
/// What one owner may have.
public typealias OwnerLimits = FPCatalog.OwnerLimits
/// What the bytes of a whole file are known by.
public typealias FileDigests = FPCatalog.FileDigests
/// A moment of the wall clock.
public typealias Timestamp = FPCatalog.Timestamp

/// An upload as a dialect may see it.
public struct Upload: Sendable {
    /// The name of the upload.
    public let id: UploadID
    /// Where the upload stands.
    public let state: UploadState
    /// When the id was given out.
    public let createdAt: Timestamp
    /// When the last byte was safe.
    public let completedAt: Timestamp?
    /// When the application's claim was fulfilled.
    public let storedAt: Timestamp?
    /// When the bytes of all files were last found to be those that arrived; `nil` for never since.
    public let verifiedAt: Timestamp?
    /// When a temporary upload goes if nobody shows an interest in it.
    public let expiresAt: Timestamp?
    /// The client's metadata: JSON text, as it was sent.
    public let metadata: String?
    /// Who uploaded.
    public let owner: String?
    /// The end of the last chunk that arrived whole, in bytes: where a dialect of ``ChunkKeeping/whole`` goes on.
    public let committed: UInt64
    /// How many bytes are safe, without a gap from the first on: where a dialect of ``ChunkKeeping/everySafeByte``
    /// goes on. More than ``committed`` after a chunk that was cut and kept as far as it came.
    public let received: UInt64
    /// The files, main file first. Never empty.
    public let files: [UploadFile]

    init(_ record: UploadRecord, expireAfter: Duration) {
        id = record.id
        state = record.state
        createdAt = record.createdAt
        completedAt = record.completedAt
        storedAt = record.storedAt
        verifiedAt = record.files[0].verifiedAt
        let isTemporary = record.state == .receiving || record.state == .complete
        expiresAt = isTemporary ? record.touchedAt.advanced(by: expireAfter) : nil
        metadata = record.metadata
        owner = record.owner
        committed = record.session?.committed ?? record.files[0].size ?? 0
        received = record.session?.received ?? record.files[0].size ?? 0
        files = record.files.map { UploadFile($0, isStored: record.state == .stored) }
    }
}

/// One file of an upload.
public struct UploadFile: Sendable {
    /// The client's name for the file.
    public let name: String
    /// The size in bytes, once it is known.
    public let size: UInt64?
    /// The media type, once the file is whole.
    public let contentType: String?
    /// The name of the store that has the file.
    public let store: String
    /// The path that the application chose, once the file is there.
    public let path: String?
    /// What the bytes that arrived are known by.
    public let digests: FileDigests

    init(_ record: FileRecord, isStored: Bool) {
        name = record.name
        size = record.size
        contentType = record.contentType
        store = record.store
        path = isStored ? record.key : nil
        digests = record.digests
    }
}
