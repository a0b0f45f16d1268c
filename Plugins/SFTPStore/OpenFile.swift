import FPPluginKit

/// A file that is open on the server. Lives as long as its connection.
final class OpenFile {
    let connection: Connection
    let handle: [UInt8]
    private var isOpen = true

    init(_ connection: Connection, _ handle: [UInt8]) {
        self.connection = connection
        self.handle = handle
        connection.countFile(1)
    }

    deinit { close() }

    /// The bytes from the start of the file, `limit` of them at most. A server may send less than it is asked for before
    /// the end.
    func readStart(_ limit: UInt32, _ doing: String, _ call: borrowing Call) throws(PluginError) -> [UInt8] {
        let first = try askForStart(limit)
        return try readStart(first, limit, doing, call)
    }

    /// Begins to read the start of the file.
    func askForStart(_ limit: UInt32) throws(PluginError) -> Exchange {
        try connection.ask(.read(handle, at: 0, count: limit))
    }

    /// The same where the first request is under way already.
    func readStart(
        _ first: Exchange, _ limit: UInt32, _ doing: String, _ call: borrowing Call
    ) throws(PluginError) -> [UInt8] {
        var found: [UInt8] = []
        var exchange = first
        while true {
            switch try connection.reply(to: exchange, call) {
            case .data(let bytes) where !bytes.isEmpty: found += bytes
            case .data: return found
            case .status(let status) where status.code == Status.endOfFile: return found
            case .status(let status): throw PluginError.refused(status, doing)
            default: throw PluginError.unexpected(doing)
            }
            guard found.count < limit else { return Array(found.prefix(Int(limit))) }
            let rest = limit - UInt32(found.count)
            exchange = try connection.ask(.read(handle, at: UInt64(found.count), count: rest))
        }
    }

    /// Does not wait for the server: its order of requests is enough.
    func close() {
        guard forget() else { return }
        connection.tell(.close(handle))
    }

    /// Closes, and waits for the answer: some servers tell only then that bytes were lost.
    func close(_ call: borrowing Call, _ doing: String) throws(PluginError) {
        guard forget() else { return }
        try connection.run(.close(handle), call).expectOK(doing)
    }

    /// It was closed along with another request.
    func noteClosed() { _ = forget() }

    private func forget() -> Bool {
        guard isOpen else { return false }
        isOpen = false
        connection.countFile(-1)
        return true
    }
}
