import FPPluginKit

extension SFTPStore: CopyingStore, TransferringStore {
    func copy(_ request: CopyRequest, _ call: borrowing Call) throws(PluginError) -> CopyOutcome {
        try transfer(from: self, request, call)
    }

    func transfer(
        from source: SFTPStore, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome {
        try judging(call) { (call) throws(PluginError) in try transferOnce(from: source, request, call) }
    }

    /// Between two directories of one server, as one user.
    private func transferOnce(
        from source: SFTPStore, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome {
        guard source.settings.server == settings.server, source.settings.jump == settings.jump else {
            throw PluginError(.unsupported, "the stores are on different servers, or of different users")
        }
        let connection = try pool.connection(for: .requests, call)
        let root = source === self ? connection.paths : try source.pool.connection(for: .requests, call).paths
        let found = try source.source(request, on: connection, at: root, call)
        let abilities = try abilities(on: connection, call)
        let path = root.path(of: request.source)
        // Also by way of two stores in one place: there is nothing to be done, and nothing to be removed.
        if path.utf8.elementsEqual(connection.paths.path(of: request.target).utf8) {
            guard replaces(request) else { throw taken(request.target) }
            return CopyOutcome(info: found.objectInfo, streamed: false, atomic: true)
        }
        let outcome =
            request.move
            ? try move(path, found, request, abilities, on: connection, call)
            : try copy(path, found, request, abilities, on: connection, call)
        if request.move {
            source.removed.note(request.source, found)
            source.prune(request.source, root, on: connection)
        }
        if request.power { try flush(request.target, on: connection, call) }
        return outcome
    }

    private func replaces(_ request: CopyRequest) -> Bool { settings.allowOverwrite && !request.ifNotExists }

    private func source(
        _ request: CopyRequest, on connection: Connection, at paths: Paths? = nil, _ call: borrowing Call
    ) throws(PluginError) -> Attributes {
        guard let found = try connection.look(at: request.source, in: paths, call) else {
            throw PluginError(.notFound, "there is no object \"\(request.source)\"")
        }
        if let tag = request.ifMatch, tag != found.etag {
            throw PluginError(.precondition, "\"\(request.source)\" has been replaced")
        }
        return found
    }

    /// A rename. Only one that may replace is atomic: making sure of a free name takes a link and the removal of the
    /// old name, with a moment in which there are both.
    private func move(
        _ path: String, _ found: Attributes, _ request: CopyRequest, _ abilities: Abilities,
        on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome {
        let isAtomic = replaces(request) && abilities.replaces
        guard isAtomic || !request.requireAtomic else {
            throw PluginError(.unsupported, "SFTP moves nothing atomically that must not replace")
        }
        try setMode(path, found, on: connection, call)
        try Placing(connection: connection, settings: settings, abilities: abilities, removed: removed)
            .place(path, found, as: request.target, replacing: replaces(request), keepsSource: false, call)
        if isAtomic { try removeTwin(path, of: request.target, on: connection, call) }
        let info = (try? connection.look(at: request.target, call)) ?? found
        return CopyOutcome(info: info.objectInfo, streamed: false, atomic: isAtomic)
    }

    /// A copy that is a link has the same file under both names, and rename(2) does nothing then.
    private func removeTwin(
        _ path: String, of key: Key, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) {
        let names = [path, connection.paths.path(of: key)]
        let replies = try connection.run(names.map(Request.attributes(ofLink:)), call)
        let left = try replies[0].attributesIfThere("moving an object")
        guard let left, left.etag == (try replies[1].attributesIfThere("moving an object")?.etag) else { return }
        try connection.remove([path], "moving an object", call)
    }

    /// A second name for the same bytes where the server has links: objects are never changed in place, only replaced
    /// and removed. Else a copy by the server.
    private func copy(
        _ path: String, _ found: Attributes, _ request: CopyRequest, _ abilities: Abilities,
        on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome {
        let placing = Placing(connection: connection, settings: settings, abilities: abilities, removed: removed)
        if abilities.linksExclusively, !replaces(request) {
            try setMode(path, found, on: connection, call)
            try placing.place(path, found, as: request.target, replacing: false, keepsSource: true, call)
            let info = (try? connection.look(at: request.target, call)) ?? found
            return CopyOutcome(info: info.objectInfo, streamed: false, atomic: true)
        }
        if !connection.features.has(Extension.copyData), abilities.copiesByLink(replacing: true) {
            return try replace(path, found, request, placing, on: connection, call)
        }
        guard connection.features.has(Extension.copyData) else {
            throw PluginError(.unsupported, "the server cannot copy \"\(request.source)\" by itself")
        }
        let staged = Staged(
            .random(), request.target, ifNotExists: request.ifNotExists, isSession: false, on: connection)
        do throws(PluginError) {
            try copyBytes(path, to: staged, on: connection, call)
            let info = try publish(staged, size: found.size ?? 0, power: false, on: connection, call)
            return CopyOutcome(info: info, streamed: false, atomic: true)
        } catch {
            connection.tell(.remove(staged.path))
            throw error
        }
    }

    /// A second name for the same bytes in the place of an object.
    private func replace(
        _ path: String, _ found: Attributes, _ request: CopyRequest, _ placing: Placing,
        on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome {
        let doing = "copying \"\(request.source)\" to \"\(request.target)\""
        try connection.makeStaging(call)
        try setMode(path, found, on: connection, call)
        let staged = Staged(
            .random(), request.target, ifNotExists: false, isSession: false, on: connection)
        // rename(2) does nothing where the two are one file already.
        defer { connection.tell(.remove(staged.path)) }
        try connection.run(.link(path, as: staged.path), call).expectOK(doing)
        var placing = placing
        placing.sharing = .twin
        try placing.place(staged.path, found, as: request.target, replacing: true, keepsSource: false, call)
        let info = (try? connection.look(at: request.target, call)) ?? found
        return CopyOutcome(info: info.objectInfo, streamed: false, atomic: true)
    }

    private func copyBytes(
        _ path: String, to staged: Staged, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) {
        let doing = "copying to \"\(staged.key)\""
        try connection.makeStaging(call)
        let source = OpenFile(connection, try connection.run(.open(path, .read), call).expectHandle(doing))
        let new = Request.open(staged.path, [.write, .create, .exclusive], Attributes(permissions: 0o600))
        let target = OpenFile(connection, try connection.run(new, call).expectHandle(doing))
        let reply = try connection.run(.copyData(source.handle, to: target.handle), call)
        if case .status(let status) = reply, !status.isOK {
            throw connection.explain(status, doing, takesBytes: true, call)
        }
        try target.close(call, doing)
        source.close()
    }

    /// The other store may have had another mode.
    private func setMode(
        _ path: String, _ found: Attributes, on connection: Connection, _ call: borrowing Call
    ) throws(PluginError) {
        let isRight = (found.permissions ?? 0) & 0o7777 == settings.fileMode
        guard !isRight || (settings.owner != nil && settings.owner != found.owner) else { return }
        let attributes = Attributes(owner: settings.owner, permissions: settings.fileMode)
        let reply = try connection.run(.set(attributes, on: path), call)
        if case .status(let status) = reply, status.code == Status.unsupported { return }
        try reply.expectOK("setting the mode and owner of an object")
    }

    /// Removes directories that became empty. One that did not is refused, and stays.
    func prune(_ key: Key, _ paths: Paths, on connection: Connection) {
        for directory in paths.way(to: key).reversed() { connection.tell(.removeDirectory(directory)) }
    }
}
