/// What one owner may have; `nil` is no limit. Uploads without an owner have none.
public struct OwnerLimits: Sendable, Equatable {
    /// Bytes of all of the owner's uploads together, temporary ones and announced ones included.
    public var bytes: UInt64?
    /// Uploads.
    public var uploads: Int?
    /// Uploads that are arriving.
    public var inProgress: Int?

    /// Limits as given.
    public init(bytes: UInt64? = nil, uploads: Int? = nil, inProgress: Int? = nil) {
        self.bytes = bytes
        self.uploads = uploads
        self.inProgress = inProgress
    }

    /// Whether there is any limit.
    public var isSet: Bool { bytes != nil || uploads != nil || inProgress != nil }

    /// The first of the limits that what an owner has is beyond; `nil` if it is within them.
    public func exceeded(by usage: OwnerUsage) -> OwnerExcess? {
        if let uploads, usage.uploads > uploads { return .uploads(most: uploads) }
        if let bytes, usage.bytes > bytes { return .bytes(most: bytes) }
        if let inProgress, usage.inProgress > inProgress { return .inProgress(most: inProgress) }
        return nil
    }
}

/// What an owner has. An upload that is being deleted counts until its bytes are gone.
public struct OwnerUsage: Sendable, Equatable {
    /// Uploads in any state.
    public var uploads: Int
    /// Uploads that are receiving.
    public var inProgress: Int
    /// The bytes that the files have or are announced with, or that have arrived of those that are not.
    public var bytes: UInt64

    /// A usage as given; nothing unless told otherwise.
    public init(uploads: Int = 0, inProgress: Int = 0, bytes: UInt64 = 0) {
        self.uploads = uploads
        self.inProgress = inProgress
        self.bytes = bytes
    }
}

/// Which limit of its owner an upload goes beyond.
public enum OwnerExcess: Sendable, Equatable {
    /// That of the bytes.
    case bytes(most: UInt64)
    /// That of the uploads.
    case uploads(most: Int)
    /// That of the uploads which are arriving.
    case inProgress(most: Int)
}
