import CLinux
import FPPluginKit
import Glibc

extension LocalStore: ListingStore {
    func list(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> [UInt8]? {
        var walk = try ObjectWalk(LocalWalk(tree), request)
        return try walk.page(call, emit)
    }
}

extension LocalStore: PendingListingStore {
    func listPending(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (PendingEntry) -> Bool
    ) throws(PluginError) -> [UInt8]? {
        var after = try ListCursor(request.cursor).name
        // Names kept at a time: a page may be larger.
        let batchSize = min(request.maxEntries, 4096)
        while true {
            let names = try tree.sessionNames(after: after, limit: batchSize)
            for name in names {
                try call.check()
                after = name
                guard let id = SessionID(String(decoding: name, as: UTF8.self)),
                    let entry = try tree.pendingEntry(id), entry.key.utf8.starts(with: request.prefix.utf8)
                else { continue }
                guard emit(entry) else { return ListCursor(after: after).bytes }
            }
            if names.count < batchSize { return nil }
        }
    }
}

extension Tree {
    /// The names of sessions that have bytes or a record, in order.
    fileprivate func sessionNames(after: [UInt8], limit: Int) throws(PluginError) -> [[UInt8]] {
        let root = try root()
        return try saying("listing unfinished uploads") { () throws(SystemError) in
            var smallest = SmallestNames<Void>(limit: limit * 2)
            let isThere = try existing { () throws(SystemError) in
                let stream = try DirectoryStream(try directory(Self.stagingPath, in: root))
                while let item = try stream.next() {
                    let name = Array(item.name.prefix(32))
                    guard after.lexicographicallyPrecedes(name) else { continue }
                    smallest.insert(item.name, ())
                }
                return true
            }
            guard isThere == true else { return [] }
            // A session has two names, which follow each other.
            var names: [[UInt8]] = []
            for entry in smallest.sorted() {
                let name = Array(entry.name.prefix(32))
                if names.last != name { names.append(name) }
            }
            return Array(names.prefix(limit))
        }
    }

    /// What is known about a session; nil if it has ended meanwhile, or is the useless rest of one.
    fileprivate func pendingEntry(_ id: SessionID) throws(PluginError) -> PendingEntry? {
        let root = try root()
        return try saying("listing unfinished uploads") { () throws(SystemError) -> PendingEntry? in
            try existing { () throws(SystemError) in
                let staging = try directory(Self.stagingPath, in: root)
                let file = try existing { () throws(SystemError) in
                    try Descriptor(
                        cl_open(staging.raw, id.fileName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0))
                }
                guard let record = try SessionRecord(named: id.recordName, in: staging) else {
                    sweep(id, in: staging)
                    return nil
                }
                var identity = SessionToken.Identity.unknown
                var status = FileStatus()
                if let file {
                    status = try file.status()
                    identity = .of(file.raw, status, id)
                } else {
                    status = try staging.status(of: id.recordName)
                    status.st_size = 0
                }
                let token = SessionToken(id: id, key: record.key, ifNotExists: record.ifNotExists, identity: identity)
                let length = UInt64(max(0, status.st_size))
                let durable = record.safety.boot == .current ? length : min(length, record.safety.offset)
                return PendingEntry(
                    key: record.key.string, token: token.bytes, durableBytes: durable,
                    modifiedNanoseconds: status.modifiedNanoseconds)
            } ?? nil
        }
    }

    /// Removes what a power loss at the very beginning of a session left behind: no token can bring it back.
    private func sweep(_ id: SessionID, in staging: borrowing Directory) {
        let anHourAgo = time(nil) - 3600
        for name in [id.fileName, id.recordName] {
            guard let status = try? staging.status(of: name), status.st_mtim.tv_sec < anHourAgo else { continue }
            unlinkat(staging.raw, name, 0)
        }
    }
}
