import Glibc

extension SQLiteCatalog {
    /// What opening the catalog would be refused for, as far as that can be seen without making or changing a file; nil
    /// if nothing. Whether another host has it open is not asked: a configuration is checked while its host runs.
    package static func objection(to path: String) -> String? {
        do throws(CatalogError) {
            guard let file = try DatabaseFile.existing(path) else { return nil }
            return try Schema.objection(toHeaderOf: file)
        } catch {
            return error.sentence
        }
    }
}

extension SQLiteCatalog {
    /// The database file without symbolic links; what else belongs to the catalog is beside it.
    package static func place(of path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Which process has the catalog open; 0 if one has and did not say which, nil if none has. Makes no file.
    package static func user(of path: String) -> Int32? {
        let descriptor = Glibc.open(place(of: path) + ".lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        // Closing it gives back what was taken.
        defer { Glibc.close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return nil }
        return CatalogLock.holder(descriptor) ?? 0
    }
}

extension DatabaseFile {
    /// The database file without symbolic links, or nil if there is none and one can be made.
    static func existing(_ path: String) throws(CatalogError) -> String? {
        guard let resolved = realpath(path, nil) else {
            guard errno == ENOENT else {
                throw .failed("The catalog \(path) cannot be reached: \(describe(errno: errno)).")
            }
            var status = stat()
            if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK {
                throw .failed("The catalog \(path) is a symbolic link to nothing: remove it, or make its target.")
            }
            try checkPlace(of: path)
            return nil
        }
        defer { free(resolved) }
        let file = String(cString: resolved)
        var status = stat()
        guard stat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .failed("The catalog \(path) is not a regular file.")
        }
        guard access(file, R_OK | W_OK) == 0 else {
            throw .failed("The catalog \(path) cannot be opened: \(describe(errno: errno)).")
        }
        // SQLite's log and the lock are made beside it.
        try checkPlace(of: file)
        return file
    }

    /// Checks that a file can be made there, its directories included.
    private static func checkPlace(of path: String) throws(CatalogError) {
        var directory = path
        while let slash = directory.utf8.lastIndex(of: UInt8(ascii: "/")) {
            directory = slash == directory.startIndex ? "/" : String(directory[..<slash])
            var status = stat()
            guard stat(directory, &status) == 0 else {
                guard errno == ENOENT, directory != "/" else { break }
                guard lstat(directory, &status) != 0 else {
                    throw .failed("The catalog's directory \(directory) is a symbolic link to nothing.")
                }
                continue
            }
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw .failed("The catalog's directory \(directory) is not a directory.")
            }
            if access(directory, W_OK | X_OK) == 0 { return }
            throw .failed(
                "The catalog \(path) cannot be made: in \(directory) this user may not write "
                    + "(\(describe(errno: errno))).")
        }
        throw .failed("The catalog's directory \(directory) cannot be entered: \(describe(errno: errno)).")
    }
}

extension Schema {
    /// Whether a file begins as SQLite's do.
    static func isDatabase(_ file: String) throws(CatalogError) -> Bool {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .failed("\(file) cannot be opened: \(describe(errno: errno)).") }
        defer { Glibc.close(descriptor) }
        var beginning = [UInt8](repeating: 0, count: 16)
        return pread(descriptor, &beginning, beginning.count, 0) == 16 && beginning == Array("SQLite format 3\0".utf8)
    }

    /// What is wrong with a database by its header (https://www.sqlite.org/fileformat2.html, 1.3), which SQLite itself
    /// would have to open, and so change, to tell.
    static func objection(toHeaderOf file: String) throws(CatalogError) -> String? {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .failed("The catalog \(file) cannot be opened: \(describe(errno: errno)).")
        }
        defer { Glibc.close(descriptor) }
        // The header, and of the first page how many tables there are, unless they fill more than that page.
        var header = [UInt8](repeating: 0, count: 108)
        let count = pread(descriptor, &header, header.count, 0)
        // An empty file is a database without tables.
        if count == 0 { return nil }
        guard count == header.count, header.starts(with: Array("SQLite format 3\0".utf8)) else {
            return "The catalog \(file) is not a SQLite database. Name another file, or remove that one."
        }
        func number(at offset: Int) -> Int {
            Int(header[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        }
        let (found, application) = (number(at: 60), number(at: 68))
        // What is still in SQLite's log is not in the header yet: a new catalog has zeros there.
        let isEmpty = header[100] == 0x0D && header[103] == 0 && header[104] == 0
        if application != applicationID, application != 0 || found != 0 || !isEmpty {
            return "\(file) is a database of another program, not a catalog of fphost. Name another file for the "
                + "catalog."
        }
        if application == applicationID, found > version {
            return "The catalog \(file) has schema version \(found), written by a newer fphost; this fphost reads "
                + "versions up to \(version). Run that fphost, or restore a catalog from before."
        }
        return nil
    }
}
