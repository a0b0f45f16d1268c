import FPPluginKit

extension SFTPStore {
    /// How the server is; with `deep`, whether a file can be written there and read back.
    func checkHealth(deep: Bool, _ call: borrowing Call) throws(PluginError) -> Health {
        try pool.perform(call) { (connection, call) throws(PluginError) in
            let server = settings.server.name
            let root = try connection.run(.attributes(of: connection.paths.rootDirectory), call)
                .attributesIfThere("looking at root_path on \(server)")
            if root == nil, connection.sight.wasSeen.load(ordering: .relaxed) {
                return Health(
                    .down,
                    detail:
                        "root_path \(connection.paths.rootDirectory) is gone from \(server); put it back, or mount it")
            }
            if let root, root.kind != .directory {
                return Health(.down, detail: "root_path \(connection.paths.rootDirectory) is no directory on \(server)")
            }
            if root != nil { connection.sight.wasSeen.store(true, ordering: .relaxed) }
            let space = try connection.space(call)
            noteSpace(space != nil)
            var health = Health(
                .ok, totalBytes: space?.total, usedBytes: space?.used, freeBytes: space?.free)
            if let problem = space?.problem {
                health.state = .degraded
                health.limits = problem.code == .noSpace ? .noSpace : .cannotWrite
                health.detail = "\(server): \(problem.reason)"
                return health
            }
            do throws(PluginError) {
                let abilities = try self.abilities(on: connection, call)
                if !abilities.truncates {
                    health.state = .degraded
                    health.detail = "\(server) cannot cut files to a length; use another store for temporary uploads"
                }
                // Where nothing could be written, it is tried until something can.
                if deep || refusesWrites {
                    try judging(call, isStaging: true) { (call) throws(PluginError) in try probe(connection, call) }
                    guard !connection.refusesEverything(call) else {
                        throw PluginError(.readOnly, "root_path takes nothing; check its owner and mode")
                    }
                    noteHealth(writes: true)
                }
            } catch {
                guard !connection.isClosed, error.code != .timeout, error.code != .cancelled else { throw error }
                switch error.code {
                case .noSpace:
                    health.state = .degraded
                    health.limits = .noSpace
                case .readOnly, .denied:
                    health.state = .degraded
                    health.limits = .cannotWrite
                    noteRefusal()
                default: health.state = deep ? .down : .degraded
                }
                health.detail = "\(server) can be read but not written: \(error.message)"
            }
            return health
        }
    }

    /// Writes, reads back and removes a file.
    private func probe(_ connection: Connection, _ call: borrowing Call) throws(PluginError) {
        let doing = "writing a probe"
        let path = "\(connection.paths.privateDirectory)/trial-\(SessionID.random().text)"
        defer { connection.tell(.remove(path)) }
        let new = Request.open(path, [.write, .create, .exclusive], Attributes(permissions: 0o600))
        let file = OpenFile(connection, try connection.run(new, call).expectHandle(doing))
        let content = Array("fphost".utf8)
        let write = content.withUnsafeBytes { Request.write(file.handle, at: 0, $0) }
        if case .status(let status) = try connection.run(write, call), !status.isOK {
            throw connection.explain(status, doing, takesBytes: true, call)
        }
        try file.close(call, doing)
        let again = OpenFile(connection, try connection.run(.open(path, .read), call).expectHandle(doing))
        guard try again.readStart(64, doing, call) == content else {
            throw PluginError(.corrupt, "a probe was read back with other bytes than were written")
        }
        again.close()
    }
}
