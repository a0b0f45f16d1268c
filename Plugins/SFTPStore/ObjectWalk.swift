import FPPluginKit

/// A walk over the objects below a prefix, in the byte order of their keys.
///
/// In that order the subtree of a directory stands where the directory's name with a slash would stand. Of a directory
/// only as many names are kept at a time as a page has entries, so that memory stays bounded however large it is.
struct ObjectWalk {
    let connection: Connection
    /// Only keys that start with it.
    let prefix: [UInt8]
    /// Only keys after it.
    let bound: [UInt8]
    let batchSize: Int
    /// The last object that was handed out.
    private(set) var last: String?

    private static let slash = UInt8(ascii: "/")
    private static let doing = "listing objects"

    init(_ connection: Connection, prefix: String, after bound: [UInt8], batchSize: Int) {
        self.connection = connection
        self.prefix = Array(prefix.utf8)
        self.bound = bound
        self.batchSize = batchSize
    }

    /// - Returns: false if `emit` wants no more.
    mutating func run(_ call: borrowing Call, _ emit: (ListEntry) -> Bool) throws(PluginError) -> Bool {
        guard let end = prefix.lastIndex(of: Self.slash) else { return try visit([], nil, call, emit) }
        let path = Array(prefix[..<end])
        guard isKey(path), try isReachable(path, call) else { return true }
        return try visit(path, nil, call, emit)
    }

    /// The walk looks at each directory that it enters; those before its start are looked at here.
    private func isReachable(_ path: [UInt8], _ call: borrowing Call) throws(PluginError) -> Bool {
        let key = try Key(String(decoding: path, as: UTF8.self))
        let way = connection.paths.way(to: key) + [connection.paths.path(of: key)]
        let replies = try connection.run(way.map(Request.attributes(ofLink:)), call)
        do throws(PluginError) {
            guard case .clear = try Way(way, replies, for: key) else { return false }
            return true
        } catch {
            // What is behind a link is not in the list.
            guard error.code == .denied else { throw error }
            return false
        }
    }

    /// - Parameter directory: what is known of it, if it may be removed when it is empty.
    private mutating func visit(
        _ path: [UInt8], _ directory: Attributes? = nil, _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> Bool {
        var after: [UInt8]?
        while true {
            let (batch, isEmpty) = try names(in: path, after: after, call)
            if isEmpty, let directory { sweep(path, directory) }
            for entry in batch {
                let full = path.isEmpty ? entry.sortName : path + [Self.slash] + entry.sortName
                if entry.attributes.kind == .directory {
                    guard try visit(full.dropLast(), entry.attributes, call, emit) else { return false }
                } else {
                    guard hand(over: full, entry.attributes, emit) else { return false }
                }
            }
            guard batch.count == batchSize, let end = batch.last else { return true }
            after = end.sortName
        }
    }

    private mutating func hand(over key: [UInt8], _ found: Attributes, _ emit: (ListEntry) -> Bool) -> Bool {
        let key = String(decoding: key, as: UTF8.self)
        last = key
        return emit(
            ListEntry(
                key: key, size: found.size ?? 0, modifiedNanoseconds: found.modifiedNanoseconds, etag: found.etag))
    }

    /// The next names of a directory that can lead to keys of this walk. None if the directory is gone.
    private func names(
        in path: [UInt8], after: [UInt8]?, _ call: borrowing Call
    ) throws(PluginError) -> (entries: [Smallest.Entry], isEmpty: Bool) {
        let directory = connection.paths.path(of: String(decoding: path, as: UTF8.self))
        let new = { (smallest: Smallest(limit: batchSize), isEmpty: true) }
        let found = try connection.collect(directory, Self.doing, call, into: new) { found, name in
            found.isEmpty = false
            let isDirectory = name.attributes.kind == .directory
            guard isDirectory || name.attributes.kind == .file else { return }
            let sortName = isDirectory ? name.bytes + [Self.slash] : name.bytes
            if let after, !after.lexicographicallyPrecedes(sortName) { return }
            let full = path.isEmpty ? sortName : path + [Self.slash] + sortName
            guard isWanted(full, isDirectory), isKey(isDirectory ? full.dropLast() : full) else { return }
            found.smallest.insert(Smallest.Entry(sortName: sortName, attributes: name.attributes))
        }
        guard let found else { return ([], false) }
        return (found.smallest.sorted(), found.isEmpty)
    }

    /// Removes an empty directory that a kill in the middle of a write may have left, once it has been so for a day.
    /// Whoever is about to write there makes it again.
    private func sweep(_ path: [UInt8], _ directory: Attributes) {
        guard connection.isOwn(directory), let time = directory.times?.modified, unixNow() > time,
            unixNow() - time > SFTPStore.litterLife
        else { return }
        connection.tell(.removeDirectory(connection.paths.path(of: String(decoding: path, as: UTF8.self))))
    }

    private func isWanted(_ full: [UInt8], _ isDirectory: Bool) -> Bool {
        if isDirectory {
            return (full.starts(with: prefix) || prefix.starts(with: full))
                && (bound.lexicographicallyPrecedes(full) || bound.starts(with: full))
        }
        return full.starts(with: prefix) && bound.lexicographicallyPrecedes(full)
    }

    /// What the host could not ask for is not shown: names that break the rules for keys, and ".fp".
    private func isKey(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { (try? Key(validating: $0)) != nil }
    }
}
