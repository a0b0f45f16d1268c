import FPPluginAPI

/// What one store can do: the `FP_CAP_*` bits of the contract.
public struct StoreCapabilities: OptionSet, Sendable, Hashable {
    /// The `FP_CAP_*` bits, those that this host does not know included.
    public let rawValue: UInt64

    /// Makes a set from `FP_CAP_*` bits.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Write tokens survive the process.
    public static let resumable = StoreCapabilities(rawValue: 1 << 0)
    /// `sync` persists any byte count, not only multiples of the durable unit.
    public static let durableTail = StoreCapabilities(rawValue: 1 << 1)
    /// A commit over an existing key is atomic.
    public static let atomicReplace = StoreCapabilities(rawValue: 1 << 2)
    /// "Only if it does not exist" has no race, across processes.
    public static let atomicCreate = StoreCapabilities(rawValue: 1 << 3)
    /// A successful commit with `power` survives power loss.
    public static let powerDurable = StoreCapabilities(rawValue: 1 << 4)
    /// A commit is seen at once, from any process.
    public static let readAfterWrite = StoreCapabilities(rawValue: 1 << 5)
    /// Other machines see the same objects and tokens.
    public static let shared = StoreCapabilities(rawValue: 1 << 6)
    /// Objects can be listed.
    public static let list = StoreCapabilities(rawValue: 1 << 7)
    /// Lists come in byte order of the keys.
    public static let listOrdered = StoreCapabilities(rawValue: 1 << 8)
    /// Unfinished sessions can be listed.
    public static let listPending = StoreCapabilities(rawValue: 1 << 9)
    /// Objects are copied without their bytes passing through this machine.
    public static let copy = StoreCapabilities(rawValue: 1 << 10)
    /// Objects are moved without their bytes passing through this machine.
    public static let move = StoreCapabilities(rawValue: 1 << 11)
    /// A move has no moment with both or neither.
    public static let moveAtomic = StoreCapabilities(rawValue: 1 << 12)
    /// URLs can be made by which clients reach the back-end directly.
    public static let presign = StoreCapabilities(rawValue: 1 << 13)
    /// Reads can be bound to one version of an object.
    public static let ifMatch = StoreCapabilities(rawValue: 1 << 14)
    /// The content type is stored and returned.
    public static let contentType = StoreCapabilities(rawValue: 1 << 15)
    /// Metadata pairs are stored.
    public static let metadata = StoreCapabilities(rawValue: 1 << 16)
    /// Health reports byte counts.
    public static let space = StoreCapabilities(rawValue: 1 << 17)
    /// Resuming a session that has a live writer fails with `.conflict`.
    public static let fenced = StoreCapabilities(rawValue: 1 << 18)
    /// A session can be taken back to an earlier offset.
    public static let rewind = StoreCapabilities(rawValue: 1 << 19)

    /// The names of the bits that this host knows, in the order of the contract.
    public var names: [String] {
        Self.known.filter { contains($0.0) }.map(\.1)
    }

    private static let known: [(StoreCapabilities, String)] = [
        (.resumable, "resumable"), (.durableTail, "durable_tail"), (.atomicReplace, "atomic_replace"),
        (.atomicCreate, "atomic_create"), (.powerDurable, "power_durable"), (.readAfterWrite, "read_after_write"),
        (.shared, "shared"), (.list, "list"), (.listOrdered, "list_ordered"), (.listPending, "list_pending"),
        (.copy, "copy"), (.move, "move"), (.moveAtomic, "move_atomic"), (.presign, "presign"),
        (.ifMatch, "if_match"), (.contentType, "content_type"), (.metadata, "metadata"), (.space, "space"),
        (.fenced, "fenced"), (.rewind, "rewind"),
    ]
}

/// How many calls a plugin bears at once: `FP_THREADS_*`, from strictest to loosest.
public enum StoreThreading: UInt32, Sendable, Comparable {
    /// One call at a time in the whole library.
    case serialLibrary = 0
    /// One call at a time per store, its readers and writers included.
    case serialInstance = 1
    /// Any calls at once; readers and writers still one call at a time each.
    case parallel = 2

    /// Stricter is less.
    public static func < (left: StoreThreading, right: StoreThreading) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// The sizes and limits that a store declares.
public struct StoreLimits: Sendable, Equatable {
    /// How many calls the plugin bears at once.
    public var threading: StoreThreading
    /// Calls in flight that still help.
    public var maxConcurrency: Int
    /// The longest key, in bytes of UTF-8.
    public var maxKeyBytes: Int
    /// The most entries one list call gives, `nil` if any number.
    public var listPageMax: Int?
    /// How long a write token lives without use, `nil` if for ever.
    public var tokenTTL: Duration?
    /// The largest object, in bytes, `nil` if no limit is known.
    public var maxObjectSize: UInt64?
    /// The best read size, in bytes: 64 KiB to 4 MiB.
    public var readSize: Int
    /// The best write size, in bytes: 64 KiB to 4 MiB.
    public var writeSize: Int
    /// The granularity, in bytes, at which the durable offset advances.
    public var durableUnit: UInt64
    /// With `.rewind`, the granularity of offsets below the last synced one; 1 = anywhere.
    public var rewindUnit: UInt64
    /// Peak heap of one open writer, in bytes.
    public var writerMemory: UInt64
    /// Peak heap of one open reader, in bytes.
    public var readerMemory: UInt64
}

extension StoreLimits {
    static let defaultConcurrency = 16
    static let defaultTransferSize = 256 * 1024

    /// - Parameter concurrency: what holds if the plugin has no opinion of its own.
    init(_ caps: fp_caps, concurrency: Int) {
        threading = StoreThreading(rawValue: caps.threading) ?? .serialLibrary
        maxConcurrency = caps.max_concurrency == 0 ? concurrency : Int(caps.max_concurrency)
        maxKeyBytes = min(Int(caps.max_key_bytes), ObjectKey.maxBytes)
        listPageMax = caps.list_page_max == 0 ? nil : Int(caps.list_page_max)
        tokenTTL = caps.token_ttl_s == 0 ? nil : .seconds(Int64(caps.token_ttl_s))
        maxObjectSize = caps.max_object_size == FP_SIZE_UNKNOWN ? nil : caps.max_object_size
        readSize = Self.transferSize(caps.read_size)
        writeSize = Self.transferSize(caps.write_size)
        durableUnit = max(1, caps.durable_unit)
        rewindUnit = max(1, caps.rewind_unit)
        writerMemory = caps.writer_memory
        readerMemory = caps.reader_memory
    }

    private static func transferSize(_ preferred: UInt64) -> Int {
        preferred == 0 ? defaultTransferSize : Int(min(max(preferred, 64 * 1024), 4 * 1024 * 1024))
    }
}
