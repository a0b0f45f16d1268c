import FPPluginKit
import Glibc

/// The directories below a location, as a list walks over them.
final class LocalWalk: ObjectTree {
    private let tree: Tree
    private let root: Int32
    /// The directory that the last entry was in. Closed on the way down, so that deep trees do not use up the
    /// descriptors.
    private var directory: Directory?
    private var path = ""

    init(_ tree: Tree) throws(PluginError) {
        self.tree = tree
        root = try tree.root()
    }

    func collect(
        _ names: inout DirectoryNames<Void>, of directory: String, _ call: borrowing Call
    ) throws(PluginError) -> Bool {
        self.directory = nil
        do throws(SystemError) {
            let stream = try DirectoryStream(try open(directory))
            var count = 0
            while let item = try stream.next() {
                count += 1
                if count % 1024 == 0, call.isCancelled { break }
                names.add(item.name, item.kind, ())
            }
        } catch {
            guard [ENOENT, ENOTDIR, ELOOP].contains(error.number) else { throw error.doing("listing objects") }
            return false
        }
        try call.check()
        return true
    }

    func entry(
        _ key: String, _ name: String, in directory: String, _ item: Void, _ call: borrowing Call
    ) throws(PluginError) -> ListEntry? {
        let found: FileStatus? = try saying("listing objects") { () throws(SystemError) in
            try existing { () throws(SystemError) in try status(of: name, in: directory) }
        }
        guard let found, found.isFile else { return nil }
        let info = found.objectInfo
        return ListEntry(key: key, size: info.size, modifiedNanoseconds: info.modifiedNanoseconds, etag: info.etag)
    }

    func foundEmpty(_ directory: String, _ item: Void?) {
        if !directory.isEmpty { tree.sweepDirectory(directory) }
    }

    private func status(of name: String, in path: String) throws(SystemError) -> FileStatus {
        if directory == nil || !self.path.utf8.elementsEqual(path.utf8) {
            directory = try open(path)
            self.path = path
        }
        guard let found = try directory?.status(of: name) else { throw SystemError(number: ENOENT) }
        return found
    }

    private func open(_ path: String) throws(SystemError) -> Directory {
        try tree.directory(path.isEmpty ? nil : path, in: root)
    }
}
