import FPPluginAPI
import FPPluginKit
import Synchronization

/// A store in memory with a way to make every method misbehave: what a plugin author might write, at its smallest.
final class MemoryStore: PluginStore, ListingStore, ResumableStore, PresigningStore {
    static let answer = Option<Int64>.integer("answer", in: 1...100, default: 42, help: "A number. Any will do.")
    static let label = Option<String>.string("label", help: "A text that must be given.")
    static let limit = Option<Int64>.size("limit", default: 8 << 20, help: "A size.").advanced
    static let patience = Option<Duration>.duration("patience", default: .milliseconds(1500), help: "A time.")
    static let key = Option<String>.secret("access.key", help: "A secret.")
    static let mode = Option<String>.choice("mode", ["fast", "safe"], default: "safe", help: "One of two.")

    static let plugin = PluginDescription(
        name: "Memory", version: "0.1.0", vendor: "tests", license: "BSD-3-Clause", summary: "Forgets everything.",
        threading: .serialStore,
        options: [
            answer.declaration, label.declaration, limit.declaration, patience.declaration, key.declaration,
            mode.declaration,
        ])

    /// What the next calls do instead of working.
    struct Mischief: Sendable {
        var failure: PluginError?
        var shortRead = false
        var undueCapability = false
        var tokenSize = 16
        var urlSize = 100
        var etag = "tag"
    }
    static let mischief = Mutex(Mischief())
    private let objects = Mutex<[Key: [UInt8]]>([:])
    let greeting: String

    static func facts() -> [(key: String, value: String)] { [("library", "none")] }

    static func validate(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {
        _ = try config.value(of: answer)
    }

    init(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {
        greeting = "\(try config.value(of: Self.label)) \(try config.value(of: Self.answer))"
        _ = try config.value(of: Self.mode)
        host.log(.info, "created", [("label", greeting), ("trace", call.traceID)])
    }

    var capabilities: Capabilities {
        let undue = Self.mischief.withLock { $0.undueCapability }
        return Capabilities(undue ? [.list, .copy] : [.list, .resumable, .presign], threading: .parallel)
    }

    private func misbehave() throws(PluginError) {
        if let failure = Self.mischief.withLock({ $0.failure }) { throw failure }
    }

    func health(deep: Bool, _ call: borrowing Call) throws(PluginError) -> Health {
        try misbehave()
        return Health(.degraded, detail: "first line\nsecond line, éé", freeBytes: 5)
    }

    private func object(_ key: Key) throws(PluginError) -> [UInt8] {
        guard let bytes = objects.withLock({ $0[key] }) else { throw PluginError(.notFound, "no \(key)") }
        return bytes
    }

    func stat(_ key: Key, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        try misbehave()
        let etag = Self.mischief.withLock { $0.etag }
        return ObjectInfo(size: UInt64(try object(key).count), etag: etag, contentType: "text/plain")
    }

    func openReader(
        _ request: ReadRequest, _ call: borrowing Call
    ) throws(PluginError) -> (reader: any PluginReader, info: ObjectInfo) {
        let bytes = try object(request.key)
        let reader = MemoryReader(bytes, from: Int(clamping: request.offset))
        return (reader, ObjectInfo(size: UInt64(bytes.count)))
    }

    func beginWrite(_ request: WriteRequest, _ call: borrowing Call) throws(PluginError) -> BegunWrite {
        try misbehave()
        let writer = MemoryWriter { [key = request.key] bytes in self.objects.withLock { $0[key] = bytes } }
        let size = Self.mischief.withLock { $0.tokenSize }
        return BegunWrite(writer: writer, token: request.isResumable ? [UInt8](repeating: 7, count: size) : [])
    }

    func resumeWrite(_ request: ResumeRequest, _ call: borrowing Call) throws(PluginError) -> ResumedWrite {
        .committed
    }

    func discardWrite(_ token: [UInt8], _ call: borrowing Call) throws(PluginError) {}

    func remove(_ key: Key, _ call: borrowing Call) throws(PluginError) {
        _ = objects.withLock { $0.removeValue(forKey: key) }
    }

    func list(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> [UInt8]? {
        // Goes on although it was told to stop, to see that the kit keeps the page's limit.
        for index in 0..<10 { _ = emit(ListEntry(key: "k\(index)", size: 1, etag: "e\(index)")) }
        return nil
    }

    func presign(_ request: PresignRequest, _ call: borrowing Call) throws(PluginError) -> PresignedURL {
        let size = Self.mischief.withLock { $0.urlSize }
        return PresignedURL(url: String(repeating: "u", count: size), expiresMilliseconds: 77)
    }
}

final class MemoryReader: PluginReader {
    static let closed = Mutex(0)
    private let bytes: [UInt8]
    private var position: Int

    init(_ bytes: [UInt8], from position: Int) {
        self.bytes = bytes
        self.position = position
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call) throws(PluginError) -> Int {
        if MemoryStore.mischief.withLock({ $0.shortRead }) { return 0 }
        let count = min(buffer.count, bytes.count - position)
        buffer.copyBytes(from: bytes[position..<position + count])
        position += count
        return count
    }

    func close() { Self.closed.withLock { $0 += 1 } }
}

final class MemoryWriter: PluginWriter {
    private var bytes: [UInt8] = []
    private let publish: ([UInt8]) -> Void

    init(_ publish: @escaping ([UInt8]) -> Void) { self.publish = publish }

    private func misbehave() throws(PluginError) {
        if let failure = MemoryStore.mischief.withLock({ $0.failure }) { throw failure }
    }

    func write(_ new: UnsafeRawBufferPointer, at offset: UInt64, _ call: borrowing Call) throws(PluginError) {
        try misbehave()
        bytes += new
    }

    func sync(_ options: SyncOptions, _ call: borrowing Call) throws(PluginError) -> WriteProgress {
        WriteProgress(durableOffset: UInt64(bytes.count))
    }

    func commit(_ request: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        try misbehave()
        publish(bytes)
        return ObjectInfo(size: UInt64(bytes.count))
    }

    func abort(_ call: borrowing Call) throws(PluginError) {}
    func close() {}
}
