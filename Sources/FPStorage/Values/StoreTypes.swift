import FPPluginAPI

/// What a store knows of one object.
public struct ObjectInfo: Sendable, Equatable {
    /// The whole object, in bytes.
    public var size: UInt64
    /// Time of the last change, in nanoseconds since 1970, if known.
    public var modifiedNanoseconds: Int64?
    /// An opaque tag that changes whenever the content does, if the store has one.
    public var etag: String?
    /// The content type that was stored with it, if the store keeps one.
    public var contentType: String?

    /// Makes a description of an object.
    public init(size: UInt64, modifiedNanoseconds: Int64? = nil, etag: String? = nil, contentType: String? = nil) {
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
        self.etag = etag
        self.contentType = contentType
    }
}

/// What to write, and where.
public struct WriteRequest: Sendable {
    /// The key to publish under.
    public var key: String
    /// The exact final size in bytes, if known.
    public var size: UInt64?
    /// Whether the session must survive the process; needs `.resumable`.
    public var resumable: Bool
    /// Whether commit fails with `.exists` if the key is taken by then.
    public var ifNotExists: Bool
    /// Whether the host made the key up, at random: nobody else writes there. So an object of the right size under it
    /// is this write's own, and a store that forbids the key forbids writing as such.
    public var hasOwnKey: Bool
    /// A hint, unless the store has `.contentType`.
    public var contentType: String?
    /// A hint, unless the store has `.metadata`.
    public var metadata: [(String, String)]

    /// Makes a request; by default a one-shot write of unknown size that may replace an object.
    public init(
        key: String,
        size: UInt64? = nil,
        resumable: Bool = false,
        ifNotExists: Bool = false,
        hasOwnKey: Bool = false,
        contentType: String? = nil,
        metadata: [(String, String)] = []
    ) {
        self.key = key
        self.size = size
        self.resumable = resumable
        self.ifNotExists = ifNotExists
        self.hasOwnKey = hasOwnKey
        self.contentType = contentType
        self.metadata = metadata
    }
}

/// What a resumed session turned out to be.
public enum ResumedWrite: Sendable {
    /// Still open; the writer stands at the durable offset, or at the one asked for.
    case open(StoreWriter)
    /// An earlier commit had succeeded.
    case committed
}

/// How far a writer's bytes are safe.
public struct WriteProgress: Sendable, Equatable {
    /// Bytes `[0, durableOffset)` survive a kill of this process (and power loss, if asked for).
    public var durableOffset: UInt64
    /// A token that resumes faster than the first one, if the plugin gave one. The first one stays good.
    public var token: [UInt8]?
}

/// How to copy.
public struct CopyOptions: OptionSet, Sendable {
    /// The `FP_COPY_*` bits.
    public let rawValue: UInt32

    /// Makes options from `FP_COPY_*` bits.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Remove the source once the target is published.
    public static let move = CopyOptions(rawValue: 1)
    /// Fail with `.exists` if the target's key is taken.
    public static let ifNotExists = CopyOptions(rawValue: 2)
    /// Fail with `.unsupported` rather than show a moment with both, neither or half.
    public static let requireAtomic = CopyOptions(rawValue: 4)
    /// Let the plugin pass the bytes through this machine if it has no better way.
    public static let allowStream = CopyOptions(rawValue: 8)
    /// Return only when the target survives a loss of power.
    public static let power = CopyOptions(rawValue: 16)
}

/// What a copy did.
public struct CopyResult: Sendable, Equatable {
    /// The target.
    public var info: ObjectInfo
    /// Whether the bytes went through this machine.
    public var streamed: Bool
    /// Whether there was no moment with both, neither or half.
    public var atomic: Bool
}

/// One object of a list.
public struct ObjectEntry: Sendable, Equatable {
    /// The full key.
    public var key: String
    /// The size in bytes.
    public var size: UInt64
    /// Time of the last change, in nanoseconds since 1970, if known.
    public var modifiedNanoseconds: Int64?
    /// The opaque version tag, if the list carries one.
    public var etag: String?
}

/// A page of objects. Pages may be short or even empty; only a missing cursor ends the list.
public struct ListPage: Sendable, Equatable {
    /// The objects of this page.
    public var entries: [ObjectEntry]
    /// Where the next page begins, `nil` after the last.
    public var cursor: [UInt8]?
}

/// One unfinished write session.
public struct PendingEntry: Sendable, Equatable {
    /// The key it would publish under.
    public var key: String
    /// The bytes that are safe, if known.
    public var durableBytes: UInt64?
    /// Time of the last activity or of creation, in nanoseconds since 1970, if known.
    public var modifiedNanoseconds: Int64?
    /// Good for resuming and for discarding.
    public var token: [UInt8]
}

