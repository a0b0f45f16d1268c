import FPPluginAPI

/// A request to read an object, or a range of it.
public struct ReadRequest: Sendable {
    /// Which object.
    public let key: Key
    /// The first byte.
    public let offset: UInt64
    /// How many bytes, clipped to the object's end; nil for all that follow.
    public let length: UInt64?
    /// Only if the object still has this tag.
    public let ifMatch: String?

    init(_ request: fp_read_req) throws(PluginError) {
        try refuseUnknown(request.flags, known: 0, of: "read_open")
        key = try request.key.key()
        offset = request.offset
        length = request.length == FP_SIZE_UNKNOWN ? nil : request.length
        ifMatch = request.if_match.text
    }

    /// How many bytes the reader must deliver, by the contract's rule.
    /// - Throws: `.range` if the offset lies outside an object of `size` bytes.
    public func promisedBytes(ofObjectWith size: UInt64) throws(PluginError) -> UInt64 {
        let wanted = length ?? .max
        guard offset < size || (offset == size && (wanted == 0 || size == 0)) else {
            throw PluginError(.range, "offset \(offset) lies beyond the \(size) bytes of \"\(key)\"")
        }
        return min(wanted, size - offset)
    }
}

/// A request to write an object.
public struct WriteRequest: Sendable {
    /// What a commit will publish.
    public let key: Key
    /// The exact size if it is known.
    public let size: UInt64?
    /// True for a session whose token outlives the process.
    public let isResumable: Bool
    /// True if the commit must fail when the key exists by then.
    public let ifNotExists: Bool
    /// A hint unless the store has `.contentType`.
    public let contentType: String?
    /// A hint unless the store has `.metadata`.
    public let metadata: [(key: String, value: String)]

    init(_ request: fp_write_req) throws(PluginError) {
        try refuseUnknown(request.flags, known: FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS, of: "write_begin")
        key = try request.key.key()
        size = request.size == FP_SIZE_UNKNOWN ? nil : request.size
        isResumable = request.flags & FP_W_RESUMABLE != 0
        ifNotExists = request.flags & FP_W_IF_NOT_EXISTS != 0
        contentType = request.content_type.text
        metadata = UnsafeBufferPointer(start: request.metadata, count: request.metadata == nil ? 0 : request.n_metadata)
            .map { (key: $0.key.text ?? "", value: $0.value.text ?? "") }
    }
}

/// A request to go on with a session.
public struct ResumeRequest: Sendable {
    /// Any token that the session ever had.
    public let token: [UInt8]
    /// The object's final size if it is known.
    public let expectedSize: UInt64?
    /// Where to take the session back to; nil for as far as it is durable.
    public let offset: UInt64?

    init(_ request: fp_resume_req) throws(PluginError) {
        try refuseUnknown(request.flags, known: 0, of: "write_resume")
        token = Array(request.token.bytes)
        expectedSize = request.expected_size == FP_SIZE_UNKNOWN ? nil : request.expected_size
        offset = request.offset == FP_SIZE_UNKNOWN ? nil : request.offset
    }
}

/// A request to publish what was written.
public struct CommitRequest: Sendable {
    /// The total, which must equal what is staged.
    public let size: UInt64
    /// True if the object must survive power loss.
    public let power: Bool
    /// What the staged bytes must hash to; its algorithm is one that the store's capabilities name.
    public let digest: Digest?

    init(_ request: fp_commit_req) throws(PluginError) {
        try refuseUnknown(request.flags, known: FP_SYNC_POWER, of: "write_commit")
        size = request.size
        power = request.flags & FP_SYNC_POWER != 0
        digest =
            request.digest_alg == FP_DIGEST_NONE
            ? nil : Digest(algorithm: request.digest_alg, bytes: Array(request.digest.bytes))
    }
}

