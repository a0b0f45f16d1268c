import CLinux
import FPPluginKit
import Glibc

/// The directory that a name lies in: the location itself, or one that was opened for the purpose.
struct Directory: ~Copyable {
    let raw: Int32
    private let opened: Descriptor?
    /// The paths of the directories that were made to get there, the outermost first.
    let made: [String]

    init(root: Int32) {
        raw = root
        opened = nil
        made = []
    }

    init(_ descriptor: consuming Descriptor, made: [String] = []) {
        raw = descriptor.raw
        opened = consume descriptor
        self.made = made
    }

    /// Makes what happened to the names in it survive power loss.
    func sync() throws(SystemError) {
        // It was opened with O_PATH, which needs no permission to read but cannot be synced.
        let readable = try Descriptor(cl_open(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0))
        try check(fsync(readable.raw))
    }

    func status(of name: String) throws(SystemError) -> stat {
        var found = stat()
        try check(fstatat(raw, name, &found, AT_SYMLINK_NOFOLLOW))
        return found
    }
}

extension Key {
    /// The path of the directory that the key lies in; nil for the location itself.
    var directory: String? {
        string.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(string[..<$0]) }
    }

    /// The last segment.
    var name: String {
        guard let slash = string.utf8.lastIndex(of: UInt8(ascii: "/")) else { return string }
        return String(string[string.utf8.index(after: slash)...])
    }
}

extension Tree {
    /// How often to try again when other writers and removers make or remove a directory between two steps.
    static let raceLimit = 1000

    /// The directory of `path`, which must exist.
    func directory(_ path: String?, in root: Int32) throws(SystemError) -> Directory {
        guard let path else { return Directory(root: root) }
        return Directory(try open(path, cl_o_path | O_DIRECTORY, in: root))
    }

    /// The directory of `path`, made where it is missing.
    /// - Parameters:
    ///   - mode: The mode of what is made; nil for what the umask says.
    ///   - power: Whether what is made must survive power loss.
    /// - Throws: `.exists` if a file is in the way. What was made for nothing is removed again.
    func makeDirectory(_ path: String?, mode: UInt32?, power: Bool) throws(PluginError) -> Directory {
        let root = try root()
        guard let path else { return Directory(root: root) }
        var made: [String] = []
        for _ in 0..<Self.raceLimit {
            do throws(SystemError) {
                let found = try directory(path, in: root)
                if power { try keepName(of: path, in: root) }
                return found
            } catch {
                guard error.number == ENOENT else { throw obstacle(error, path) }
            }
            do throws(SystemError) {
                let found = try makeSegments(of: path, mode: mode, power: power, in: root, &made)
                return Directory(found, made: made)
            } catch {
                // Somebody removed a directory that had become empty before we could enter it.
                guard error.number == ENOENT else {
                    unmake(made)
                    throw obstacle(error, path)
                }
            }
        }
        throw PluginError(.transient, "the directory \"\(path)\" is removed again and again")
    }

    /// Makes the names that lead to a directory survive power loss, once in the life of this process: whoever made them may
    /// have been killed before it had flushed them, or had not been asked to.
    func keepName(of path: String, in root: Int32) throws(SystemError) {
        guard !keptNames.withLock({ $0.contains(path) }) else { return }
        var parent: String?
        for segment in path.utf8.split(separator: UInt8(ascii: "/")) {
            try directory(parent, in: root).sync()
            parent = parent.map { "\($0)/\(Substring(segment))" } ?? String(Substring(segment))
        }
        keptNames.withLock { names in
            // Bounded, and cheap to learn anew.
            if names.count >= 4096 { names.removeAll() }
            names.insert(path)
        }
    }

    private func obstacle(_ error: SystemError, _ path: String) -> PluginError {
        guard error.number == ENOTDIR else {
            let isStaging = path == Self.stagingPath || path == ".fp"
            return refusal(error, "making the directory \"\(path)\"", isStaging: isStaging)
        }
        return PluginError(
            .exists, "nothing can be stored below \"\(path)\": a part of that path is an object", errno: ENOTDIR)
    }

    private func makeSegments(
        of path: String, mode: UInt32?, power: Bool, in root: Int32, _ all: inout [String]
    ) throws(SystemError) -> Descriptor {
        let parent: Directory
        let name: String
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
            parent = Directory(try makeSegments(of: String(path[..<slash]), mode: mode, power: power, in: root, &all))
            name = String(path[path.utf8.index(after: slash)...])
        } else {
            parent = Directory(root: root)
            name = path
        }
        let made = mkdirat(parent.raw, name, mode_t(mode ?? 0o777)) == 0
        guard made || errno == EEXIST else { throw SystemError(number: errno) }
        if made {
            all.append(path)
            keptNames.withLock { _ = $0.remove(path) }
        }
        let child = try open(name, cl_o_path | O_DIRECTORY, in: parent.raw)
        if made, let mode, try child.status().permissions != mode {
            let readable = try Descriptor(cl_open(child.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0))
            try check(fchmod(readable.raw, mode))
        }
        if made, power { try parent.sync() }
        return child
    }
}
