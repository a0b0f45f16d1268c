import CLinux
import FPPluginKit
import Glibc
import Synchronization

/// The directories below a location, entered without following a symbolic link and without leaving it.
final class Tree: Sendable {
    let settings: Settings
    /// -1 until the location is open. It stays open, so that renaming a directory above it moves nothing under our feet.
    private let openedRoot = Atomic<Int32>(-1)
    /// True where openat2 is missing or forbidden.
    private let walks: Atomic<Bool>
    /// True where a file without a name cannot be had, or not be given one.
    let lacksNamelessFiles = Atomic<Bool>(access("/proc/self/fd", X_OK) != 0)
    /// True once something was to survive power loss: what is written from then on will have to as well.
    let syncsForPower = Atomic<Bool>(false)
    /// The directories whose names ``keepName(of:in:)`` has flushed.
    let keptNames = Mutex<Set<String>>([])
    /// Locations that were removed and put back. A call may still be using one.
    private let retiredRoots = Mutex<[Int32]>([])

    init(_ settings: Settings) {
        self.settings = settings
        walks = Atomic(settings.walks)
    }

    deinit {
        let root = openedRoot.load(ordering: .relaxed)
        if root >= 0 { close(root) }
        for root in retiredRoots.withLock({ $0 }) { close(root) }
    }

    /// The location itself.
    /// - Throws: `.config` if the operator has to do something, `.transient` if it is not there just now: a location that
    ///   was removed has no objects, but that says nothing about them.
    func root() throws(PluginError) -> Int32 {
        let root = openedRoot.load(ordering: .acquiring)
        guard root >= 0 else { return try openRoot() }
        var found = FileStatus()
        guard fstat(root, &found) == 0, found.st_nlink == 0 else { return root }
        return try replaceRoot(root, found)
    }

    /// Takes what was put in the place of a location that was removed. It is not made again: it may have been on a disk
    /// that is away.
    private func replaceRoot(_ old: Int32, _ status: FileStatus) throws(PluginError) -> Int32 {
        let location = settings.location
        let root = cl_open(AT_FDCWD, location, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        var found = FileStatus()
        guard root >= 0, fstat(root, &found) == 0 else {
            if root >= 0 { close(root) }
            throw PluginError(.transient, "the location \(location) was removed; put it back", errno: ENOENT)
        }
        // Some file systems do not count links, so that a directory looks removed that is there.
        let isAlive = found.isSameFile(as: status)
        let (isFirst, earlier) =
            isAlive
            ? (false, old) : openedRoot.compareExchange(expected: old, desired: root, ordering: .acquiringAndReleasing)
        guard isFirst else {
            close(root)
            return earlier
        }
        retiredRoots.withLock { $0.append(old) }
        keptNames.withLock { $0.removeAll() }
        return root
    }

    /// Goes over to the directory that the location names by now, if there is nothing in the one that was opened.
    func followLocation() {
        let root = openedRoot.load(ordering: .acquiring)
        guard root >= 0 else { return }
        var (opened, found) = (FileStatus(), FileStatus())
        guard fstat(root, &opened) == 0, stat(settings.location, &found) == 0, found.isDirectory,
            !found.isSameFile(as: opened), isEmpty(root)
        else { return }
        _ = try? replaceRoot(root, opened)
    }

    /// Whether a location has neither objects nor uploads.
    private func isEmpty(_ root: Int32) -> Bool {
        do throws(SystemError) {
            let names = try DirectoryStream(try directory(nil, in: root))
            while let item = try names.next() { if !item.name.elementsEqual(".fp".utf8) { return false } }
            guard let staging = try existing({ () throws(SystemError) in try directory(Self.stagingPath, in: root) })
            else { return true }
            let staged = try DirectoryStream(staging)
            return try staged.next() == nil
        } catch {
            return false
        }
    }

    private func openRoot() throws(PluginError) -> Int32 {
        let location = settings.location
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        var root = cl_open(AT_FDCWD, location, flags, 0)
        if root == -ENOENT {
            try make(location)
            root = cl_open(AT_FDCWD, location, flags, 0)
            if root >= 0, let mode = settings.directoryMode { fchmod(root, mode) }
        }
        guard root >= 0 else { throw LocationProblem.error(-root, opening: location) }
        if !settings.walks {
            let probe = cl_open_beneath(root, ".", cl_o_path | O_DIRECTORY | O_CLOEXEC, 0)
            walks.store(probe < 0, ordering: .relaxed)
            if probe >= 0 { close(probe) }
        }
        let (isFirst, earlier) = openedRoot.compareExchange(
            expected: -1, desired: root, ordering: .acquiringAndReleasing)
        guard isFirst else {
            close(root)
            return earlier
        }
        return root
    }

    /// Makes a directory and those above it that are missing.
    private func make(_ directory: String) throws(PluginError) {
        let mode = mode_t(settings.directoryMode ?? 0o777)
        if mkdir(directory, mode) != 0 {
            if errno == EEXIST { return }
            guard errno == ENOENT, directory != "/" else { throw LocationProblem.error(errno, making: directory) }
            try make(LocationProblem.parent(of: directory))
            guard mkdir(directory, mode) == 0 || errno == EEXIST else {
                throw LocationProblem.error(errno, making: directory)
            }
        }
        // What is flushed in the location is of no use if a loss of power takes the location's own name.
        let parent = cl_open(AT_FDCWD, LocationProblem.parent(of: directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        // Without the right to read it, it cannot be flushed from here; it is the operator's directory then.
        guard parent >= 0 else { return }
        defer { close(parent) }
        guard fsync(parent) == 0 || errno == EINVAL else { throw LocationProblem.error(errno, making: directory) }
    }

    /// Opens `path`, segments split by single slashes, below the location.
    func open(_ path: String, _ flags: Int32, mode: UInt32 = 0, in root: Int32) throws(SystemError) -> Descriptor {
        let flags = flags | O_CLOEXEC
        if walks.load(ordering: .relaxed) { return try walk(path, flags, mode, in: root) }
        var opened: Int32 = -EAGAIN
        for _ in 0..<Self.raceLimit {
            opened = cl_open_beneath(root, path, flags, mode)
            // No key has a ".." by which it could leave the location. The kernel says these of what was moved to another
            // place between finding it and opening it, as a commit to another store of this file system does.
            guard opened == -EXDEV || opened == -EAGAIN else { break }
        }
        return try Descriptor(opened == -EXDEV ? -EAGAIN : opened)
    }

    private func walk(
        _ path: String, _ flags: Int32, _ mode: UInt32, in root: Int32
    ) throws(SystemError) -> Descriptor {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            return try openSegment(path, flags, mode, in: root)
        }
        let parent = try walk(String(path[..<slash]), cl_o_path | O_DIRECTORY | O_CLOEXEC, 0, in: root)
        return try openSegment(String(path[path.utf8.index(after: slash)...]), flags, mode, in: parent.raw)
    }

    /// Opens one segment, with the errors that openat2 would have.
    private func openSegment(
        _ name: String, _ flags: Int32, _ mode: UInt32, in directory: Int32
    ) throws(SystemError) -> Descriptor {
        let opened = cl_open(directory, name, flags | O_NOFOLLOW, mode)
        // With O_PATH a link itself may be opened, with O_DIRECTORY it counts as "not a directory".
        if opened == -ENOTDIR || flags & cl_o_path != 0, opened == -ENOTDIR || opened >= 0 {
            var found = stat()
            if fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) == 0, found.isLink {
                if opened >= 0 { close(opened) }
                throw SystemError(number: ELOOP)
            }
        }
        return try Descriptor(opened)
    }
}
