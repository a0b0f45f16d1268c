import FPPluginKit
import Glibc

extension PluginError {
    /// What a failed system call means to the host.
    /// - Parameters:
    ///   - number: The `errno`.
    ///   - doing: What was tried, on what: "writing \"a/b\"".
    static func system(_ number: Int32, _ doing: String) -> PluginError {
        let (code, advice) = meaning(of: number)
        return PluginError(code, "\(doing): \(text(of: number))\(advice)", errno: number)
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
        case EXDEV: (.denied, "; the path leaves the location's file system")
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

    static func text(of number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        // The POSIX variant: it fills the buffer and returns a status.
        guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
