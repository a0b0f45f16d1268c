// region: store
import FPPluginAPI
import FPPluginKit
import Synchronization

/// Objects in this process's memory: the smallest plugin that is of use, and gone when the host ends.
final class MemoryStore: PluginStore {
    static let plugin = PluginDescription(
        name: "MemoryStore", version: "0.1.0", license: "0BSD", summary: "Keeps objects in memory.",
        threading: .parallel, options: [])

    struct Object {
        let bytes: [UInt8]
        let version: Int
        var info: ObjectInfo { ObjectInfo(size: UInt64(bytes.count), etag: "\(version)") }
    }
    let objects = Mutex<(byKey: [Key: Object], commits: Int)>(([:], 0))
    let capabilities = Capabilities([.atomicReplace, .ifMatch], threading: .parallel)

    init(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {}

    func health(deep: Bool, _ call: borrowing Call) -> Health { Health(.ok) }

    func object(_ key: Key) throws(PluginError) -> Object {
        guard let object = objects.withLock({ $0.byKey[key] }) else { throw PluginError(.notFound, "no \"\(key)\"") }
        return object
    }

    func stat(_ key: Key, _ call: borrowing Call) throws(PluginError) -> ObjectInfo { try object(key).info }

    func openReader(
        _ request: ReadRequest, _ call: borrowing Call
    ) throws(PluginError) -> (reader: any PluginReader, info: ObjectInfo) {
        let object = try object(request.key)
        if let tag = request.ifMatch, tag != object.info.etag { throw PluginError(.precondition, "it was replaced") }
        let count = try request.promisedBytes(ofObjectWith: object.info.size)
        let start = Int(clamping: request.offset)
        return (MemoryReader(left: object.bytes[start..<start + Int(count)]), object.info)
    }

    func beginWrite(_ request: WriteRequest, _ call: borrowing Call) -> BegunWrite {
        BegunWrite(writer: MemoryWriter(self, request))
    }

    func publish(_ bytes: [UInt8], as request: WriteRequest) throws(PluginError) -> ObjectInfo {
        let info = objects.withLock { objects -> ObjectInfo? in
            if request.ifNotExists, objects.byKey[request.key] != nil { return nil }
            objects.commits += 1
            let object = Object(bytes: bytes, version: objects.commits)
            objects.byKey[request.key] = object
            return object.info
        }
        guard let info else { throw PluginError(.exists, "\"\(request.key)\" is taken") }
        return info
    }

    func remove(_ key: Key, _ call: borrowing Call) {
        objects.withLock { $0.byKey[key] = nil }
    }
}
// endregion

// region: reader
final class MemoryReader: PluginReader {
    var left: ArraySlice<UInt8>

    init(left: ArraySlice<UInt8>) { self.left = left }

    func read(into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call) -> Int {
        let part = left.prefix(buffer.count)
        buffer.copyBytes(from: part)
        left = left.dropFirst(part.count)
        return part.count
    }

    func close() {}
}
// endregion

// region: writer
final class MemoryWriter: PluginWriter {
    let store: MemoryStore
    let request: WriteRequest
    var bytes: [UInt8] = []

    init(_ store: MemoryStore, _ request: WriteRequest) {
        self.store = store
        self.request = request
    }

    func write(_ new: UnsafeRawBufferPointer, at offset: UInt64, _ call: borrowing Call) { bytes += new }

    func commit(_ request: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        try store.publish(bytes, as: self.request)
    }

    func abort(_ call: borrowing Call) { bytes = [] }

    func close() {}
}
// endregion

// region: entry
/// The one symbol that the library exports.
@c(fp_plugin_entry_v1)
public func entry(_ host: UnsafePointer<fp_host>?) -> UnsafePointer<fp_plugin>? {
    PluginEntry.table(of: MemoryStore.self, for: host)
}
// endregion