/// A request to copy or move an object.
public struct CopyRequest: Sendable {
    /// The key of the source.
    public let source: Key
    /// The key of the target.
    public let target: Key
    /// Only if the source still has this tag.
    public let ifMatch: String?
    /// True to remove the source once the target is published.
    public let move: Bool
    /// True if an existing target is an error.
    public let ifNotExists: Bool
    /// True if only an atomic copy or move will do; else `.unsupported`.
    public let requireAtomic: Bool
    /// True if the bytes may pass through this machine; else `.unsupported`, and the host does it.
    public let allowStream: Bool
    /// True if the result must survive power loss.
    public let power: Bool
    /// The content type that the target gets; nil for the source's.
    public let contentType: String?

    init(_ request: fp_copy_req) throws(PluginError) {
        let known = FP_COPY_MOVE | FP_COPY_IF_NOT_EXISTS | FP_COPY_REQUIRE_ATOMIC | FP_COPY_ALLOW_STREAM | FP_COPY_POWER
        try refuseUnknown(request.flags, known: known, of: "copy")
        source = try request.src.key()
        target = try request.dst.key()
        ifMatch = request.if_match.text
        move = request.flags & FP_COPY_MOVE != 0
        ifNotExists = request.flags & FP_COPY_IF_NOT_EXISTS != 0
        requireAtomic = request.flags & FP_COPY_REQUIRE_ATOMIC != 0
        allowStream = request.flags & FP_COPY_ALLOW_STREAM != 0
        power = request.flags & FP_COPY_POWER != 0
        contentType = request.content_type.text
    }
}

/// A request for one page of a list.
public struct ListRequest: Sendable {
    /// A byte prefix of the keys; empty for all.
    public let prefix: String
    /// Where an earlier page ended; nil to start.
    public let cursor: [UInt8]?
    /// Only keys after this one; empty for all. Given only to stores with `.listOrdered`.
    public let startAfter: String
    /// At least 1.
    public let maxEntries: Int

    /// Reads the host's request.
    /// - Throws: `.unsupported` for a flag that is not known, `.invalid` for a page without entries or a text that is no
    ///   UTF-8.
    package init(_ request: fp_list_req, of slot: String) throws(PluginError) {
        try refuseUnknown(request.flags, known: 0, of: slot)
        guard request.max_entries >= 1 else { throw PluginError(.invalid, "\(slot): max_entries must be at least 1") }
        guard let prefix = request.prefix.validText, let startAfter = request.start_after.validText else {
            throw PluginError(.invalid, "\(slot): the prefix or start_after is not valid UTF-8")
        }
        self.prefix = prefix
        self.startAfter = startAfter
        cursor = request.cursor.len == 0 ? nil : Array(request.cursor.bytes)
        maxEntries = Int(request.max_entries)
    }
}

/// A request for a URL that a client can use directly.
public struct PresignRequest: Sendable {
    /// What the client may do with it.
    public enum Method: Sendable {
        /// Read the object.
        case get
        /// Ask about it.
        case head
    }

    /// What the client may do.
    public let method: Method
    /// Which object. Whether it exists is not checked.
    public let key: Key
    /// How long the URL should work.
    public let lifeSeconds: UInt32
    /// Overrides for the response; nil for none.
    public let contentType, contentDisposition, cacheControl: String?

    init(_ request: fp_presign_req) throws(PluginError) {
        try refuseUnknown(request.flags, known: 0, of: "presign")
        switch request.method {
        case FP_PRESIGN_GET: method = .get
        case FP_PRESIGN_HEAD: method = .head
        default: throw PluginError(.unsupported, "presign: unknown method \(request.method)")
        }
        key = try request.key.key()
        lifeSeconds = request.ttl_s
        contentType = request.content_type.text
        contentDisposition = request.content_disposition.text
        cacheControl = request.cache_control.text
    }
}

/// Flags are must-understand: an unknown bit fails before anything happens (R1).
func refuseUnknown(_ flags: UInt32, known: UInt32, of slot: String) throws(PluginError) {
    guard flags & ~known == 0 else {
        throw PluginError(.unsupported, "\(slot): unknown flags 0x\(String(flags & ~known, radix: 16))")
    }
}
