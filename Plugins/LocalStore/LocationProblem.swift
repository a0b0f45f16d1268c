import FPPluginKit
import Glibc

/// What the operator reads when the location cannot be used.
enum LocationProblem {
    /// Looks, without changing anything, whether the location is there or can be made.
    static func check(_ location: String) throws(PluginError) {
        var found = FileStatus()
        if stat(location, &found) == 0 {
            guard found.isDirectory else { throw error(ENOTDIR, opening: location) }
            return
        }
        guard errno == ENOENT else { throw error(errno, opening: location) }
        var missing = location
        while stat(parent(of: missing), &found) != 0 {
            guard errno == ENOENT, missing != "/" else { throw error(errno, making: missing) }
            missing = parent(of: missing)
        }
        guard found.isDirectory else { throw error(ENOTDIR, making: missing) }
        guard access(parent(of: missing), W_OK | X_OK) == 0 else { throw error(errno, making: missing) }
    }

    /// The directory that has the last part of an absolute path.
    static func parent(of path: String) -> String {
        let parent = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? ""
        return parent.isEmpty ? "/" : parent
    }

    static func error(_ number: Int32, making location: String) -> PluginError {
        let shown = parent(of: location)
        let sentence =
            switch number {
            case EACCES, EPERM: "this user may not create it in \(shown); create it, or change the owner of \(shown)"
            case ENOTDIR: "a part of \(shown) is not a directory; correct `location`"
            case EROFS: "\(shown) is on a file system that is mounted read-only"
            default: PluginError.text(ofErrno: number)
            }
        return describe(number, "the location \(location) does not exist and cannot be made: \(sentence)")
    }

    static func error(_ number: Int32, opening location: String) -> PluginError {
        let sentence =
            switch number {
            case EACCES, EPERM: "this user may not open it; change its owner or mode"
            case ENOTDIR: "it is not a directory; correct `location`"
            default: PluginError.text(ofErrno: number)
            }
        return describe(number, "the location \(location) cannot be opened: \(sentence)")
    }

    /// A disk that is away, or a process short of descriptors, is not the configuration's fault.
    private static func describe(_ number: Int32, _ message: String) -> PluginError {
        switch number {
        case ENOENT, EACCES, EPERM, ENOTDIR, EROFS, ELOOP, ENAMETOOLONG:
            PluginError(.config, message, errno: number)
        default:
            PluginError(PluginError.system(number, "").code, message, errno: number)
        }
    }
}
