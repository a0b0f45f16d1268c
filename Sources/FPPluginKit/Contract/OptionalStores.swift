/// A store whose writes can be resumed by another process: fills `write_resume`, `write_sync` and `write_discard`.
public protocol ResumableStore: PluginStore {
    /// Goes on with a session.
    /// - Throws: `.gone` for an unknown token, `.conflict` while another writer is alive, `.range` for an offset that
    ///   is not durable.
    func resumeWrite(_ request: ResumeRequest, _ call: borrowing Call) throws(PluginError) -> ResumedWrite

    /// Aborts a session; an unknown token counts as aborted.
    func discardWrite(_ token: [UInt8], _ call: borrowing Call) throws(PluginError)
}

/// A store that lists its objects: fills `list`.
public protocol ListingStore: PluginStore {
    /// Hands entries to `emit` until it returns false, the page is full or the list ends.
    /// - Returns: a cursor after the last entry handed out, at most 2048 bytes; nil at the end of the list.
    func list(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> [UInt8]?
}

/// A store that lists its unfinished sessions: fills `list_pending`.
public protocol PendingListingStore: ResumableStore {
    /// Hands sessions to `emit` until it returns false, the page is full or the list ends.
    /// - Returns: a cursor after the last entry handed out, at most 2048 bytes; nil at the end of the list.
    func listPending(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (PendingEntry) -> Bool
    ) throws(PluginError) -> [UInt8]?
}

/// A store that copies or moves its objects by itself: fills `copy`.
public protocol CopyingStore: PluginStore {
    /// Copies or moves. Where it cannot for this pair, `.unsupported`, and the host reads and writes instead.
    func copy(_ request: CopyRequest, _ call: borrowing Call) throws(PluginError) -> CopyOutcome
}

/// A store that takes objects over from another store of the same plugin: offers `fp.transfer/1`. Parallel plugins only.
public protocol TransferringStore: PluginStore {
    /// As `CopyingStore.copy`, with the source key in `source`.
    func transfer(
        from source: Self, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome
}

/// A store whose readers hand out the files that they read, by `PluginReader.file`: offers `fp.read_fd/1`.
public protocol FileReadingStore: PluginStore {}

/// A store that hands out URLs for direct access: fills `presign`.
public protocol PresigningStore: PluginStore {
    /// Makes a URL, at most 8192 bytes, that works without an extra header. A bearer secret: never log it.
    func presign(_ request: PresignRequest, _ call: borrowing Call) throws(PluginError) -> PresignedURL
}

/// What a copy or move did.
public struct CopyOutcome: Sendable {
    /// The target.
    public var info: ObjectInfo
    /// True if the bytes passed through this machine.
    public var streamed: Bool
    /// True if no observer could see both keys (move), neither, or a part of the target.
    public var atomic: Bool

    /// Reports what was done.
    public init(info: ObjectInfo, streamed: Bool, atomic: Bool) {
        self.info = info
        self.streamed = streamed
        self.atomic = atomic
    }
}

/// A URL for direct access.
public struct PresignedURL: Sendable {
    /// The URL.
    public var url: String
    /// Unix time in milliseconds at which it stops to work.
    public var expiresMilliseconds: Int64

    /// Hands out a URL.
    public init(url: String, expiresMilliseconds: Int64) {
        self.url = url
        self.expiresMilliseconds = expiresMilliseconds
    }
}
