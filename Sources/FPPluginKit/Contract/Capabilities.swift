import FPPluginAPI

/// What a store can do and what suits it best, as the host asks for it after creation and after each health check.
public struct Capabilities: Sendable {
    /// The `FP_CAP_*` bits.
    public struct Flags: OptionSet, Sendable {
        /// The bits as the contract has them.
        public let rawValue: UInt64
        /// Wraps bits of the contract.
        public init(rawValue: UInt64) { self.rawValue = rawValue }

        /// Write tokens survive the process.
        public static let resumable = Flags(rawValue: FP_CAP_RESUMABLE)
        /// A sync makes any number of bytes durable.
        public static let durableTail = Flags(rawValue: FP_CAP_DURABLE_TAIL)
        /// A commit over an existing key is atomic.
        public static let atomicReplace = Flags(rawValue: FP_CAP_ATOMIC_REPLACE)
        /// "Only if the key is free" has no race, across processes.
        public static let atomicCreate = Flags(rawValue: FP_CAP_ATOMIC_CREATE)
        /// A commit can be made to survive power loss.
        public static let powerDurable = Flags(rawValue: FP_CAP_POWER_DURABLE)
        /// A commit is seen at once, from any process.
        public static let readAfterWrite = Flags(rawValue: FP_CAP_READ_AFTER_WRITE)
        /// Other machines see the same objects and tokens.
        public static let shared = Flags(rawValue: FP_CAP_SHARED)
        /// Objects can be listed.
        public static let list = Flags(rawValue: FP_CAP_LIST)
        /// Lists come in byte order and can start after a key.
        public static let listOrdered = Flags(rawValue: FP_CAP_LIST_ORDERED)
        /// Unfinished sessions can be listed.
        public static let listPending = Flags(rawValue: FP_CAP_LIST_PENDING)
        /// Copies without the bytes passing through this machine.
        public static let copy = Flags(rawValue: FP_CAP_COPY)
        /// Moves, likewise.
        public static let move = Flags(rawValue: FP_CAP_MOVE)
        /// A move has no moment with both keys or neither.
        public static let moveAtomic = Flags(rawValue: FP_CAP_MOVE_ATOMIC)
        /// URLs that a client can use directly.
        public static let presign = Flags(rawValue: FP_CAP_PRESIGN)
        /// Reads honour `ifMatch`.
        public static let ifMatch = Flags(rawValue: FP_CAP_IF_MATCH)
        /// The content type is stored and returned.
        public static let contentType = Flags(rawValue: FP_CAP_CONTENT_TYPE)
        /// Metadata is stored.
        public static let metadata = Flags(rawValue: FP_CAP_METADATA)
        /// Health reports byte counts.
        public static let space = Flags(rawValue: FP_CAP_SPACE)
        /// Resuming a session that has a live writer is a conflict.
        public static let fenced = Flags(rawValue: FP_CAP_FENCED)
        /// A session can be taken back to an earlier offset.
        public static let rewind = Flags(rawValue: FP_CAP_REWIND)
    }

    /// What the store can do.
    public var flags: Flags
    /// How many calls may run at once; no looser than the plugin's description says.
    public var threading: Threading
    /// Calls in flight that still help; 0 leaves it to the host.
    public var maxConcurrency: UInt32
    /// At most 1024.
    public var maxKeyBytes: UInt32
    /// Entries per page of a list; 0 for any number.
    public var listPageMax: UInt32
    /// Idle life of a write token in seconds; 0 for no end.
    public var tokenLifeSeconds: UInt32
    /// The largest object in bytes; nil if no limit is known.
    public var maxObjectSize: UInt64?
    /// Preferred capacity of a read, in bytes.
    public var readSize: UInt64
    /// Preferred length of a write, in bytes.
    public var writeSize: UInt64
    /// The step in which the durable offset advances: 1, or the size of a part.
    public var durableUnit: UInt64
    /// A session can be rewound to any multiple of this; 1 for anywhere.
    public var rewindUnit: UInt64
    /// Peak heap of one open writer, in bytes.
    public var writerMemory: UInt64
    /// Peak heap of one open reader, in bytes.
    public var readerMemory: UInt64
    /// `FP_DIGEST_BIT`s of the digests that a commit verifies.
    public var digests: UInt32
    /// The longest life of a presigned URL, in seconds.
    public var presignLifeMaxSeconds: UInt32

    /// The common case: buffers of 256 KiB, keys as long as the contract allows, no limit known.
    public init(_ flags: Flags, threading: Threading) {
        self.flags = flags
        self.threading = threading
        maxConcurrency = 0
        maxKeyBytes = 1024
        listPageMax = 0
        tokenLifeSeconds = 0
        maxObjectSize = nil
        readSize = 256 << 10
        writeSize = 256 << 10
        durableUnit = 1
        rewindUnit = 1
        writerMemory = 0
        readerMemory = 0
        digests = 0
        presignLifeMaxSeconds = 0
    }
}

/// How many calls a plugin can bear at once.
public enum Threading: UInt32, Sendable {
    /// One call at a time in the whole library.
    case serialLibrary = 0
    /// One call at a time per store, its readers and writers included.
    case serialStore = 1
    /// Any number of calls; a reader or writer still gets one at a time.
    case parallel = 2
}

extension Capabilities {
    func fill(_ caps: inout fp_caps, offered: Flags, threadingMax: Threading) {
        caps.threading = min(threading.rawValue, threadingMax.rawValue)
        caps.flags = flags.intersection(offered).rawValue
        caps.max_concurrency = maxConcurrency
        caps.max_key_bytes = min(maxKeyBytes, 1024)
        caps.list_page_max = listPageMax
        caps.token_ttl_s = tokenLifeSeconds
        caps.max_object_size = maxObjectSize ?? FP_SIZE_UNKNOWN
        caps.read_size = readSize
        caps.write_size = writeSize
        caps.durable_unit = durableUnit
        caps.writer_memory = writerMemory
        caps.reader_memory = readerMemory
        caps.digests = digests
        caps.presign_ttl_max_s = presignLifeMaxSeconds
        caps.rewind_unit = rewindUnit
    }
}
