import FPPluginKit

/// Giving a finished file its name: one request, so that no observer sees it half done.
extension SFTPStore {
    /// Publishes what is staged. Nothing may be under way to the file, and it must be closed.
    func publish(
        _ staged: Staged, size: UInt64, power: Bool, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        let doing = "storing \"\(staged.key)\""
        let abilities = try abilities(on: connection, call)
        var requests: [Request] = [
            .set(Attributes(owner: settings.owner, permissions: settings.fileMode), on: staged.path),
            .attributes(ofLink: staged.path),
        ]
        // From here on the record says that a commit has begun: see `resume`. It may say so from an earlier try.
        if staged.isSession { requests.append(.rename(staged.openRecordPath, to: staged.committedRecordPath)) }
        let replies = try connection.run(requests, call)
        guard let found = try replies[1].attributesIfThere(doing) else {
            throw PluginError(.gone, "\(doing): the upload was dropped")
        }
        guard found.kind == .file, found.size == size else {
            throw PluginError(.invalid, "\(doing): \(size) bytes announced, \(found.size ?? 0) on the server")
        }
        try accept(replies[0], settingModeOf: staged.key)
        let placing = Placing(
            connection: connection, settings: settings, abilities: abilities, removed: removed,
            record: staged.isSession ? staged.committedRecordPath : nil, sharing: .nobody)
        try placing.place(staged.path, found, as: staged.key, replacing: staged.replaces, keepsSource: false, call)
        // It is done, and nothing that goes wrong from here on makes it undone.
        let info = (try? connection.look(at: staged.key, call))?.objectInfo ?? found.objectInfo
        if power { try flush(staged.key, on: connection, call) }
        return info
    }

    /// Some servers set no modes; that is no reason to lose an upload.
    private func accept(_ reply: Reply, settingModeOf key: Key) throws(PluginError) {
        if case .status(let status) = reply, status.code == Status.unsupported {
            log.write(.debug, "the server sets no modes")
            return
        }
        let doing = "setting the mode and owner of \"\(key)\""
        if let owner = settings.owner, case .status(let status) = reply, status.code == Status.permissionDenied {
            throw PluginError(
                .config,
                """
                \(doing): the server does not let this user give files to \(owner.user):\(owner.group); \
                drop `uid` and `gid`
                """, nativeCode: Int32(clamping: status.code))
        }
        try reply.expectOK(doing)
    }

    /// Makes the name survive a power loss of the server: most file systems write it with the next flush of its file.
    func flush(_ key: Key, on connection: Connection, _ call: borrowing Call) throws(PluginError) {
        guard connection.features.has(Extension.fsync) else { return }
        do throws(PluginError) {
            let doing = "flushing \"\(key)\" to the server's disk"
            let path = connection.paths.path(of: key)
            let file = OpenFile(connection, try connection.run(.open(path, .read), call).expectHandle(doing))
            try connection.run(.fsync(file.handle), call).expectOK(doing)
            file.close()
        } catch {
            var error = error
            error.outcomeUnknown = true
            throw error
        }
    }
}

/// The step from a path to a key.
struct Placing {
    let connection: Connection
    let settings: Settings
    let abilities: Abilities
    let removed: RecentTimes
    /// Gets the time of the object, by which a commit is recognised.
    var record: String?
    /// Whose name the file has now.
    var sharing = Sharing.object

    enum Sharing {
        /// A staged file's, which no observer sees.
        case nobody
        /// An object's.
        case object
        /// An object's that stays, and whose ETag should not change.
        case twin
    }

    /// How often the step is repeated when others get in between.
    private static let raceLimit = 32

    /// Gives the file at `source` the name `key`.
    /// - Parameter keepsSource: as a second name, beside its own.
    /// - Throws: `.exists` if the key is taken and the file may not replace it.
    func place(
        _ source: String, _ file: Attributes, as key: Key, replacing: Bool, keepsSource: Bool,
        _ call: borrowing Call
    ) throws(PluginError) {
        var made: [String] = []
        do throws(PluginError) {
            try place(source, file, as: key, replacing: replacing, keepsSource: keepsSource, &made, call)
        } catch {
            // They were made for nothing. One that somebody else uses by now is refused.
            if !error.outcomeUnknown { for path in made.reversed() { connection.tell(.removeDirectory(path)) } }
            throw error
        }
    }

    private func place(
        _ source: String, _ file: Attributes, as key: Key, replacing: Bool, keepsSource: Bool,
        _ made: inout [String], _ call: borrowing Call
    ) throws(PluginError) {
        let paths = connection.paths
        let target = paths.path(of: key)
        let way = paths.way(to: key)
        var refusal = Status(code: Status.failure, text: "")
        for _ in 0..<Self.raceLimit {
            var replies = try connection.looks(along: way + [target], call)
            let last = replies.removeLast()
            guard case .clear = try Way(way, replies, for: key) else {
                try connection.makeWay(to: key, &made, call)
                continue
            }
            let there = try last.attributesIfThere("looking at \"\(key)\"")
            if let there, try !makeRoom(at: target, there, key, replacing, call) { continue }
            let status = try step(
                source, file, as: key, over: there, replacing: replacing, keepsSource: keepsSource, call)
            if status.isOK { return }
            refusal = status
            // The server does not say why. If it is not somebody else, the next round finds nothing new.
            if ![Status.failure, Status.noSuchFile, Status.noSuchPath, Status.exists].contains(status.code) { break }
            guard try connection.run(.attributes(ofLink: source), call).attributesIfThere("looking at \(key)") != nil
            else { throw PluginError(.gone, "the bytes of \"\(key)\" are gone from the server") }
        }
        throw connection.explain(refusal, "storing \"\(key)\"", call)
    }

