import FPPluginKit
import Glibc

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
        Hexadecimal.text(UInt64(st_ino), UInt64(bitPattern: modifiedNanoseconds), UInt64(max(0, st_size)))
    }

    var objectInfo: ObjectInfo {
        ObjectInfo(size: UInt64(max(0, st_size)), modifiedNanoseconds: modifiedNanoseconds, etag: etag)
    }
}
