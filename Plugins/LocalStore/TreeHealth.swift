import CLinux
import FPPluginKit
import Glibc

extension Tree {
    /// How the location is; with `deep`, whether a file can be written there and read back.
    func health(deep: Bool) throws(PluginError) -> Health {
        let root = try root()
        var space = statvfs()
        let status = try saying("looking at the location \(settings.location)") { () throws(SystemError) in
            try check(fstatvfs(root, &space))
            var status = FileStatus()
            try check(fstat(root, &status))
            return status
        }
        func bytes(_ blocks: UInt) -> UInt64 { UInt64(blocks) &* UInt64(space.f_frsize) }
        var health = Health(
            .ok, totalBytes: bytes(space.f_blocks), usedBytes: bytes(space.f_blocks &- space.f_bfree),
            freeBytes: bytes(space.f_bavail))
        if status.st_nlink == 0 {
            health.state = .down
            health.detail = "the location \(settings.location) was removed; put it back and restart"
        } else if space.f_flag & UInt(ST_RDONLY) != 0 {
            health.state = .degraded
            health.limits = .cannotWrite
            health.detail = "the file system of \(settings.location) is mounted read-only"
        } else if faccessat(root, ".", W_OK | X_OK, AT_EACCESS) != 0, errno == EACCES || errno == EPERM {
            health.state = .degraded
            health.limits = .cannotWrite
            health.detail = "nothing may be written in \(settings.location); check its owner and its mode"
        } else if space.f_bavail == 0 {
            health.state = .degraded
            health.limits = .noSpace
            health.detail = "the file system of \(settings.location) is full"
        } else if space.f_files > 0, space.f_favail == 0 {
            health.state = .degraded
            health.limits = .noSpace
            health.detail = "the file system of \(settings.location) has no free inodes"
        }
        if deep, health.state == .ok, let problem = probe() {
            switch problem.code {
            case .noSpace: health.limits = .noSpace
            case .denied, .readOnly: health.limits = .cannotWrite
            default: break
            }
            // What can still be read is not down.
            health.state = health.limits.isEmpty ? .down : .degraded
            health.detail = problem.message
        }
        return health
    }

    /// Writes, reads back and removes a file. Always the same name, so that a crash leaves at most one behind.
    private func probe() -> PluginError? {
        let name = "probe"
        let content = Array("fphost".utf8)
        do throws(PluginError) {
            let directory = try makeDirectory(".fp", mode: 0o700, power: false)
            try saying("writing a probe to the location \(settings.location)") { () throws(SystemError) in
                let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC
                let file = try Descriptor(cl_open(directory.raw, name, flags, 0o600))
                defer { unlinkat(directory.raw, name, 0) }
                try check(Int32(clamping: pwrite(file.raw, content, content.count, 0)))
                try check(fsync(file.raw))
                var found = [UInt8](repeating: 0, count: content.count)
                try check(Int32(clamping: pread(file.raw, &found, found.count, 0)))
                guard found == content else { throw SystemError(number: EIO) }
            }
            return nil
        } catch {
            return error
        }
    }
}
