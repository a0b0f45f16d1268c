import FPPluginAPI
import FPPluginKit
import Synchronization

/// Objects in this process's memory, gone when it ends.
final class MemoryStore: PluginStore {
    static let plugin = PluginDescription(
        name: "MemoryStore", version: "0.1.0", license: "0BSD", summary: "Keeps objects in memory.",
        threading: .parallel, options: [])

    let objects = Mutex<[Key: [UInt8]]>([:])
    let capabilities = Capabilities([.atomicReplace], threading: .parallel)

    init(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {}

    func health(deep: Bool, _ call: borrowing Call) -> Health { Health(.ok) }

    func bytes(of key: Key) throws(PluginError) -> [UInt8] {
        guard let bytes = objects.withLock({ $0[key] }) else { throw PluginError(.notFound, "there is no \"\(key)\"") }
        return bytes
    }

    func stat(_ key: Key, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        ObjectInfo(size: UInt64(try bytes(of: key).count))
    }

    func openReader(
        _ request: ReadRequest, _ call: borrowing Call
    ) throws(PluginError) -> (reader: any PluginReader, info: ObjectInfo) {
        let bytes = try bytes(of: request.key)
        let info = ObjectInfo(size: UInt64(bytes.count))
        let count = try request.promisedBytes(ofObjectWith: info.size)
        return (MemoryReader(bytes.dropFirst(Int(clamping: request.offset)).prefix(Int(count))), info)
    }

    func beginWrite(_ request: WriteRequest, _ call: borrowing Call) -> BegunWrite {
        BegunWrite(writer: MemoryWriter(self, request))
    }

    func remove(_ key: Key, _ call: borrowing Call) {
        objects.withLock { $0[key] = nil }
    }
}

final class MemoryReader: PluginReader {
    var left: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { left = bytes }

    func read(into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call) -> Int {
        let part = left.prefix(buffer.count)
        buffer.copyBytes(from: part)
        left = left.dropFirst(part.count)
        return part.count
    }

    func close() {}
}

final class MemoryWriter: PluginWriter {
    let store: MemoryStore
    let request: WriteRequest
    var bytes: [UInt8] = []

    init(_ store: MemoryStore, _ request: WriteRequest) { (self.store, self.request) = (store, request) }

    func write(_ new: UnsafeRawBufferPointer, at offset: UInt64, _ call: borrowing Call) { bytes += new }

    func commit(_ commit: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        let isTaken = store.objects.withLock { objects in
            if request.ifNotExists, objects[request.key] != nil { return true }
            objects[request.key] = bytes
            return false
        }
        if isTaken { throw PluginError(.exists, "\"\(request.key)\" is taken") }
        return ObjectInfo(size: commit.size)
    }

    func abort(_ call: borrowing Call) { bytes = [] }

    func close() {}
}

/// The one symbol that the library exports.
@c(fp_plugin_entry_v1)
public func entry(_ host: UnsafePointer<fp_host>?) -> UnsafePointer<fp_plugin>? {
    PluginEntry.table(of: MemoryStore.self, for: host)
}
