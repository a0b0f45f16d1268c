/// A storage back-end in Swift: conform to it, add one line for the entry point, and the kit fills the contract's table.
///
///     @c(fp_plugin_entry_v1)
///     public func entry(_ host: UnsafePointer<fp_host>?) -> UnsafePointer<fp_plugin>? {
///         PluginEntry.table(of: MyStore.self, for: host)
///     }
///
/// What a plugin does not offer it does not implement: the protocols below (`ResumableStore`, `ListingStore`, ...) each
/// stand for optional slots, which are NULL for a store that does not conform, and for the capability bits that go with
/// them. Methods may block on the back-end but never wait for a client, and never keep `Call` or a buffer after they
/// return. A trap cannot be caught at the boundary: it ends the host. So no `!`, no unchecked index or arithmetic on
/// what a back-end says.
public protocol PluginStore: AnyObject, Sendable {
    /// Name, version, options: what the host knows before anything is created. Must not do anything but say so.
    static var plugin: PluginDescription { get }

    /// Once per process, before anything else: global initialisations. At most a second, no input or output.
    static func load(_ host: Host, _ call: borrowing Call) throws(PluginError)

    /// At an orderly exit, after all stores; may never be called.
    static func unload()

    /// Facts for the operator, such as versions of libraries. No secrets.
    static func facts() -> [(key: String, value: String)]

    /// Checks rules between options, offline and without side effect.
    /// - Throws: `.config` with what is wrong and what to write instead.
    static func validate(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError)

    /// Sets the store up. Must succeed while the back-end is unreachable: connect with the first call.
    /// - Throws: `.config`, `.noMemory` or `.internalError` only.
    init(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError)

    /// The last call: nothing is in flight and all readers and writers are closed. At most 5 seconds; wipe secrets.
    func close()

    /// What the store can do. Never blocks. Bits that are unknown until first contact may appear after a health check.
    var capabilities: Capabilities { get }

    /// One cheap round trip; with `deep`, also a probe object below ".fp/" written, read back and removed.
    /// - Returns: `.down` if the back-end was reached and is of no use.
    /// - Throws: why it was not reached.
    func health(deep: Bool, _ call: borrowing Call) throws(PluginError) -> Health

    /// What is known about an object.
    /// - Throws: `.notFound` for keys that are absent, pending or only a prefix of others.
    func stat(_ key: Key, _ call: borrowing Call) throws(PluginError) -> ObjectInfo

    /// Opens an object for reading. See `ReadRequest.promisedBytes`.
    /// - Throws: `.notFound`, `.range`, `.precondition`.
    func openReader(
        _ request: ReadRequest, _ call: borrowing Call
    ) throws(PluginError) -> (reader: any PluginReader, info: ObjectInfo)

    /// Begins a write: a one-shot put, or a session if the request is resumable (only asked of a `ResumableStore`).
    func beginWrite(_ request: WriteRequest, _ call: borrowing Call) throws(PluginError) -> BegunWrite

    /// Removes an object; an absent one counts as removed.
    func remove(_ key: Key, _ call: borrowing Call) throws(PluginError)
}

extension PluginStore {
    /// Nothing to initialise.
    public static func load(_ host: Host, _ call: borrowing Call) throws(PluginError) {}
    /// Nothing to undo.
    public static func unload() {}
    /// Nothing to add.
    public static func facts() -> [(key: String, value: String)] { [] }
    /// No rules between options.
    public static func validate(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {}
    /// Nothing to release.
    public func close() {}
}

/// An open read of one version of one object. Calls come one at a time, from any thread.
public protocol PluginReader: AnyObject {
    /// Puts at least one byte into `buffer`, which is never empty, and returns how many.
    /// - Returns: 0 only after the last promised byte.
    /// - Throws: `.transient` if the back-end ends early. After an error only `close` follows.
    func read(into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call) throws(PluginError) -> Int

    /// A piece of a file that holds what the reader has still to bring, for the host to send from. Only called on readers
    /// of a `FileReadingStore`; the reader goes on as if it had not been.
    /// - Returns: nil if there is none for this reader: then the host reads.
    func file(_ call: borrowing Call) throws(PluginError) -> FilePiece?

    /// Exactly once, at any point. Must not block on the back-end.
    func close()
}

extension PluginReader {
    /// No file.
    public func file(_ call: borrowing Call) throws(PluginError) -> FilePiece? { nil }
}

/// Bytes of a regular file that change no more, whatever becomes of the object that they are.
public struct FilePiece: ~Copyable, Sendable {
    /// The open file, close-on-exec. The host closes it, and reads only at offsets of its own.
    public let file: Descriptor
    /// Of the first byte, in the file. All follow that the reader has not brought.
    public let offset: UInt64

    /// Hands out a file.
    public init(_ file: consuming Descriptor, offset: UInt64) {
        self.file = file
        self.offset = offset
    }

    consuming func release() -> (descriptor: Int32, offset: UInt64) {
        let offset = offset
        return (file.release(), offset)
    }
}

/// An open write. Calls come one at a time, from any thread.
public protocol PluginWriter: AnyObject {
    /// Takes all of `bytes`, which may be empty, as those from `offset` on; the kit has checked that they follow the
    /// ones before. After an error only `abort` and `close` follow.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ call: borrowing Call) throws(PluginError)

    /// Pushes out what can be pushed out. Only called on writers of resumable sessions.
    func sync(_ options: SyncOptions, _ call: borrowing Call) throws(PluginError) -> WriteProgress

    /// Checks size and digest, then publishes: at one instant, for every observer.
    ///
    /// If it throws, nothing is published and the session is still open, unless the error says `outcomeUnknown`.
    /// It may be tried again on the same writer.
    func commit(_ request: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo

    /// Drops all staged bytes; tokens of the session are gone.
    func abort(_ call: borrowing Call) throws(PluginError)

    /// Exactly once. Without a commit or abort before it, this equals a crash. Must not block on the back-end.
    func close()
}

extension PluginWriter {
    /// Only sessions can be synced.
    public func sync(_ options: SyncOptions, _ call: borrowing Call) throws(PluginError) -> WriteProgress {
        throw PluginError(.unsupported, "only a resumable write can be synced")
    }
}

/// What a sync has to achieve.
public struct SyncOptions: OptionSet, Sendable {
    /// The `FP_SYNC_*` bits.
    public let rawValue: UInt32
    /// Wraps bits of the contract.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Durable against power loss, not only against the end of the process.
    public static let power = SyncOptions(rawValue: 1)
    /// No more bytes soon: connections may go.
    public static let suspend = SyncOptions(rawValue: 2)
}

/// How far a session has come.
public struct WriteProgress: Sendable {
    /// Bytes that survive the end of this process; never decreases.
    public var durableOffset: UInt64
    /// A fresher token, if there is one.
    public var token: [UInt8]?

    /// Reports progress.
    public init(durableOffset: UInt64, token: [UInt8]? = nil) {
        self.durableOffset = durableOffset
        self.token = token
    }
}

/// The result of beginning a write.
public struct BegunWrite {
    /// Takes the bytes.
    public var writer: any PluginWriter
    /// The session's durable name, at most 2048 bytes; empty for a one-shot put.
    public var token: [UInt8]

    /// A write that has begun.
    public init(writer: any PluginWriter, token: [UInt8] = []) {
        self.writer = writer
        self.token = token
    }
}

/// The result of going on with a session.
public enum ResumedWrite {
    /// A writer at `progress.durableOffset`.
    case open(any PluginWriter, WriteProgress)
    /// A former commit is proven to have succeeded. Never inferred from absence.
    case committed
}
