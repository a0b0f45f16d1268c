import FPPluginKit

/// Reads one version of an object: its file stays open, whatever happens to the name.
///
/// Requests go out ahead of what the host has asked for, so that the distance to the server does not set the speed.
final class RemoteReader: PluginReader {
    private let file: OpenFile
    private let key: Key
    private let end: UInt64
    private let tracker: ReadTracker
    /// The next byte to deliver.
    private var position: UInt64
    /// Bytes to ask for beyond the reader's own buffer; grows, so that a look at the start of a file fetches little, and
    /// little waits in memory.
    private var ahead: Int

    /// As much as an SSH server sends before it waits for us.
    private static let furthest = Link.window

    /// Reads `end - start` bytes from `start`.
    init(_ file: OpenFile, _ key: Key, from start: UInt64, to end: UInt64) throws(PluginError) {
        self.file = file
        self.key = key
        self.end = end
        position = start
        let step = Int(file.connection.features.readSize)
        tracker = ReadTracker(from: start, to: end, step: step)
        ahead = step * 2
        try file.connection.prefetch(ahead, of: file.handle, by: tracker)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call) throws(PluginError) -> Int {
        guard position < end else { return 0 }
        let (count, isFar) = try file.connection.read(
            of: file.handle, by: tracker, into: buffer, ahead: ahead, call)
        // To ask further ahead helps only where there is a distance to bridge.
        if isFar { ahead = min(Self.furthest, ahead * 2) }
        position += UInt64(count)
        if count > 0 { return count }
        switch file.connection.withLock({ _ in tracker.refusal }) {
        case .loss(let error): throw error
        case .status(let status): throw PluginError.refused(status, "reading \"\(key)\"")
        case .early(let offset):
            throw PluginError(
                .transient, "\"\(key)\" ended at byte \(offset), before its end; it was changed while it was read")
        case .nonsense, nil: throw PluginError.unexpected("reading \"\(key)\"")
        }
    }

    func close() { file.close() }
}

extension SFTPStore {
    func open(
        _ request: ReadRequest, _ call: borrowing Call
    ) throws(PluginError) -> (reader: any PluginReader, info: ObjectInfo) {
        let key = request.key
        for _ in 0..<8 {
            let connection = try pool.connection(for: .bytes, call)
            // First of all, whether it is a file: to open a pipe would hold up the server.
            guard let seen = try connection.look(at: key, call) else {
                throw PluginError(.notFound, "there is no object \"\(key)\"")
            }
            if let tag = request.ifMatch, tag != seen.etag {
                throw PluginError(.precondition, "\"\(key)\" has been replaced")
            }
            let size = seen.size ?? 0
            let promised = try request.promisedBytes(ofObjectWith: size)
            let opened = try connection.run(.open(connection.paths.path(of: key), .read), call)
            if case .status(let status) = opened, status.isAbsent { continue }
            let file = OpenFile(connection, try opened.expectHandle("opening \"\(key)\""))
            let exchange = try connection.ask(.attributes(ofHandle: file.handle))
            let reader = try RemoteReader(file, key, from: request.offset, to: request.offset + promised)
            let found = try connection.reply(to: exchange, call).expectAttributes("opening \"\(key)\"")
            if found.etag == seen.etag, found.kind == .file { return (reader, seen.objectInfo) }
            // It was replaced between the look and the opening.
            reader.close()
        }
        throw PluginError(.transient, "\"\(key)\" is replaced again and again")
    }
}
