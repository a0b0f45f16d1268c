import CLinux
import FPPluginKit
import Glibc

/// An open file or directory, closed when its owner lets go of it.
struct Descriptor: ~Copyable {
    let raw: Int32
    private var isLocked = false

    /// Takes over what a call of CLinux returned.
    /// - Throws: the negated `errno` as a bare number, for the caller knows what it was doing.
    init(_ result: Int32) throws(SystemError) {
        guard result >= 0 else { throw SystemError(number: -result) }
        raw = result
    }

    deinit {
        // A child that the host is just starting shares the lock until it runs its own program: closing alone would
        // leave it locked for that long.
        if isLocked { flock(raw, LOCK_UN) }
        close(raw)
    }

    /// Takes the file's lock.
    /// - Returns: false if somebody else holds it.
    mutating func lock() throws(SystemError) -> Bool {
        guard flock(raw, LOCK_EX | LOCK_NB) != 0 else {
            isLocked = true
            return true
        }
        guard errno == EWOULDBLOCK else { throw SystemError(number: errno) }
        return false
    }

    func status() throws(SystemError) -> FileStatus {
        var found = FileStatus()
        try check(fstat(raw, &found))
        return found
    }
}

/// A failed system call, before it is said what it was for.
struct SystemError: Error {
    let number: Int32

    func doing(_ what: @autoclosure () -> String) -> PluginError { .system(number, what()) }
}

/// Turns the result of a call that sets `errno` into an error.
@discardableResult
func check(_ result: Int32) throws(SystemError) -> Int32 {
    guard result >= 0 else { throw SystemError(number: errno) }
    return result
}

/// Turns a result of CLinux into an error.
@discardableResult
func checkNegated(_ result: Int64) throws(SystemError) -> Int64 {
    guard result >= 0 else { throw SystemError(number: Int32(clamping: -result)) }
    return result
}

/// Says what was tried when a system call in `body` fails.
func saying<Result: ~Copyable>(
    _ what: @autoclosure () -> String, _ body: () throws(SystemError) -> Result
) throws(PluginError) -> Result {
    do throws(SystemError) { return try body() } catch { throw error.doing(what()) }
}

/// The struct, for the function has the same name.
typealias FileStatus = stat

extension stat {
    var isFile: Bool { st_mode & S_IFMT == S_IFREG }
    var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
    var isLink: Bool { st_mode & S_IFMT == S_IFLNK }
    var permissions: UInt32 { st_mode & 0o7777 }
    var modifiedNanoseconds: Int64 {
        Int64(st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(st_mtim.tv_nsec)
    }

    func isSameFile(as other: stat) -> Bool { st_ino == other.st_ino && st_dev == other.st_dev }

    /// A commit makes a new inode and stamps it to the nanosecond, so no two versions of a key share this.
    var etag: String {
        // Sixteen digits for each of three numbers, because the general way costs more than the stat itself.
        String(unsafeUninitializedCapacity: 48) { buffer in
            var count = 0
            for number in [UInt64(st_ino), UInt64(bitPattern: modifiedNanoseconds), UInt64(max(0, st_size))] {
                for shift in stride(from: 60, through: 0, by: -4) {
                    let digit = UInt8(number >> shift & 15)
                    buffer[count] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
                    count += 1
                }
            }
            return count
        }
    }

    var objectInfo: ObjectInfo {
        ObjectInfo(size: UInt64(max(0, st_size)), modifiedNanoseconds: modifiedNanoseconds, etag: etag)
    }
}
