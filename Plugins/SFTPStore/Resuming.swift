import FPPluginKit

extension SFTPStore {
    /// Goes on with a session at `wanted`, or as far as it is durable.
    /// - Throws: `.gone`, `.conflict`, `.range`.
    func resume(_ token: SessionToken, _ request: ResumeRequest, _ call: borrowing Call) throws(PluginError)
        -> ResumedWrite
    {
        let history = try ledger.take(token.id)
        do throws(PluginError) {
            let found = try find(token, request, history, call)
            if case .committed = found { ledger.end(token.id, .settled) }
            return found
        } catch {
            // Whatever was under way still is.
            ledger.end(token.id, history)
            throw error
        }
    }

    private func find(
        _ token: SessionToken, _ request: ResumeRequest, _ history: SessionLedger.History, _ call: borrowing Call
    ) throws(PluginError) -> ResumedWrite {
        let isSettled = try waitForWrites(history, call)
        let connection = try pool.connection(for: .bytes, call)
        let staged = Staged(
            token.id, token.key, ifNotExists: token.ifNotExists, isSession: true, on: connection)
        let traces = try traces(of: staged, isSettled, on: connection, call)
        guard let bytes = traces.bytes, bytes.kind == .file else {
            try connection.expectRoot(call)
            return try recogniseCommit(staged, traces.commit, request.expectedSize, on: connection, call)
        }
        guard traces.record != nil || traces.commit != nil else {
            // It was being dropped.
            connection.tell(.remove(staged.path))
            throw gone(token.key)
        }
        if traces.commit != nil {
            let object = try connection.look(at: token.key, call)
            if let object, try isSame(staged.path, bytes, as: token.key, object, on: connection, call) {
                // The end came between the two steps of a commit. Writing now would change the object.
                try connection.remove([staged.path], "going on with the upload of \"\(token.key)\"", call)
                return .committed
            }
            try takeCommitBack(staged, traces.record != nil, on: connection, call)
        }
        return try reopen(staged, request.offset, size: bytes.size ?? 0, on: connection, call)
    }

    /// Bytes staged under the record of a commit mean that it did not happen.
    private func takeCommitBack(
        _ staged: Staged, _ isRecorded: Bool, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) {
        let doing = "going on with the upload of \"\(staged.key)\""
        let record: Request =
            isRecorded
            ? .remove(staged.committedRecordPath) : .rename(staged.committedRecordPath, to: staged.openRecordPath)
        try connection.run(record, call).expectOK(doing)
        _ = try connection.run(.set(Attributes(permissions: 0o600), on: staged.path), call)
    }

