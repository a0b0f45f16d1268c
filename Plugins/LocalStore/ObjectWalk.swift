import CLinux
import FPPluginKit
import Glibc

/// A walk over the objects below a prefix, in the byte order of their keys.
///
/// In that order the subtree of a directory stands where the directory's name with a slash would stand. Of a directory
/// only as many names are kept at a time as a page has entries, so that memory stays bounded however large it is.
struct ObjectWalk {
    private let tree: Tree
    private let root: Int32
    private let prefix: [UInt8]
    private let bound: [UInt8]
    private let batchSize: Int
    /// The last object that was handed out.
    private(set) var last: String?

    /// Walks over keys that start with `prefix` and come after `bound`.
    init(_ tree: Tree, prefix: String, after bound: [UInt8], batchSize: Int) throws(PluginError) {
        self.tree = tree
        root = try tree.root()
        self.prefix = Array(prefix.utf8)
        self.bound = bound
        self.batchSize = batchSize
    }

    /// - Returns: false if `emit` wants no more.
    mutating func run(_ call: borrowing Call, _ emit: (ListEntry) -> Bool) throws(PluginError) -> Bool {
        guard let slash = prefix.lastIndex(of: UInt8(ascii: "/")) else { return try visit([], call, emit) }
        let path = Array(prefix[..<slash])
        guard isKey(path) else { return true }
        return try visit(path, call, emit)
    }

    private mutating func visit(
        _ path: [UInt8], _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> Bool {
        var after: [UInt8]?
        while true {
            let (batch, isEmpty) = try names(in: path, after: after, call)
            if isEmpty, !path.isEmpty { tree.sweepDirectory(String(decoding: path, as: UTF8.self)) }
            guard try visit(batch, in: path, call, emit) else { return false }
            guard batch.count == batchSize, let end = batch.last else { return true }
            after = end.sortName
        }
    }

    private mutating func visit(
        _ batch: [Smallest.Entry], in path: [UInt8], _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> Bool {
        // Closed on the way down, so that deep trees do not use up the descriptors.
        var directory: Directory?
        for entry in batch {
            try call.check()
            let full = path.isEmpty ? entry.sortName : path + [UInt8(ascii: "/")] + entry.sortName
            if entry.kind == .directory {
                directory = nil
                guard try visit(full.dropLast(), call, emit) else { return false }
                continue
            }
            let found: FileStatus? = try saying("listing objects") { () throws(SystemError) in
                try existing { () throws(SystemError) in
                    if directory == nil { directory = try open(path) }
                    let name = String(decoding: entry.sortName, as: UTF8.self)
                    return try directory?.status(of: name)
                } ?? nil
            }
            guard let found, found.isFile else { continue }
            let info = found.objectInfo
            let key = String(decoding: full, as: UTF8.self)
            last = key
            let wantsMore = emit(
                ListEntry(
                    key: key, size: info.size, modifiedNanoseconds: info.modifiedNanoseconds, etag: info.etag))
            guard wantsMore else { return false }
        }
        return true
    }

    private func open(_ path: [UInt8]) throws(SystemError) -> Directory {
        try tree.directory(path.isEmpty ? nil : String(decoding: path, as: UTF8.self), in: root)
    }

    /// The next names of a directory that can lead to keys of this walk, and whether it has no names at all. None if the
    /// directory is gone.
    private func names(
        in path: [UInt8], after: [UInt8]?, _ call: borrowing Call
    ) throws(PluginError) -> (entries: [Smallest.Entry], isEmpty: Bool) {
        var smallest = Smallest(limit: batchSize)
        var count = 0
        do throws(SystemError) {
            let stream = try DirectoryStream(try open(path))
            while let item = try stream.next() {
                count += 1
                if count % 1024 == 0, call.isCancelled { break }
                let isDirectory = item.kind == .directory
                guard item.kind != .other else { continue }
                let sortName = isDirectory ? item.name + [UInt8(ascii: "/")] : item.name
                if let after, !after.lexicographicallyPrecedes(sortName) { continue }
                let full = path.isEmpty ? sortName : path + [UInt8(ascii: "/")] + sortName
                guard isWanted(full, isDirectory), isKey(isDirectory ? full.dropLast() : full) else { continue }
                smallest.insert(Smallest.Entry(sortName: sortName, kind: item.kind))
            }
        } catch {
            guard [ENOENT, ENOTDIR, ELOOP].contains(error.number) else { throw error.doing("listing objects") }
            return ([], false)
        }
        try call.check()
        return (smallest.sorted(), count == 0)
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
