import FPPluginKit
import Glibc

/// Directories come with keys and go with them. Each is removed by rmdir(2), which takes an empty one only, so that a
/// commit that is about to put a file there either finds it gone and makes it again, or was first, and rmdir fails.
extension Tree {
    /// Removes directories that have become empty, from `path` upwards.
    func prune(_ path: String?) {
        climb(from: path) { (directory, name) in unlinkat(directory.raw, name, AT_REMOVEDIR) == 0 }
    }

    /// The same after a write or a remove that was killed. Which directories it made is not known, so only those go
    /// that the next write would make again with the same owner and mode.
    func pruneLeftovers(_ path: String?) {
        climb(from: path) { (directory, name) in removeIfOwn(name, in: directory, unchangedSince: .max) }
    }

    /// Removes an empty directory, with those above it that become so, if it has been empty for an hour: a kill at any
    /// point of a write leaves no more than that.
    func sweepDirectory(_ path: String) {
        climb(from: path) { (directory, name) in
            removeIfOwn(name, in: directory, unchangedSince: Int(time(nil)) - 3600)
        }
    }

    /// Removes directories that a write made which then failed.
    func unmake(_ made: [String]) {
        for path in made.reversed() {
            guard let root = try? root(), let (parent, name) = split(path) else { return }
            guard let directory = try? directory(parent, in: root) else { return }
            unlinkat(directory.raw, name, AT_REMOVEDIR)
        }
    }

    private func climb(from path: String?, _ step: (borrowing Directory, String) -> Bool) {
        guard let root = try? root() else { return }
        var path = path
        while let current = path, let (parent, name) = split(current) {
            guard let directory = try? directory(parent, in: root), step(directory, name) else { return }
            path = parent
        }
    }

    private func split(_ path: String) -> (parent: String?, name: String)? {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (nil, path) }
        return (String(path[..<slash]), String(path[path.utf8.index(after: slash)...]))
    }

    private func removeIfOwn(_ name: String, in directory: borrowing Directory, unchangedSince limit: Int) -> Bool {
        guard let found = try? directory.status(of: name), found.isDirectory, found.st_uid == geteuid(),
            found.permissions & 0o777 == newDirectoryMode, found.st_mtim.tv_sec < limit
        else { return false }
        return unlinkat(directory.raw, name, AT_REMOVEDIR) == 0
    }

    private var newDirectoryMode: UInt32 { (settings.directoryMode ?? 0o777 & ~Self.umask) & 0o777 }

    /// Not from umask(2), which cannot ask without changing it for a moment, for the whole process.
    private static let umask: UInt32 = {
        guard let file = fopen("/proc/self/status", "re") else { return 0o022 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard text.hasPrefix("Umask:") else { continue }
            let digits = text.utf8.filter { (0x30...0x37).contains($0) }
            return UInt32(String(decoding: digits, as: UTF8.self), radix: 8) ?? 0o022
        }
        return 0o022
    }()
}