    private func reopen(
        _ staged: Staged, _ wanted: UInt64?, size: UInt64, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> ResumedWrite {
        let doing = "going on with the upload of \"\(staged.key)\""
        var durable = size
        if !connection.features.isSerial {
            guard let record = try connection.record(at: staged.openRecordPath, call) else { throw gone(staged.key) }
            durable = min(size, record.safeOffset)
        }
        let truncates = try abilities(on: connection, call).truncates
        guard wanted == nil || truncates else {
            throw PluginError(.unsupported, "\(doing): the server cannot cut files to a length, so not at an offset")
        }
        let offset = wanted ?? durable
        guard offset <= durable else {
            throw PluginError(.range, "\"\(staged.key)\": only \(durable) bytes are safe, not \(offset)")
        }
        if offset < durable, !connection.features.isSerial {
            // Before other bytes can come in the place of those that were safe.
            try staged.noteSafeOffset(offset, on: connection, call)
        }
        let file = OpenFile(
            connection, try connection.run(.open(staged.path, .write), call).expectHandle(doing))
        // Where nothing can be cut, what lies beyond is written over; a commit compares the length.
        if offset < size, truncates || connection.features.isSerial {
            try connection.run(.set(Attributes(size: offset), onHandle: file.handle), call).expectOK(doing)
        }
        return .open(RemoteWriter(self, staged, file, at: offset), WriteProgress(durableOffset: offset))
    }

    /// - Throws: `.gone` unless a commit is proven and its object is still there.
    private func recogniseCommit(
        _ staged: Staged, _ commit: Attributes?, _ size: UInt64?, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> ResumedWrite {
        // Only a commit that began lets the bytes go while the record stays. That the object is still the one that it
        // published is asked as well, lest the host build on one that was removed or replaced since.
        guard let commit, let record = try connection.record(at: staged.committedRecordPath, call),
            record.key == staged.key, let object = try connection.look(at: staged.key, call),
            size == nil || size == object.size
        else { throw gone(staged.key) }
        let setsTimes = try abilities(on: connection, call).setsTimes
        guard !setsTimes || commit.times?.modified == object.times?.modified else { throw gone(staged.key) }
        return .committed
    }

    private func gone(_ key: Key) -> PluginError {
        PluginError(.gone, "the upload of \"\(key)\" was dropped, or its object has been moved or replaced")
    }

    // MARK: - What is under way

    /// - Returns: false if nothing is known of who wrote last.
    private func waitForWrites(_ history: SessionLedger.History, _ call: borrowing Call) throws(PluginError) -> Bool {
        switch history {
        case .settled: return true
        case .unknown: return false
        case .draining(let tracker, let connection):
            return try connection.whenQuiet(tracker, call) { $0.loss == nil }
        }
    }

    /// What the staging directory holds of a session.
    private struct Traces: Equatable {
        var bytes: Attributes?
        var record: Attributes?
        var commit: Attributes?
    }

    /// If it is not known who wrote last, looks until nothing changes any more. A server still carries out what it had
    /// received when a connection broke. That takes moments, since it is in the server's memory, and nothing follows:
    /// the end of a process resets its connections.
    private func traces(
        of staged: Staged, _ isSettled: Bool, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> Traces {
        var last: Traces?
        while true {
            let found = try traces(of: staged, on: connection, call)
            if isSettled || found == last { return found }
            last = found
            try call.sleep(.milliseconds(150))
        }
    }

    private func traces(
        of staged: Staged, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> Traces {
        let paths = [staged.path, staged.openRecordPath, staged.committedRecordPath]
        let own = [connection.paths.privateDirectory, connection.paths.staging]
        let replies = try connection.run((own + paths).map(Request.attributes(ofLink:)), call)
        guard try connection.areOwn(replies[..<2]) else { return Traces() }
        var found: [Attributes?] = []
        for (path, reply) in zip(paths, replies[2...]) {
            let attributes = try reply.attributesIfThere("going on with the upload of \"\(staged.key)\"")
            guard attributes?.kind != .link else {
                throw PluginError(.denied, "\(path) is a symbolic link; somebody planted it, remove it")
            }
            found.append(attributes)
        }
        return Traces(bytes: found[0], record: found[1], commit: found[2])
    }

    /// Whether the bytes are where they were staged, and still wanted.
    func isStaged(
        _ staged: Staged, isSettled: Bool, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> Bool {
        let found = try traces(of: staged, isSettled, on: connection, call)
        // Without a record it was being dropped.
        let isRecorded = !staged.isSession || found.record != nil || found.commit != nil
        return found.bytes?.kind == .file && isRecorded
    }

    /// What became of a commit whose deciding request got no answer; nil if it did not happen.
    /// - Throws: `.gone` if it did, and what it published has gone or been replaced since.
    func outcome(
        of staged: Staged, size: UInt64, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo? {
        let traces = try traces(of: staged, false, on: connection, call)
        let object = try connection.look(at: staged.key, call)
        if let bytes = traces.bytes {
            guard let object, try isSame(staged.path, bytes, as: staged.key, object, on: connection, call)
            else { return nil }
            // It came between the two steps.
            try connection.remove([staged.path], "storing \"\(staged.key)\"", call)
            return object.objectInfo
        }
        // Only this plugin uses the staged name. So if it is missing, a commit renamed the file, or it was dropped: a
        // session's record tells which.
        let setsTimes = try abilities(on: connection, call).setsTimes
        guard let object, object.size == size, !staged.isSession || traces.commit != nil,
            !staged.isSession || !setsTimes || traces.commit?.times?.modified == object.times?.modified
        else { throw gone(staged.key) }
        return object.objectInfo
    }

    // MARK: - One file or two

    /// Whether two paths are names of one file, found out by trial: SFTP tells no inode. The time of the last access is
    /// set through one name and looked at through the other, then put back.
    private func isSame(
        _ path: String, _ bytes: Attributes, as key: Key, _ object: Attributes, on connection: Connection,
        _ call: borrowing Call
    ) throws(PluginError) -> Bool {
        guard bytes.etag == object.etag, let times = bytes.times else { return false }
        let doing = "telling the upload of \"\(key)\" from its object"
        // Later than the last change, so that no reader makes the server move it meanwhile.
        let mark = Attributes.Times(
            accessed: times.modified &+ 60 &+ .random(in: 0..<40_000), modified: times.modified)
        let target = connection.paths.path(of: key)
        var isSame = false
        // A reader may have come in between all the same; twice in a row none does.
        for _ in 0..<2 where !isSame {
            try connection.run(.set(Attributes(times: mark), on: path), call).expectOK(doing)
            let found = try connection.run(.attributes(ofLink: target), call).attributesIfThere(doing)
            isSame = found?.times?.accessed == mark.accessed
        }
        if isSame, object.times?.accessed == mark.accessed {
            // By chance it had that time before.
            return try self.isSame(path, bytes, as: key, object, on: connection, call)
        }
        try connection.run(.set(Attributes(times: times), on: path), call).expectOK(doing)
        return isSame
    }
}

extension Connection {
    /// A session's record; nil if it is missing or not whole. That the server fails to read it says neither.
    func record(at path: String, _ call: borrowing Call) throws(PluginError) -> SessionRecord? {
        let doing = "reading the record of an upload"
        let opened = try run(.open(path, .read), call)
        if case .status(let status) = opened, status.isAbsent { return nil }
        let file = OpenFile(self, try opened.expectHandle(doing))
        defer { file.close() }
        return SessionRecord(try file.readStart(SessionRecord.capacity, doing, call))
    }
}