    /// - Returns: false if an empty directory was in the way, which is no object.
    private func makeRoom(
        at target: String, _ there: Attributes, _ key: Key, _ replacing: Bool, _ call: borrowing Call
    ) throws(PluginError) -> Bool {
        switch there.kind {
        // A link under the key itself is replaced, not followed.
        case .file where replacing, .link where replacing: return true
        case .directory:
            guard case .status(let status) = try connection.run(.removeDirectory(target), call) else { return false }
            guard !status.isOK, !status.isAbsent else { return false }
            throw PluginError(
                .exists, "\"\(key)\" cannot be stored: other objects lie below \"\(key)/\"",
                nativeCode: Int32(clamping: status.code))
        default: throw PluginError(.exists, "\"\(key)\" exists already")
        }
    }

    /// The request that publishes. If its answer is lost, the outcome is unknown.
    private func step(
        _ source: String, _ file: Attributes, as key: Key, over there: Attributes?, replacing: Bool,
        keepsSource: Bool, _ call: borrowing Call
    ) throws(PluginError) -> Status {
        let target = connection.paths.path(of: key)
        try setTimes(source, file, after: [replacing ? there?.times?.modified : nil, removed.last(of: key)], call)
        if replacing, abilities.replaces, !keepsSource {
            return try decide(.posixRename(source, to: target), call)
        }
        if replacing, there != nil {
            // Without posix-rename there is a moment without either.
            guard case .status(let status) = try connection.run(.remove(target), call) else {
                throw PluginError.unexpected("replacing an object")
            }
            guard status.isOK || status.isAbsent else { return status }
        }
        guard abilities.linksExclusively else { return try decide(.rename(source, to: target), call) }
        let status = try decide(.link(source, as: target), call)
        if status.isOK, !keepsSource { _ = try? connection.run(.remove(source), call) }
        return status
    }

    private func decide(_ request: Request, _ call: borrowing Call) throws(PluginError) -> Status {
        let exchange = try connection.ask(request)
        do throws(PluginError) {
            guard case .status(let status) = try connection.reply(to: exchange, call) else {
                throw PluginError.unexpected("storing an object")
            }
            return status
        } catch {
            var error = error
            error.outcomeUnknown = true
            throw error
        }
    }

    /// A tag is a time and a size, and times are whole seconds: where a version comes after another, its time moves on,
    /// so that the two never share a tag. The record gets the same time.
    private func setTimes(
        _ source: String, _ file: Attributes, after others: [UInt32?], _ call: borrowing Call
    ) throws(PluginError) {
        guard let times = file.times else { return }
        let old = others.compactMap(\.self).max()
        guard abilities.setsTimes else {
            if sharing == .nobody, let old { try renew(source, file, after: old, call) }
            return
        }
        var requests: [Request] = []
        var modified = times.modified
        if let old, sharing == .twin ? others.contains(modified) : old >= modified {
            modified = old &+ 1
            requests.append(
                .set(Attributes(times: Attributes.Times(accessed: times.accessed, modified: modified)), on: source))
        }
        if let record {
            // When it was last used tells when it may go.
            let stamp = Attributes.Times(accessed: unixNow(), modified: modified)
            requests.append(.set(Attributes(times: stamp), on: record))
        }
        if requests.isEmpty { return }
        guard connection.features.isSerial else {
            _ = try connection.run(requests, call)
            return
        }
        // Done before what follows, so nobody has to wait.
        for request in requests { try connection.send(request, to: Nobody.instance) }
    }

    /// The same on a server that sets no times: the last byte is written again once the second is over.
    private func renew(
        _ source: String, _ file: Attributes, after old: UInt32, _ call: borrowing Call
    ) throws(PluginError) {
        // What is empty has no other content.
        guard let times = file.times, old >= times.modified, let size = file.size, size > 0 else { return }
        let doing = "giving a new version its time"
        let opened = try connection.run(.open(source, [.read, .write]), call).expectHandle(doing)
        let file = OpenFile(connection, opened)
        defer { file.close() }
        let place = size - 1
        let read = Request.read(file.handle, at: place, count: connection.features.smallestRead)
        guard case .data(let bytes) = try connection.run(read, call), let last = bytes.first else {
            throw PluginError.unexpected(doing)
        }
        while true {
            let write = withUnsafeBytes(of: last) { Request.write(file.handle, at: place, $0) }
            try connection.run(write, call).expectOK(doing)
            let found = try connection.run(.attributes(ofHandle: file.handle), call).expectAttributes(doing)
            // A time far ahead of the server's clock is not waited for.
            guard let time = found.times?.modified, time <= old, old - time < 3 else { return }
            try call.sleep(.milliseconds(100))
        }
    }
}
