import CSQLite
import Glibc

/// Whether a database file is still at its path. A file that was moved or removed, or whose disk was unmounted, takes
/// changes as ever, and at the next start nobody finds them.
struct DatabasePlace {
    private let path: String
    private let file: (device: dev_t, number: ino_t)?
    private var isLeft = false
    private var lookedAt: time_t = 0

    /// The place of a file that is there.
    init(_ path: String) {
        self.path = path
        file = Self.file(at: path)
    }

    /// Looks, once a second at most while all is well: it costs each commit next to nothing.
    /// - Throws: ``SQLiteError`` of the kind of a disk that fails.
    mutating func check() throws {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &now)
        guard isLeft || now.tv_sec != lookedAt, let file else { return }
        lookedAt = now.tv_sec
        let found = Self.file(at: path)
        isLeft = found.map { $0 != file } ?? true
        guard !isLeft else {
            throw SQLiteError(
                code: SQLITE_IOERR,
                message: "its file is not at its path any more: it was moved or removed, or its disk unmounted")
        }
    }

    private static func file(at path: String) -> (device: dev_t, number: ino_t)? {
        var status = stat()
        return stat(path, &status) == 0 ? (status.st_dev, status.st_ino) : nil
    }
}
