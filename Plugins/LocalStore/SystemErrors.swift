import FPPluginKit
import Glibc

extension PluginError {
    /// What a failed system call means to the host.
    /// - Parameters:
    ///   - number: The `errno`.
    ///   - doing: What was tried, on what: "writing \"a/b\"".
    static func system(_ number: Int32, _ doing: String) -> PluginError {
        let (code, advice) = meaning(of: number)
        return PluginError(code, "\(doing): \(text(ofErrno: number))\(advice)", errno: number)
    }

    /// The one place that says what becomes of an `errno`. A code of class 1 (`FP_CLASS`) is an answer about one key,
    /// or one operation, that stays the same; `.transient` is a disk that may do better next time. Whether a refusal is
    /// for one key or for the whole location is found out by `Tree.refusal`.
    private static func meaning(of number: Int32) -> (Code, advice: String) {
        switch number {
        case ENOSPC: (.noSpace, "; free some space")
        case EDQUOT: (.noSpace, "; raise the quota or free some space")
        case EROFS: (.readOnly, "; mount the file system for writing")
        case EACCES: (.denied, "; check the owner and the mode of the directories on the way")
        case EPERM: (.denied, "; it belongs to another user, or is marked as immutable")
        case ELOOP: (.denied, "; symbolic links are not followed below the location")
        case EBUSY: (.denied, "; something is mounted there")
        case EMLINK: (.denied, "; the directory has as many entries as its file system takes")
        case EMFILE: (.transient, "; raise the limit of open files (LimitNOFILE)")
        case ENFILE: (.transient, "; raise fs.file-max")
        case ENAMETOOLONG: (.invalid, "; this file system takes shorter names only")
        case EILSEQ, EINVAL: (.invalid, "; this file system does not take the name")
        case EFBIG, EOVERFLOW: (.tooLarge, "; the file system or the limit of the process allows no larger file")
        case ENOENT, ENOTDIR, EISDIR: (.notFound, "")
        case EEXIST, ENOTEMPTY: (.exists, "")
        case ENOMEM: (.noMemory, "")
        case EOPNOTSUPP, ENOSYS: (.unsupported, "")
        default: (.transient, "")
        }
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
