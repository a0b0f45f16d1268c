import FPPluginKit

extension SFTPStore: ListingStore {
    func list(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> [UInt8]? {
        let connection = try pool.connection(for: .requests, call)
        var walk = try ObjectWalk(RemoteWalk(connection), request)
        let cursor = try walk.page(call, emit)
        if walk.hasFoundNone { try connection.expectRoot(call) }
        return cursor
    }
}

extension SFTPStore: PendingListingStore {
    func listPending(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (PendingEntry) -> Bool
    ) throws(PluginError) -> [UInt8]? {
        let connection = try pool.connection(for: .requests, call)
        var after = try ListCursor(request.cursor).name
        let own = [connection.paths.privateDirectory, connection.paths.staging].map(Request.attributes(ofLink:))
        guard try connection.areOwn(connection.run(own, call)) else {
            try connection.expectRoot(call)
            return nil
        }
        // Names kept at a time: a page may be larger.
        let batchSize = min(request.maxEntries, 4096)
        if after.isEmpty { try sweep(connection, call) }
        while true {
            let sessions = try connection.sessions(after: after, limit: batchSize, call)
            for (session, record) in zip(sessions, try connection.records(of: sessions, call)) {
                after = Array(session.id.text.utf8)
                switch record {
                case .missing: try sweep(session, on: connection, call)
                case .unreadable(let error):
                    log.write(.warning, "an unfinished upload is left out of the list: \(error.message)")
                case .whole(let record):
                    guard record.key.string.utf8.starts(with: request.prefix.utf8) else { continue }
                    let size = session.bytes.size ?? 0
                    let entry = PendingEntry(
                        key: record.key.string,
                        token: SessionToken(id: session.id, key: record.key, ifNotExists: record.ifNotExists).bytes,
                        durableBytes: connection.features.isSerial ? size : min(size, record.safeOffset),
                        modifiedNanoseconds: session.bytes.modifiedNanoseconds)
                    guard emit(entry) else { return ListCursor(after: after).bytes }
                }
            }
            if sessions.count < batchSize { return nil }
        }
    }
}

/// Bytes that lie in the staging directory.
struct StagedSession {
    let id: SessionID
    let bytes: Attributes
}

/// What the staging directory says of a session.
private enum FoundRecord {
    case whole(SessionRecord)
    /// It is not there, or not whole. Only then the session may be swept.
    case missing
    case unreadable(PluginError)
}

extension Connection {
    /// Sessions that have bytes, in the order of their names.
    fileprivate func sessions(
        after: [UInt8], limit: Int, _ call: borrowing Call
    ) throws(PluginError) -> [StagedSession] {
        let doing = "listing unfinished uploads"
        let found = try collect(paths.staging, doing, call, into: { SmallestNames<Attributes>(limit: limit) }) {
            smallest, name in
            guard name.bytes.count == 32, name.attributes.kind == .file,
                after.lexicographicallyPrecedes(name.bytes)
            else { return }
            smallest.insert(name.bytes, name.attributes)
        }
        return (found?.sorted() ?? []).compactMap { entry in
            SessionID(String(decoding: entry.name, as: UTF8.self)).map { StagedSession(id: $0, bytes: entry.item) }
        }
    }

    /// Their records; of a commit that began if there is no other.
    fileprivate func records(
        of sessions: [StagedSession], _ call: borrowing Call
    ) throws(PluginError) -> [FoundRecord] {
        var records = try self.records(named: sessions.map(\.id.openRecordName), call)
        let missing = records.indices.filter { if case .missing = records[$0] { true } else { false } }
        let begun = try self.records(named: missing.map { sessions[$0].id.committedRecordName }, call)
        for (index, record) in zip(missing, begun) { records[index] = record }
        return records
    }

    private func records(named names: [String], _ call: borrowing Call) throws(PluginError) -> [FoundRecord] {
        var records: [FoundRecord] = []
        // Servers limit the number of open files.
        while records.count < names.count {
            records += try recordsAtOnce(names[records.count...].prefix(32), call)
        }
        return records
    }

    private func recordsAtOnce(_ names: ArraySlice<String>, _ call: borrowing Call) throws(PluginError) -> [FoundRecord]
    {
        let opened = try run(names.map { .open("\(paths.staging)/\($0)", .read) }, call)
        // Before anything is thrown, so that what is open is closed.
        let files = opened.map { reply -> OpenFile? in
            if case .handle(let handle) = reply { OpenFile(self, handle) } else { nil }
        }
        var reads: [Exchange?] = []
        for file in files { reads.append(try file?.askForStart(SessionRecord.capacity)) }
        var records: [FoundRecord] = []
        for (index, reply) in opened.enumerated() {
            do throws(PluginError) {
                records.append(try record(reply, files[index], reads[index], call))
            } catch {
                // The server's word about this one; what befalls the connection is about all.
                guard error.nativeCode != 0 else { throw error }
                records.append(.unreadable(error))
            }
            files[index]?.close()
        }
        return records
    }

    private func record(
        _ opened: Reply, _ file: OpenFile?, _ read: Exchange?, _ call: borrowing Call
    ) throws(PluginError) -> FoundRecord {
        let doing = "reading the record of an unfinished upload"
        if case .status(let status) = opened, status.isAbsent { return .missing }
        guard let file, let read else {
            _ = try opened.expectHandle(doing)
            throw PluginError.unexpected(doing)
        }
        let bytes = try file.readStart(read, SessionRecord.capacity, doing, call)
        return SessionRecord(bytes).map(FoundRecord.whole) ?? .missing
    }
}
