import CLinux
import FPPluginKit
import Glibc

/// Bytes on their way to become an object: in a file without a name where that is possible, else in one below ".fp".
///
/// Whoever holds a named one holds its lock, so that there is never a second writer.
final class StagedFile {
    let tree: Tree
    let file: Descriptor
    /// Nil for a file without a name, which the kernel drops with its last descriptor.
    private(set) var session: SessionToken?
    /// How far the bytes survive power loss.
    private(set) var powerOffset: UInt64
    /// A sync failed: the kernel may have dropped what it could not write, so the file must not be published.
    private var isDamaged = false

    init(_ tree: Tree, _ file: consuming Descriptor, session: SessionToken?, powerOffset: UInt64 = 0) {
        self.tree = tree
        self.file = consume file
        self.session = session
        self.powerOffset = powerOffset
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
        var rest = bytes[...]
        var position = off_t(clamping: offset)
        while !rest.isEmpty {
            let count = pwrite(file.raw, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, position)
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                throw SystemError(number: count == 0 ? ENOSPC : errno)
            }
            rest = rest.dropFirst(count)
            position += off_t(count)
        }
    }

    /// Makes the bytes below `offset` of a session survive power loss, and its name and record with them.
    func syncForPower(upTo offset: UInt64) throws(PluginError) {
        guard let session, offset > powerOffset || powerOffset == 0 else { return }
        try flush()
        let root = try tree.root()
        let staging = try tree.staging(making: false)
        let doing = "recording how far the upload of \"\(session.key)\" is safe"
        try tree.changing(doing, isStaging: true) { () throws(SystemError) in
            try SessionRecord.store(.init(boot: .current, offset: offset), named: session.id.recordName, in: staging)
            if powerOffset == 0 {
                try staging.sync()
                try tree.keepName(of: Tree.stagingPath, in: root)
            }
        }
        powerOffset = offset
    }

    /// Publishes the file under `key`.
    /// - Returns: what a stat of the object says.
    func publish(as key: Key, replacing: Bool, size: UInt64, power: Bool) throws(PluginError) -> ObjectInfo {
        guard !isDamaged else {
            throw PluginError(.corrupt, "\"\(key)\" cannot be stored: the disk did not take all of its bytes")
        }
        let info = try prepare(key, size: size)
        if power { try flush() }
        if session == nil {
            if try tree.link(file.raw, as: key, power: power) { return info }
            guard replacing else { throw tree.taken(key) }
            // Only a file with a name can take the place of another.
            try assumeName(for: key)
        }
        guard let session else { return info }
        let staging = try tree.staging(making: false)
        try tree.rename(session.id.fileName, in: staging, to: key, replacing: replacing, power: power)
        // It is published: what goes wrong from here on leaves litter, which list_pending finds.
        unlinkat(staging.raw, session.id.recordName, 0)
        if power { try? staging.sync() }
        return info
    }

    /// Drops the bytes, and the session with them.
    func drop() throws(PluginError) {
        guard let session else { return }
        try tree.discard(session.id, session.key)
    }

    /// Gives the file its mode and a time of its own, and checks its size.
    private func prepare(_ key: Key, size: UInt64) throws(PluginError) -> ObjectInfo {
        let status = try tree.changing("storing \"\(key)\"", isStaging: true) { () throws(SystemError) in
            // The clock that the kernel stamps with moves in milliseconds: too slow to tell two versions apart.
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            try check(futimens(file.raw, [now, now]))
            let status = try file.status()
            let mode = tree.settings.fileMode
            if status.permissions != mode { try check(fchmod(file.raw, mode_t(mode))) }
            return status
        }
        guard UInt64(max(0, status.st_size)) == size else {
            throw PluginError(.invalid, "\"\(key)\": \(size) bytes announced, \(status.st_size) staged")
        }
        return status.objectInfo
    }

    private func flush() throws(PluginError) {
        guard fsync(file.raw) != 0 else { return }
        let number = errno
        isDamaged = true
        // The page cache may still show bytes that never reached the disk. They have to be written again.
        ftruncate(file.raw, off_t(clamping: powerOffset))
        throw tree.refusal(SystemError(number: number), "flushing the bytes to the disk", isStaging: true)
    }

    private func assumeName(for key: Key) throws(PluginError) {
        let staging = try tree.staging(making: true)
        let id = SessionID.random()
        session = try tree.changing("storing \"\(key)\"", isStaging: true) { () throws(SystemError) in
            let record = SessionRecord(key: key, ifNotExists: false, safety: .init(boot: .current, offset: 0))
            try record.create(named: id.recordName, in: staging)
            try checkNegated(Int64(cl_link_fd(file.raw, staging.raw, id.fileName)))
            return SessionToken(id: id, key: key, ifNotExists: false, identity: .unknown)
        }
    }
}
