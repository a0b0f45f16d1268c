import FPPluginKit

/// Bytes on the server that are not published yet, below ".fp/w".
struct Staged: Sendable {
    let id: SessionID
    let key: Key
    /// Whether the host asked for a free key.
    let ifNotExists: Bool
    /// Whether a commit may replace an object.
    let replaces: Bool
    /// Whether there is a record, so that the write can be resumed.
    let isSession: Bool
    private let directory: String

    init(_ id: SessionID, _ key: Key, ifNotExists: Bool, isSession: Bool, on connection: Connection) {
        self.id = id
        self.key = key
        self.ifNotExists = ifNotExists
        replaces = connection.settings.allowOverwrite && !ifNotExists
        self.isSession = isSession
        directory = connection.paths.staging
    }

    var path: String { "\(directory)/\(id.text)" }
    var openRecordPath: String { "\(directory)/\(id.openRecordName)" }
    var committedRecordPath: String { "\(directory)/\(id.committedRecordName)" }

    /// Puts down how far all bytes are known to be written, for a server that may write out of order.
    func noteSafeOffset(
        _ offset: UInt64, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) {
        guard isSession else { return }
        let doing = "noting the progress of \"\(key)\""
        let file = OpenFile(
            connection, try connection.run(.open(openRecordPath, .write), call).expectHandle(doing))
        let write = SessionRecord.bytes(ofOffset: offset).withUnsafeBytes {
            Request.write(file.handle, at: SessionRecord.offsetPlace, $0)
        }
        try connection.run(write, call).expectOK(doing)
        try file.close(call, doing)
    }
}

extension SFTPStore {
    /// Begins to stage bytes.
    func stage(_ request: WriteRequest, _ call: borrowing Call) throws(PluginError) -> (Staged, OpenFile) {
        try judging(call, isStaging: true) { (call) throws(PluginError) in try stageOnce(request, call) }
    }

    private func stageOnce(_ request: WriteRequest, _ call: borrowing Call) throws(PluginError) -> (Staged, OpenFile) {
        let connection = try pool.connection(for: .bytes, call)
        for attempt in 0..<2 {
            let staged = Staged(
                .random(), request.key, ifNotExists: request.ifNotExists, isSession: request.isResumable,
                on: connection)
            do throws(PluginError) {
                return (staged, try open(staged, on: connection, call))
            } catch {
                guard attempt == 0, error.code == .notFound else { throw error }
                try connection.makeStaging(call)
            }
        }
        throw PluginError(.transient, "the staging directory is removed again and again")
    }

    /// Makes the file and its record.
    private func open(
        _ staged: Staged, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> OpenFile {
        let paths = connection.paths
        let doing = "beginning to write \"\(staged.key)\""
        let own = [paths.privateDirectory, paths.staging]
        let new = Attributes(permissions: 0o600)
        var requests = own.map(Request.attributes(ofLink:))
        requests.append(.open(staged.path, [.write, .create, .exclusive], new))
        if staged.isSession { requests.append(.open(staged.openRecordPath, [.write, .create, .exclusive], new)) }
        var exchanges: [Exchange] = []
        for request in requests { exchanges.append(try connection.ask(request)) }
        do throws(PluginError) {
            let replies = try connection.replies(to: exchanges, call)
            // Before anything is thrown, so that what is open is closed.
            let file = try? OpenFile(connection, replies[2].expectHandle(doing))
            let record = staged.isSession ? try? OpenFile(connection, replies[3].expectHandle(doing)) : nil
            guard try connection.areOwn(replies[..<2]) else { throw PluginError(.notFound, doing) }
            if case .status(let status) = replies[2] { throw connection.explain(status, doing, call) }
            guard let file else { throw PluginError.unexpected(doing) }
            if staged.isSession {
                guard let record else { throw PluginError.unexpected(doing) }
                try write(SessionRecord(key: staged.key, ifNotExists: staged.ifNotExists), to: record, doing, call)
            }
            return file
        } catch {
            // Not left to the background: if somebody has planted a link, the files are not in the staging directory.
            _ = try? connection.run([.remove(staged.openRecordPath), .remove(staged.path)], call)
            throw error
        }
    }

    private func write(
        _ record: SessionRecord, to file: OpenFile, _ doing: String, _ call: borrowing Call
    ) throws(PluginError) {
        let write = record.bytes.withUnsafeBytes { Request.write(file.handle, at: 0, $0) }
        let exchange = try file.connection.ask(write)
        let closing = try file.connection.ask(.close(file.handle))
        let reply = try file.connection.reply(to: exchange, call)
        if case .status(let status) = reply, !status.isOK {
            throw file.connection.explain(status, doing, takesBytes: true, call)
        }
        try file.connection.reply(to: closing, call).expectOK(doing)
        file.noteClosed()
    }

    /// Drops what is staged. The record goes first: without it the bytes can no more be taken for a commit's. What is
    /// published stays so, and its proof.
    func drop(_ id: SessionID, of key: Key? = nil, _ call: borrowing Call) throws(PluginError) {
        try pool.perform(call) { (connection, call) throws(PluginError) in
            let base = connection.paths.staging
            let path = "\(base)/\(id.text)"
            let doing = "dropping an upload"
            let bytes = try connection.run(.attributes(ofLink: path), call).attributesIfThere(doing)
            var records = [id.openRecordName]
            if bytes != nil { records.append(id.committedRecordName) }
            let removed = try connection.remove(records.map { "\(base)/\($0)" }, doing, call)
            if bytes != nil { try connection.remove([path], doing, call) }
            // A commit had begun, and may have been killed after it had made directories.
            if let key, removed.contains("\(base)/\(id.committedRecordName)") {
                try connection.pruneLeftovers(key, call)
            }
        }
    }

    func taken(_ key: Key) -> PluginError { PluginError(.exists, "\"\(key)\" exists already") }
}

extension Connection {
    /// Removes files. That one is gone already is no failure.
    /// - Returns: those that were there.
    @discardableResult
    func remove(_ paths: [String], _ doing: String, _ call: borrowing Call) throws(PluginError) -> [String] {
        var removed: [String] = []
        for (path, reply) in zip(paths, try run(paths.map(Request.remove), call)) {
            if case .status(let status) = reply, status.isAbsent { continue }
            try reply.expectOK(doing)
            removed.append(path)
        }
        return removed
    }

    /// Removes empty directories that a write to `key`, or its removal, left behind because it was killed: such only as
    /// the next write would make just like that.
    func pruneLeftovers(_ key: Key, _ call: borrowing Call) throws(PluginError) {
        let way = paths.way(to: key)
        for (path, reply) in zip(way, try run(way.map(Request.attributes(ofLink:)), call)).reversed() {
            if case .status(let status) = reply, status.isAbsent { continue }
            guard case .attributes(let found) = reply, isOwn(found) else { return }
            tell(.removeDirectory(path))
        }
    }

    /// Whether a directory is as this plugin makes them.
    func isOwn(_ directory: Attributes) -> Bool {
        directory.kind == .directory && (directory.permissions ?? 0) & 0o777 == settings.directoryMode & 0o777
    }
}
