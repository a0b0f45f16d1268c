import FPPluginKit
import Glibc

/// Tells whether the system refuses one key, or every change of the location, which is no fault of the request.
extension Tree {
    /// Says what was tried when a system call in `body` fails that changes something.
    /// - Parameter isStaging: whether it was done to staged bytes, through which every write goes.
    func changing<Result: ~Copyable>(
        _ what: @autoclosure () -> String, isStaging: Bool = false, _ body: () throws(SystemError) -> Result
    ) throws(PluginError) -> Result {
        do throws(SystemError) { return try body() } catch { throw refusal(error, what(), isStaging: isStaging) }
    }

    func refusal(_ error: SystemError, _ doing: String, isStaging: Bool = false) -> PluginError {
        guard [EROFS, EACCES, EPERM].contains(error.number) else { return error.doing(doing) }
        let obstacle = writeObstacle()
        guard isStaging || obstacle != nil else {
            // Only there: a directory of another owner, or another file system that is mounted read-only.
            var failure = error.doing(doing)
            failure.code = .denied
            return failure
        }
        let reason = obstacle ?? "nothing can be staged in \(settings.location); check its owner, mode and mount"
        return PluginError(
            .readOnly, "\(doing): \(PluginError.text(ofErrno: error.number)); \(reason)", errno: error.number)
    }

    /// Why nothing at all can be written, as far as that shows without writing; nil if nothing speaks against it.
    func writeObstacle() -> String? {
        guard let root = try? root() else { return nil }
        var space = statvfs()
        if fstatvfs(root, &space) == 0, space.f_flag & UInt(ST_RDONLY) != 0 {
            return "the file system of \(settings.location) is mounted read-only; mount it for writing"
        }
        // For root, this finds little more than the check before.
        for name in [".", ".fp", Self.stagingPath] where faccessat(root, name, W_OK | X_OK, AT_EACCESS) != 0 {
            guard [EACCES, EPERM, EROFS].contains(errno) else { continue }
            let path = name == "." ? settings.location : "\(settings.location)/\(name)"
            return "this user may not write to \(path); check its owner and mode"
        }
        return nil
    }
}
