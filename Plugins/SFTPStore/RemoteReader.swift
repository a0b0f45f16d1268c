import FPPluginKit

/// Reads one version of an object: its file stays open, whatever happens to the name.
///
/// Requests go out ahead of what the host has asked for, so that the distance to the server does not set the speed.
final class RemoteReader: PluginReader {
    private let file: OpenFile
    private let key: Key
    private let end: UInt64
    /// The next byte to ask for.
    private var next: UInt64
    private var underWay: [Part] = []
    private var first = 0
    /// Bytes to ask for ahead; grows, so that a look at the start of a file fetches little, and little waits in memory.
    private var ahead: UInt64
    /// The fewest bytes that the server may be asked for at a time.
    private let smallest: UInt32
    private var arrived: ArraySlice<UInt8> = []

    private struct Part {
        let offset: UInt64
        let count: UInt32
        let exchange: Exchange
    }

    /// As much as an SSH server sends before it waits for us.
    private static let furthest = UInt64(Link.window)
    /// A wait of this many nanoseconds is due to the distance, not to the server's work.
    private static let noticeable: Int64 = 2_000_000

    /// Reads `end - start` bytes from `start`.
    init(_ file: OpenFile, _ key: Key, from start: UInt64, to end: UInt64) throws(PluginError) {
        self.file = file
        self.key = key
        self.end = end
        next = start
        let features = file.connection.features
        smallest = features.smallestRead
        ahead = UInt64(features.readSize) * 2
        try fetch()
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call) throws(PluginError) -> Int {
        if arrived.isEmpty { try receive(call) }
        // What has arrived meanwhile goes along: each call costs the host more than the copy.
        var filled = 0
        while filled < buffer.count {
            if arrived.isEmpty {
                guard first < underWay.count, file.connection.isAnswered(underWay[first].exchange) else { break }
                try receive(call)
                if arrived.isEmpty { break }
            }
            let count = min(arrived.count, buffer.count - filled)
            arrived.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count]))
            }
            arrived = arrived.dropFirst(count)
            filled += count
        }
        return filled
    }

    func close() { file.close() }

    private func fetch() throws(PluginError) {
        let step = UInt64(file.connection.features.readSize)
        var asked = underWay[first...].reduce(UInt64(0)) { $0 + UInt64($1.count) }
        while next < end, asked < ahead {
            let count = UInt32(min(step, end - next))
            try ask(at: next, count: count, as: underWay.count)
            next += UInt64(count)
            asked += UInt64(count)
        }
    }

    private func ask(at offset: UInt64, count: UInt32, as place: Int) throws(PluginError) {
        let exchange = try file.connection.ask(.read(file.handle, at: offset, count: max(count, smallest)))
        underWay.insert(Part(offset: offset, count: count, exchange: exchange), at: place)
    }

    /// Takes the next part in, and asks for more.
    private func receive(_ call: borrowing Call) throws(PluginError) {
        guard first < underWay.count else { return }
        let part = underWay[first]
        let start = Call.now
        let reply = try file.connection.reply(to: part.exchange, call)
        // To ask further ahead helps only where there is a distance to bridge.
        if Call.now - start > Self.noticeable { ahead = min(Self.furthest, ahead * 2) }
        first += 1
        if first > 64 {
            underWay.removeFirst(first)
            first = 0
        }
        switch reply {
        case .data(let bytes):
            guard !bytes.isEmpty else { throw early(part.offset) }
            // Some servers send more than was wanted, beginning where they were asked to.
            arrived = bytes.prefix(Int(part.count))
            let missing = part.count - UInt32(arrived.count)
            // A server may send less than it was asked for; the rest comes before what was asked for since.
            if missing > 0 { try ask(at: part.offset + UInt64(arrived.count), count: missing, as: first) }
        case .status(let status) where status.code == Status.endOfFile: throw early(part.offset)
        case .status(let status): throw PluginError.refused(status, "reading \"\(key)\"")
        default: throw PluginError.unexpected("reading \"\(key)\"")
        }
        try fetch()
    }

    private func early(_ offset: UInt64) -> PluginError {
        PluginError(.transient, "\"\(key)\" ended at byte \(offset), before its end; it was changed while it was read")
    }
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
