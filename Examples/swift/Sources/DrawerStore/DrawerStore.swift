import FPPluginAPI
import FPPluginKit
import Glibc

/// Objects as files of one directory. A '/' of a key is a '\' in the file's name, which no key has.
final class DrawerStore: PluginStore {
    static let location = Option.path("location", help: "The directory that holds the files; it is made if missing.")
    static let plugin = PluginDescription(
        name: "DrawerStore", version: "0.1.0", license: "0BSD", summary: "Keeps objects in one directory.",
        threading: .parallel, options: [location.declaration])

    let location: String
    let capabilities: Capabilities

    init(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {
        location = try config.value(of: Self.location)
        var can = Capabilities([.atomicReplace, .atomicCreate, .readAfterWrite, .ifMatch], threading: .parallel)
        can.maxKeyBytes = 255
        capabilities = can
    }

    func path(_ key: Key) throws(PluginError) -> String {
        guard key.string.utf8.count <= 255 else { throw PluginError(.invalid, "the key does not fit a file's name") }
        return location + "/" + String(key.string.map { $0 == "/" ? "\\" : $0 })
    }

    func health(deep: Bool, _ call: borrowing Call) throws(PluginError) -> Health {
        mkdir(location, 0o755)
        guard access(location, R_OK | W_OK | X_OK) == 0 else { throw failure("looking at \(location)") }
        return Health(.ok)
    }

    func stat(_ key: Key, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        let reader = try DrawerReader(path(key))
        defer { reader.close() }
        return reader.info
    }

    func openReader(
        _ request: ReadRequest, _ call: borrowing Call
    ) throws(PluginError) -> (reader: any PluginReader, info: ObjectInfo) {
        let reader = try DrawerReader(path(request.key))
        reader.offset = off_t(clamping: request.offset)
        if let tag = request.ifMatch, tag != reader.info.etag {
            reader.close()
            throw PluginError(.precondition, "\"\(request.key)\" was replaced")
        }
        return (reader, reader.info)
    }

    func beginWrite(_ request: WriteRequest, _ call: borrowing Call) throws(PluginError) -> BegunWrite {
        mkdir(location, 0o755)
        return BegunWrite(
            writer: try DrawerWriter(in: location, as: path(request.key), onlyIfFree: request.ifNotExists))
    }

    func remove(_ key: Key, _ call: borrowing Call) throws(PluginError) {
        if unlink(try path(key)) != 0, errno != ENOENT { throw failure("removing \"\(key)\"") }
    }
}

/// One version of an object: an open file stays what it is, whatever becomes of its name.
final class DrawerReader: PluginReader {
    let file: Int32
    let info: ObjectInfo
    var offset: off_t = 0

    init(_ path: String) throws(PluginError) {
        file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw failure("opening the object") }
        info = describe(file)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call) throws(PluginError) -> Int {
        let count = pread(file, buffer.baseAddress, buffer.count, offset)
        guard count >= 0 else { throw failure("reading") }
        offset += count
        return count
    }

    func close() { Glibc.close(file) }
}

/// A file below ".fp", which belongs to the plugin, until it is published under its object's name.
final class DrawerWriter: PluginWriter {
    let file: Int32
    let staged, path: String
    let onlyIfFree: Bool

    init(in location: String, as path: String, onlyIfFree: Bool) throws(PluginError) {
        staged = location + "/.fp\\" + String(UInt64.random(in: 0 ... .max), radix: 36)
        (self.path, self.onlyIfFree) = (path, onlyIfFree)
        file = open(staged, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw failure("staging a write") }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ call: borrowing Call) throws(PluginError) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(file, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset) + done)
            guard count >= 0 else { throw failure("writing") }
            done += count
        }
    }

    func commit(_ request: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        // Both are one step of the kernel: nobody sees a part, and of two that want a free name one wins.
        if request.power, fsync(file) != 0 { throw failure("flushing") }
        guard (onlyIfFree ? link(staged, path) : rename(staged, path)) == 0 else { throw failure("publishing") }
        return describe(file)
    }

    func abort(_ call: borrowing Call) { unlink(staged) }

    func close() {
        unlink(staged)
        Glibc.close(file)
    }
}

func describe(_ file: Int32) -> ObjectInfo {
    var status = stat()
    fstat(file, &status)
    let time = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    return ObjectInfo(
        size: UInt64(status.st_size), modifiedNanoseconds: time, etag: "\(status.st_ino)-\(time)-\(status.st_size)")
}

func failure(_ doing: String) -> PluginError {
    let number = errno
    let codes: [Int32: PluginError.Code] = [ENOENT: .notFound, EEXIST: .exists, ENOSPC: .noSpace, EACCES: .denied]
    return PluginError(codes[number] ?? .transient, "\(doing): \(String(cString: strerror(number)))", errno: number)
}

/// The one symbol that the library exports.
@c(fp_plugin_entry_v1)
public func entry(_ host: UnsafePointer<fp_host>?) -> UnsafePointer<fp_plugin>? {
    PluginEntry.table(of: DrawerStore.self, for: host)
}
