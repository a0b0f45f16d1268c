import Glibc

/// A file of the operator's that says who is let in: read whole, and only if not every user of the machine could have
/// written it.
enum GuardedFile {
    /// What tells one version of a file from another without reading it.
    struct Stamp: Equatable {
        private let device: UInt
        private let inode: UInt
        private let size: Int
        private let modified: Int64
        /// Nanoseconds since 1970.
        let changed: Int64

        init(_ status: stat) {
            device = UInt(status.st_dev)
            inode = UInt(status.st_ino)
            size = Int(status.st_size)
            modified = Self.nanoseconds(status.st_mtim)
            changed = Self.nanoseconds(status.st_ctim)
        }

        private static func nanoseconds(_ time: timespec) -> Int64 {
            // Beyond the year 2262 it only has to be another number.
            Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
        }
    }

    /// One version of a file.
    struct Content {
        let bytes: [UInt8]
        let stamp: Stamp
        /// Whether a later change would have another stamp: the clock of file systems ticks slowly.
        let isSettled: Bool
    }

    /// The stamp of what is at a path now; `nil` if nothing can be seen there.
    static func stamp(at path: String) -> Stamp? {
        var status = stat()
        return stat(path, &status) == 0 ? Stamp(status) : nil
    }

    /// Reads a file of at most `limit` bytes; `nil` if there is none.
    /// - Throws: ``AccessFileError`` if it cannot be read, is no regular file, is too large, or anybody may change it.
    static func read(_ path: String, limit: Int) throws(AccessFileError) -> Content? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path, "cannot be read")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, "cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw AccessFileError(path, "is not a regular file") }
        guard status.st_mode & S_IWOTH == 0 else {
            throw AccessFileError(path, "may be changed by any user of this machine; run: chmod 600 \(path)")
        }
        guard status.st_size <= limit else {
            throw AccessFileError(path, "has \(status.st_size) bytes, more than the \(limit) that are read")
        }
        let bytes = try contents(of: descriptor, limit, path)
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let stamp = Stamp(status)
        let isSettled = (Int64(now.tv_sec) - 1) * 1_000_000_000 + Int64(now.tv_nsec) > stamp.changed
        return Content(bytes: bytes, stamp: stamp, isSettled: isSettled)
    }

    static func failure(_ path: String, _ what: String) -> AccessFileError {
        AccessFileError(path, "\(what): \(String(cString: strerror(errno)))")
    }

    private static func contents(of descriptor: Int32, _ limit: Int, _ path: String) throws(AccessFileError) -> [UInt8]
    {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, "cannot be read") }
            if count == 0 { return bytes }
            bytes += piece[..<count]
            guard bytes.count <= limit else { throw AccessFileError(path, "has more than \(limit) bytes") }
        }
    }
}