/// A page of unfinished sessions. Only a missing cursor ends the list.
public struct PendingPage: Sendable, Equatable {
    /// The sessions of this page.
    public var entries: [PendingEntry]
    /// Where the next page begins, `nil` after the last.
    public var cursor: [UInt8]?
}

/// How a store is doing.
public struct StoreHealth: Sendable, Equatable {
    /// Fit for work or not.
    public enum State: UInt8, Sendable, Comparable {
        /// All is well.
        case ok = 0
        /// It works, but something is wrong.
        case degraded = 1
        /// Calls fail at once.
        case down = 2

        /// Worse is more.
        public static func < (left: State, right: State) -> Bool { left.rawValue < right.rawValue }
    }

    /// What a store that is degraded cannot do.
    public struct Limits: OptionSet, Sendable {
        /// The `FP_HEALTH_*` bits.
        public let rawValue: UInt32

        /// Makes limits from `FP_HEALTH_*` bits.
        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// Reads work, writes do not.
        public static let cannotWrite = Limits(rawValue: 1)
        /// Reads work, and removes; there is no room for writes.
        public static let noSpace = Limits(rawValue: 2)
    }

    /// Fit for work or not.
    public var state: State
    /// What it cannot do.
    public var limits: Limits
    /// The size of the back-end in bytes, if it says.
    public var totalBytes: UInt64?
    /// The bytes in use, if it says.
    public var usedBytes: UInt64?
    /// The bytes free for us, if it says.
    public var freeBytes: UInt64?
    /// One line for the operator.
    public var detail: String

    /// Makes a report.
    public init(
        state: State, limits: Limits = [], totalBytes: UInt64? = nil, usedBytes: UInt64? = nil,
        freeBytes: UInt64? = nil, detail: String = ""
    ) {
        self.state = state
        self.limits = limits
        self.totalBytes = totalBytes
        self.usedBytes = usedBytes
        self.freeBytes = freeBytes
        self.detail = detail
    }
}

/// A URL to be made by which a client reaches an object directly.
public struct PresignRequest: Sendable {
    /// What the URL is good for.
    public enum Method: UInt32, Sendable {
        /// Download.
        case get = 1
        /// Headers only.
        case head = 2
    }

    /// What the URL is good for.
    public var method: Method
    /// The object; that it exists is not checked.
    public var key: String
    /// How long the URL is to be good.
    public var lifetime: Duration
    /// Overrides the response's Content-Type.
    public var contentType: String?
    /// Overrides the response's Content-Disposition.
    public var contentDisposition: String?
    /// Overrides the response's Cache-Control.
    public var cacheControl: String?

    /// Makes a request.
    public init(
        method: Method = .get, key: String, lifetime: Duration, contentType: String? = nil,
        contentDisposition: String? = nil, cacheControl: String? = nil
    ) {
        self.method = method
        self.key = key
        self.lifetime = lifetime
        self.contentType = contentType
        self.contentDisposition = contentDisposition
        self.cacheControl = cacheControl
    }
}

/// A URL that is a secret: whoever has it can use it. Never log it.
public struct PresignedURL: Sendable {
    /// The URL.
    public var url: String
    /// When it ends, in milliseconds since 1970; may be sooner than asked for.
    public var expiresMilliseconds: Int64
}

/// How the host runs a store's calls.
public struct StoreSettings: Sendable {
    /// Threads for data calls; `nil` = 16. Never more than the plugin says it can use.
    public var threads: Int?
    /// Calls that may wait for a thread; `nil` = 64 per thread, at least 256.
    public var queue: Int?
    /// How long one call may take, waiting for a thread included.
    public var deadline: Duration
    /// The same for calls whose length grows with the object: commit, sync, copy, transfer.
    public var longDeadline: Duration
    /// How far past its deadline a call may be before its thread is written off.
    public var hangGrace: Duration
    /// How long an idle thread is kept.
    public var idleThreadLifetime: Duration
    /// How often ``Store/monitor()`` asks a healthy store.
    public var healthInterval: Duration

    /// Makes settings; the defaults suit a remote back-end.
    public init(
        threads: Int? = nil,
        queue: Int? = nil,
        deadline: Duration = .seconds(30),
        longDeadline: Duration = .seconds(600),
        hangGrace: Duration = .seconds(5),
        idleThreadLifetime: Duration = .seconds(30),
        healthInterval: Duration = .seconds(30)
    ) {
        self.threads = threads
        self.queue = queue
        self.deadline = deadline
        self.longDeadline = max(longDeadline, deadline)
        self.hangGrace = hangGrace
        self.idleThreadLifetime = idleThreadLifetime
        self.healthInterval = healthInterval
    }
}
