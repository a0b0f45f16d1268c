import CLinux
import FPPluginKit
import Glibc

extension Tree {
    /// What became of a session.
    enum Found {
        /// Bytes up to here are staged; what lay beyond is dropped.
        case open(StagedFile, offset: UInt64)
        /// The object under its key is the file that it staged.
        case committed
    }

    /// Goes on with a session at `offset`, or as far as it is durable.
    /// - Throws: `.gone`, `.conflict`, `.range`.
    func resume(_ token: SessionToken, at offset: UInt64?) throws(PluginError) -> Found {
        let root = try root()
        let doing = "going on with the upload of \"\(token.key)\""
        for _ in 0..<Self.raceLimit {
            let staging = try changing(doing, isStaging: true) { () throws(SystemError) in
                try existing { () throws(SystemError) in try directory(Self.stagingPath, in: root) }
            }
            guard let staging else { return try recogniseCommit(of: token, in: root) }
            let file = try changing(doing, isStaging: true) { () throws(SystemError) in
                try existing { () throws(SystemError) in
                    try Descriptor(
                        cl_open(staging.raw, token.id.fileName, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0))
                }
            }
            guard var file else {
                let found = try recogniseCommit(of: token, in: root)
                unlinkat(staging.raw, token.id.recordName, 0)
                return found
            }
            guard try changing(doing, isStaging: true, { () throws(SystemError) in try file.lock() }) else {
                throw PluginError(.conflict, "another writer holds the upload of \"\(token.key)\"", errno: EWOULDBLOCK)
            }
            let status = try changing(doing, isStaging: true) { () throws(SystemError) in try file.status() }
            // Its holder may have published or dropped it before letting go of the lock.
            guard let named = try? staging.status(of: token.id.fileName), named.isSameFile(as: status) else { continue }
            if status.st_nlink > 1 {
                // The end came between the two steps of a commit that cannot rename: writing would change the object.
                let found = try recogniseCommit(of: token, in: root)
                try discard(token.id, token.key)
                return found
            }
            return try reopen(token, file, status, in: staging, at: offset)
        }
        throw PluginError(.transient, "the upload of \"\(token.key)\" changes hands again and again")
    }

    private func reopen(
        _ token: SessionToken, _ file: consuming Descriptor, _ status: stat, in staging: borrowing Directory,
        at wanted: UInt64?
    ) throws(PluginError) -> Found {
        let doing = "going on with the upload of \"\(token.key)\""
        let name = token.id.recordName
        let record = try changing(doing, isStaging: true) { () throws(SystemError) in
            try SessionRecord(named: name, in: staging)
        }
        guard let record else {
            try discard(token.id, token.key)
            throw gone(token)
        }
        let length = UInt64(max(0, status.st_size))
        let isSameRun = record.safety.boot == .current
        let durable = isSameRun ? length : min(length, record.safety.offset)
        let offset = wanted ?? durable
        guard offset <= durable else {
            throw PluginError(.range, "\"\(token.key)\": only \(durable) bytes are safe, not \(offset)")
        }
        let safety = SessionRecord.Safety(boot: .current, offset: min(record.safety.offset, offset))
        try changing(doing, isStaging: true) { () throws(SystemError) in
            if isSameRun {
                // Before other bytes can come in the place of those that were safe.
                if safety != record.safety { try SessionRecord.store(safety, named: name, in: staging) }
                if offset < length { try check(ftruncate(file.raw, off_t(clamping: offset))) }
            } else {
                // From here on the length counts again, so it must be right by then.
                if offset < length { try check(ftruncate(file.raw, off_t(clamping: offset))) }
                try SessionRecord.store(safety, named: name, in: staging)
            }
        }
        return .open(StagedFile(self, file, session: token, powerOffset: safety.offset), offset: offset)
    }

    /// - Throws: `.gone` unless the object under the session's key is the very file that it staged.
    private func recogniseCommit(of token: SessionToken, in root: Int32) throws(PluginError) -> Found {
        let isPublished = try saying("looking at \"\(token.key)\"") { () throws(SystemError) in
            do throws(SystemError) {
                let file = try open(token.key.string, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, in: root)
                let status = try file.status()
                return status.isFile && token.identity.matches(file.raw, status, token.id)
            } catch {
                guard [ENOENT, ENOTDIR, ELOOP].contains(error.number) else { throw error }
                return false
            }
        }
        guard isPublished else { throw gone(token) }
        return .committed
    }

    private func gone(_ token: SessionToken) -> PluginError {
        PluginError(.gone, "the upload of \"\(token.key)\" was dropped, or its object has been moved or replaced")
    }
}
