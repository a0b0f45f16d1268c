import CLinux
import FPPluginKit
import Glibc

extension Tree {
    /// How the location is; with `deep`, whether a file can be written there and read back.
    ///
    /// A location that was removed is down, and no longer usable for reads either. Of one that has been moved, unmounted or
    /// hidden by a mount, the store goes on with the directory that it opened, and says that it should not be written to:
    /// after a restart nobody would look there. If there is nothing in that directory, as where a disk was not mounted yet,
    /// the store goes on with the one that has its name now.
    func health(deep: Bool) throws(PluginError) -> Health {
        let root: Int32
        do throws(PluginError) {
            followLocation()
            root = try self.root()
        } catch {
            guard error.code == .transient, error.errno == ENOENT else { throw error }
            return Health(.down, detail: error.message)
        }
        var space = statvfs()
        let doing = "looking at the location \(settings.location)"
        let status = try saying(doing) { () throws(SystemError) in
            try check(fstatvfs(root, &space))
            var status = FileStatus()
            try check(fstat(root, &status))
            return status
        }
        func bytes(_ blocks: UInt) -> UInt64 { UInt64(blocks) &* UInt64(space.f_frsize) }
        var health = Health(
            .ok, totalBytes: bytes(space.f_blocks), usedBytes: bytes(space.f_blocks &- space.f_bfree),
            freeBytes: bytes(space.f_bavail))
        func degrade(_ detail: String, _ limits: Health.Limits) {
            health.state = .degraded
            health.limits = limits
            health.detail = detail
        }
        if let obstacle = writeObstacle() {
            degrade(obstacle, .cannotWrite)
        } else if space.f_bavail == 0 {
            degrade("the file system of \(settings.location) is full", .noSpace)
        } else if space.f_files > 0, space.f_favail == 0 {
            degrade("the file system of \(settings.location) has no free inodes", .noSpace)
        } else if deep, let problem = probe() {
            switch problem.code {
            case .noSpace: degrade(problem.message, .noSpace)
            case .readOnly, .denied: degrade(problem.message, .cannotWrite)
            default:
                health.state = .down
                health.detail = problem.message
            }
        } else if let change = change(of: status) {
            degrade(change, .cannotWrite)
        }
        return health
    }

    /// Whether the location's name leads elsewhere by now.
    private func change(of status: FileStatus) -> String? {
        var found = FileStatus()
        guard stat(settings.location, &found) == 0 else {
            guard errno == ENOENT else { return nil }
            return """
                \(settings.location) is gone, and the store goes on with the directory that had this name: \
                it was moved or its file system unmounted; put it back, or restart
                """
        }
        guard !found.isSameFile(as: status) else { return nil }
        return """
            \(settings.location) is another directory than the store has opened: something was mounted or put there \
            since; restart to use that one
            """
    }

    /// Writes, reads back and removes a file. Always the same name, so that a crash leaves at most one behind.
    private func probe() -> PluginError? {
        let name = "probe"
        let content = Array("fphost".utf8)
        let doing = "writing a probe to the location \(settings.location)"
        do throws(PluginError) {
            let directory = try makeDirectory(".fp", mode: 0o700, power: false)
            try changing(doing, isStaging: true) { () throws(SystemError) in
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
