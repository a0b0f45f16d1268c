import Glibc

/// The database file before SQLite sees it: where it really is, and that it exists for its owner only.
enum DatabaseFile {
    /// Makes the directories that are missing (for the owner only) and resolves the symbolic links, so that two names
    /// of one file lead to one lock.
    static func resolve(_ path: String) throws(CatalogError) -> String {
        guard !path.isEmpty, !path.utf8.contains(0), path.utf8.last != UInt8(ascii: "/") else {
            throw .failed("\"\(path)\" does not name a file: the catalog's path needs a file name at its end.")
        }
        let (directory, name) = split(path)
        try makeDirectories(directory)
        guard let folder = real(directory) else {
            throw .failed("The catalog's directory \(directory) cannot be entered: \(describe(errno: errno)).")
        }
        if let file = real(folder + "/" + name) { return file }
        guard errno == ENOENT else {
            throw .failed("The catalog \(path) cannot be reached: \(describe(errno: errno)).")
        }
        var status = stat()
        if lstat(folder + "/" + name, &status) == 0 {
            throw .failed("The catalog \(path) is a symbolic link to nothing: remove it, or make its target.")
        }
        return folder == "/" ? "/" + name : folder + "/" + name
    }

    /// Creates the file for its owner only if it is missing: SQLite gives its own files the mode it finds.
    /// - Returns: the permission bits that others than the owner have.
    static func create(_ path: String) throws(CatalogError) -> mode_t {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .failed("The catalog \(path) cannot be opened: \(describe(errno: errno)).")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .failed("The catalog \(path) is not a regular file.")
        }
        if status.st_size == 0 { syncDirectory(split(path).directory) }
        return status.st_mode & 0o077
    }

    /// Creates a file for its owner only, in a directory that exists, where nothing is yet.
    static func createNew(_ path: String) throws(CatalogError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let reason = errno
            throw .failed(
                reason == EEXIST
                    ? "\(path) exists already, and nothing is ever written over a file; name another one."
                    : "\(path) cannot be made: \(describe(errno: reason)).")
        }
        close(descriptor)
    }

    /// Has a file, and its name, survive a loss of power.
    static func sync(_ path: String) throws(CatalogError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            let reason = errno
            if descriptor >= 0 { close(descriptor) }
            throw .failed("\(path) cannot be flushed to the disk: \(describe(errno: reason)).")
        }
        close(descriptor)
        syncDirectory(split(path).directory)
    }

    /// Gives a file that root has made to whom the database belongs or, where there is none, its directory.
    static func give(_ path: String, toOwnerOf database: String) {
        var status = stat()
        guard geteuid() == 0, stat(database, &status) == 0 || stat(split(database).directory, &status) == 0 else {
            return
        }
        lchown(path, status.st_uid, status.st_gid)
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        let directory = path[..<slash]
        return (directory.isEmpty ? "/" : String(directory), String(path[path.utf8.index(after: slash)...]))
    }

    private static func makeDirectories(_ path: String) throws(CatalogError) {
        if mkdir(path, 0o700) == 0 {
            syncDirectory(split(path).directory)
            return
        }
        switch errno {
        case EEXIST: return
        case ENOENT where path.contains("/"):
            try makeDirectories(split(path).directory)
            if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
            fallthrough
        default:
            throw .failed("The catalog's directory \(path) cannot be made: \(describe(errno: errno)).")
        }
    }

    private static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// A new name survives a loss of power only once its directory is written.
    private static func syncDirectory(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
