import CLinux
import FPPluginKit
import Glibc

/// ".fp/w" below the location: for each session a file with its bytes and a record beside it.
extension Tree {
    static let stagingPath = ".fp/w"

    func staging(making: Bool) throws(PluginError) -> Directory {
        if making { return try makeDirectory(Self.stagingPath, mode: 0o700, power: false) }
        let root = try root()
        return try changing("opening the staging directory", isStaging: true) { () throws(SystemError) in
            try directory(Self.stagingPath, in: root)
        }
    }

    /// A file for a one-shot write, whose bytes are of no use after a crash.
    func stageOnce(_ key: Key) throws(PluginError) -> StagedFile {
        if !lacksNamelessFiles.load(ordering: .relaxed) {
            let root = try root()
            let opened = cl_open(root, ".", cl_o_tmpfile | O_RDWR | O_CLOEXEC, settings.fileMode)
            switch -opened {
            case EOPNOTSUPP, EISDIR, EINVAL:
                lacksNamelessFiles.store(true, ordering: .relaxed)
            default:
                let doing = "beginning to write \"\(key)\""
                let file = try changing(doing, isStaging: true) { () throws(SystemError) in
                    try Descriptor(opened)
                }
                return StagedFile(self, file, session: nil)
            }
        }
        return try stageSession(key, ifNotExists: false)
    }

    /// A file for bytes that outlive the process.
    func stageSession(_ key: Key, ifNotExists: Bool) throws(PluginError) -> StagedFile {
        let id = SessionID.random()
        for _ in 0..<Self.raceLimit {
            let staging = try staging(making: true)
            do throws(SystemError) {
                // The record first: after a crash, bytes without one would never be found.
                let safety = SessionRecord.Safety(boot: .current, offset: 0)
                try SessionRecord(key: key, ifNotExists: ifNotExists, safety: safety)
                    .create(named: id.recordName, in: staging)
                let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
                var file = try Descriptor(cl_open(staging.raw, id.fileName, flags, settings.fileMode))
                guard try file.lock() else { throw SystemError(number: EWOULDBLOCK) }
                let identity: SessionToken.Identity =
                    id.mark(file.raw) ? .marked : .of(file.raw, try file.status(), id)
                let token = SessionToken(id: id, key: key, ifNotExists: ifNotExists, identity: identity)
                return StagedFile(self, file, session: token)
            } catch {
                unlinkat(staging.raw, id.fileName, 0)
                unlinkat(staging.raw, id.recordName, 0)
                // The operator may have cleared ".fp" between two steps.
                guard error.number == ENOENT else {
                    throw refusal(error, "beginning to write \"\(key)\"", isStaging: true)
                }
            }
        }
        throw PluginError(.transient, "the staging directory is removed again and again")
    }

    /// Drops what is staged for a session, and the directory that a commit of `key` may have made before it was killed.
    /// One that is published stays published.
    func discard(_ id: SessionID, _ key: Key) throws(PluginError) {
        let root = try root()
        try changing("dropping an upload", isStaging: true) { () throws(SystemError) in
            guard let staging = try existing({ () throws(SystemError) in try directory(Self.stagingPath, in: root) })
            else { return }
            for name in [id.fileName, id.recordName] where unlinkat(staging.raw, name, 0) != 0 && errno != ENOENT {
                throw SystemError(number: errno)
            }
        }
        pruneLeftovers(key.directory)
    }
}

/// The result of `body`, or nil if what it opens does not exist.
func existing<Result: ~Copyable>(_ body: () throws(SystemError) -> Result) throws(SystemError) -> Result? {
    do throws(SystemError) {
        return try body()
    } catch {
        guard error.number == ENOENT else { throw error }
        return nil
    }
}
