import FPPluginKit

/// Where a page ended. A name and not a place, so that it holds for every process and whatever happens between.
private struct Cursor {
    private static let version: UInt8 = 1
    let after: [UInt8]

    init(after: [UInt8]) { self.after = after }

    init(_ bytes: [UInt8]?) throws(PluginError) {
        guard let bytes else {
            after = []
            return
        }
        guard bytes.first == Self.version else {
            throw PluginError(.invalid, "the cursor is none of this plugin's")
        }
        after = Array(bytes.dropFirst())
    }

    var bytes: [UInt8] { [Self.version] + after }
}

/// Names kept at a time, at most: a page may be larger, but is gathered in steps of this.
private let largestBatch = 4096

extension SFTPStore: ListingStore {
    func list(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> [UInt8]? {
        let cursor = try Cursor(request.cursor).after
        let start = Array(request.startAfter.utf8)
        let bound = cursor.lexicographicallyPrecedes(start) ? start : cursor
        let connection = try pool.connection(for: .requests, call)
        var walk = ObjectWalk(
            connection, prefix: request.prefix, after: bound, batchSize: min(request.maxEntries, largestBatch))
        guard try walk.run(call, emit) == false, let last = walk.last else {
            if walk.last == nil { try connection.expectRoot(call) }
            return nil
        }
        return Cursor(after: Array(last.utf8)).bytes
    }
}

extension SFTPStore: PendingListingStore {
    func listPending(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (PendingEntry) -> Bool
    ) throws(PluginError) -> [UInt8]? {
        let connection = try pool.connection(for: .requests, call)
        var after = try Cursor(request.cursor).after
        let own = [connection.paths.privateDirectory, connection.paths.staging].map(Request.attributes(ofLink:))
        guard try connection.areOwn(connection.run(own, call)) else {
            try connection.expectRoot(call)
            return nil
        }
        let batchSize = min(request.maxEntries, largestBatch)
        if after.isEmpty { try sweep(connection, call) }
        while true {
            let sessions = try connection.sessions(after: after, limit: batchSize, call)
            for (session, record) in zip(sessions, try connection.records(of: sessions, call)) {
                after = Array(session.id.name.utf8)
                guard let record else {
                    try sweep(session, on: connection, call)
                    continue
                }
                guard record.key.string.utf8.starts(with: request.prefix.utf8) else { continue }
                let size = session.bytes.size ?? 0
                let entry = PendingEntry(
                    key: record.key.string,
                    token: SessionToken(id: session.id, key: record.key, ifNotExists: record.ifNotExists).bytes,
                    durableBytes: connection.features.isSerial ? size : min(size, record.safeOffset),
                    modifiedNanoseconds: session.bytes.modifiedNanoseconds)
                guard emit(entry) else { return Cursor(after: after).bytes }
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

extension Connection {
    /// Sessions that have bytes, in the order of their names.
    fileprivate func sessions(
        after: [UInt8], limit: Int, _ call: borrowing Call
    ) throws(PluginError) -> [StagedSession] {
        var smallest = Smallest(limit: limit)
        let doing = "listing unfinished uploads"
        guard var stream = try DirectoryStream(paths.staging, on: self, doing, call) else { return [] }
        while let names = try stream.next(call) {
            for name in names
            where name.bytes.count == 32 && name.attributes.kind == .file
                && after.lexicographicallyPrecedes(name.bytes)
            {
                smallest.insert(Smallest.Entry(sortName: name.bytes, attributes: name.attributes))
            }
        }
        return smallest.sorted().compactMap { entry in
            SessionID(String(decoding: entry.sortName, as: UTF8.self))
                .map { StagedSession(id: $0, bytes: entry.attributes) }
        }
    }

    /// Their records, all at once; of a commit that began if there is no other.
    fileprivate func records(
        of sessions: [StagedSession], _ call: borrowing Call
    ) throws(PluginError) -> [SessionRecord?] {
        var records = try self.records(named: sessions.map(\.id.openRecordName), call)
        let missing = records.indices.filter { records[$0] == nil }
        let begun = try self.records(named: missing.map { sessions[$0].id.committedRecordName }, call)
        for (index, record) in zip(missing, begun) { records[index] = record }
        return records
    }

    private func records(named names: [String], _ call: borrowing Call) throws(PluginError) -> [SessionRecord?] {
        let opened = try run(names.map { .open("\(paths.staging)/\($0)", .read) }, call)
        var reads: [(file: OpenFile, first: Exchange)?] = []
        for reply in opened {
            guard case .handle(let handle) = reply else {
                reads.append(nil)
                continue
            }
            let file = OpenFile(self, handle)
            reads.append((file, try ask(.read(handle, at: 0, count: SessionRecord.capacity))))
        }
        var records: [SessionRecord?] = []
        for read in reads {
            guard let read else {
                records.append(nil)
                continue
            }
            records.append(try record(in: read.file, beginningWith: reply(to: read.first, call), call))
            read.file.close()
        }
        return records
    }
}
