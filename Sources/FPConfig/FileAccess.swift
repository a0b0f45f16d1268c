import Glibc

/// The file system as far as settings need it: reading small files and asking what a path is.
enum FileAccess {
    enum Kind: Equatable {
        case file, directory, other, missing
    }

    struct Content {
        var bytes: [UInt8]
        /// Permission bits.
        var mode: mode_t
    }

    enum Failure: Error, Equatable {
        case missing
        case notAFile
        case tooLarge
        /// The system's own words.
        case system(String)
    }

    static func kind(of path: String) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else { return .missing }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .directory
        default: return .other
        }
    }

    /// The permission bits of a file, if there is one.
    static func mode(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    /// Reads a whole file of at most `limit` bytes.
    ///
    /// - Parameter regularOnly: refuse pipes and devices, which could block the start for ever.
    static func read(_ path: String, limit: Int, regularOnly: Bool) throws(Failure) -> Content {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (regularOnly ? O_NONBLOCK : 0))
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(errno) }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || (!regularOnly && kind != S_IFDIR) else { throw .notAFile }

        // One byte more than allowed tells a file that is too large from one that just fits.
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            }
            if got == 0 { break }
            if got > 0 {
                count += got
            } else if errno != EINTR {
                throw failure(errno)
            }
        }
        guard count <= limit else { throw .tooLarge }
        bytes.removeSubrange(count...)
        return Content(bytes: bytes, mode: status.st_mode & 0o7777)
    }

    /// The directory that relative paths of this process refer to.
    static func currentDirectory() -> String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    private static func failure(_ number: Int32) -> Failure {
        number == ENOENT || number == ENOTDIR ? .missing : .system(String(cString: strerror(number)))
    }
}
