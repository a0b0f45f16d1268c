import Glibc
import Synchronization

/// The right to use a catalog's database file, held by at most one host at a time.
///
/// The lock is the kernel's, on a file beside the database: it goes with the process however that ends, and does not
/// meet SQLite's own locks, which two hosts would share in turns.
final class CatalogLock: Sendable {
    private let descriptor: Mutex<Int32?>

    /// Takes the lock for a database.
    /// - Throws: ``CatalogError/inUse(_:)`` if another host, or another catalog of this one, holds it.
    init(database path: String) throws(CatalogError) {
        let lockPath = path + ".lock"
        let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw .failed("The catalog's lock file \(lockPath) cannot be opened: \(describe(errno: errno)).")
        }
        // ``SQLiteCatalog/user(of:)`` holds it for a moment to see who has it.
        var attempts = 20
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let reason = errno
            if reason == EINTR { continue }
            if reason == EWOULDBLOCK, attempts > 0 {
                attempts -= 1
                usleep(5000)
                continue
            }
            let holder = Self.holder(descriptor)
            close(descriptor)
            guard reason == EWOULDBLOCK else {
                throw .failed("The catalog's lock file \(lockPath) cannot be locked: \(describe(errno: reason)).")
            }
            throw .inUse(
                "The catalog \(path) is in use by another fphost\(holder.map { " (process \($0))" } ?? ""). "
                    + "Stop that one first, or give this one a catalog of its own."
            )
        }
        // Only for messages: the kernel alone knows whether the lock is held.
        let line = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, line, line.count, 0)
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    /// Lets the next host have the database.
    func release() {
        guard let held = descriptor.withLock({ $0.take() }) else { return }
        // The file stays: if it was removed, one host could lock the removed file and another a new one.
        _ = ftruncate(held, 0)
        close(held)
    }

    static func holder(_ descriptor: Int32) -> Int32? {
        var line = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &line, line.count, 0)
        guard count > 0, line[count - 1] == UInt8(ascii: "\n") else { return nil }
        return Int32(String(decoding: line[..<(count - 1)], as: UTF8.self))
    }
}

/// What the system calls an error.
func describe(errno number: Int32) -> String {
    var text = [CChar](repeating: 0, count: 128)
    guard strerror_r(number, &text, text.count) == 0 else { return "error \(number)" }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
