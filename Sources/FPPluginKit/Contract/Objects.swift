import FPPluginAPI

/// What is known about an object.
public struct ObjectInfo: Sendable {
    /// Bytes of the whole object.
    public var size: UInt64
    /// Unix time of the last change, in nanoseconds; nil if not known.
    public var modifiedNanoseconds: Int64?
    /// An opaque tag, at most 256 bytes, that changes whenever the content does; empty for none.
    public var etag: String
    /// The stored content type; empty for none.
    public var contentType: String
    /// A digest of the whole object; nil if not known.
    public var digest: Digest?

    /// Describes an object.
    public init(
        size: UInt64, modifiedNanoseconds: Int64? = nil, etag: String = "", contentType: String = "",
        digest: Digest? = nil
    ) {
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
        self.etag = etag
        self.contentType = contentType
        self.digest = digest
    }

    func fill(_ info: inout fp_info) {
        info.size = size
        info.mtime_ns = modifiedNanoseconds ?? FP_TIME_UNKNOWN
        info.etag.fill(whole: etag.utf8)
        info.content_type.fill(whole: contentType.utf8)
        info.digest_alg = digest?.algorithm ?? FP_DIGEST_NONE
        if info.digest.fill(whole: digest?.bytes ?? []) == false { info.digest_alg = FP_DIGEST_NONE }
    }
}

/// A digest over an object's bytes.
public struct Digest: Sendable, Equatable {
    /// `FP_DIGEST_*`.
    public var algorithm: UInt32
    /// The digest itself, not its text.
    public var bytes: [UInt8]

    /// Names a digest.
    public init(algorithm: UInt32, bytes: [UInt8]) {
        self.algorithm = algorithm
        self.bytes = bytes
    }
}

/// The answer to "how are you".
public struct Health: Sendable {
    /// How well a store works.
    public enum State: UInt32, Sendable {
        /// It works.
        case ok = 0
        /// It works in part: reads but no writes, little space left.
        case degraded = 1
        /// It was reached and is of no use.
        case down = 2
    }

    /// What a store that works in part cannot do.
    public struct Limits: OptionSet, Sendable {
        /// The `FP_HEALTH_*` bits of the contract.
        public let rawValue: UInt32
        /// Wraps bits of the contract.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Reads work, writes do not: it is read-only, or nothing may be written.
        public static let cannotWrite = Limits(rawValue: FP_HEALTH_CANNOT_WRITE)
        /// Reads work, and removes; there is no room for writes.
        public static let noSpace = Limits(rawValue: FP_HEALTH_NO_SPACE)
    }

    /// How well it works.
    public var state: State
    /// What it cannot do; not empty only in a state other than ``State/ok``.
    public var limits: Limits
    /// One line for the operator.
    public var detail: String
    /// Bytes of the back-end; nil if not known.
    public var totalBytes: UInt64?
    /// Bytes in use; nil if not known.
    public var usedBytes: UInt64?
    /// Bytes left for us; nil if not known.
    public var freeBytes: UInt64?

    /// Reports a state.
    public init(
        _ state: State, limits: Limits = [], detail: String = "", totalBytes: UInt64? = nil, usedBytes: UInt64? = nil,
        freeBytes: UInt64? = nil
    ) {
        self.state = state
        self.limits = limits
        self.detail = detail
        self.totalBytes = totalBytes
        self.usedBytes = usedBytes
        self.freeBytes = freeBytes
    }

    func fill(_ health: inout fp_health) {
        health.state = state.rawValue
        health.total_bytes = totalBytes ?? FP_SIZE_UNKNOWN
        health.used_bytes = usedBytes ?? FP_SIZE_UNKNOWN
        health.free_bytes = freeBytes ?? FP_SIZE_UNKNOWN
        health.detail.fill(line: detail)
        health.limits = limits.rawValue
    }
}

/// An entry of a list of objects.
public struct ListEntry: Sendable {
    /// The whole key.
    public var key: String
    /// Bytes.
    public var size: UInt64
    /// Unix time of the last change, in nanoseconds; nil if not known.
    public var modifiedNanoseconds: Int64?
    /// The object's tag; empty for none.
    public var etag: String

    /// Describes an object in a list.
    public init(key: String, size: UInt64, modifiedNanoseconds: Int64? = nil, etag: String = "") {
        self.key = key
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
        self.etag = etag
    }
}

/// An entry of a list of unfinished sessions.
public struct PendingEntry: Sendable {
    /// The key that a commit would publish.
    public var key: String
    /// Good for resuming and discarding.
    public var token: [UInt8]
    /// Durable bytes; nil if not known.
    public var durableBytes: UInt64?
    /// Unix time of the last activity, or of the creation, in nanoseconds; nil if not known.
    public var modifiedNanoseconds: Int64?

    /// Describes an unfinished session.
    public init(key: String, token: [UInt8], durableBytes: UInt64? = nil, modifiedNanoseconds: Int64? = nil) {
        self.key = key
        self.token = token
        self.durableBytes = durableBytes
        self.modifiedNanoseconds = modifiedNanoseconds
    }
}
