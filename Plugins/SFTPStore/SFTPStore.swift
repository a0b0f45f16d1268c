import CSSH
import FPPluginKit
import Synchronization

/// Objects as files below one directory of an SSH server.
///
/// A key is a path below root_path. Writes are staged below ".fp" and get their name with one request.
final class SFTPStore: PluginStore {
    let settings: Settings
    let pool: ConnectionPool
    let log: Log
    let ledger = SessionLedger()
    let removed = RecentTimes()
    private let known = Mutex<Known>(Known())

    /// What was learned from the server.
    private struct Known {
        var abilities: Abilities?
        var features: Features?
        /// Nothing could be written when it was last tried.
        var refusesWrites = false
        /// The server has told how much room it has.
        var tellsSpace = false
    }

    /// Nothing can be written, so that health has to look for itself.
    func noteRefusal() { known.withLock { $0.refusesWrites = true } }

    func noteHealth(writes: Bool) { known.withLock { $0.refusesWrites = !writes } }

    var refusesWrites: Bool { known.withLock { $0.refusesWrites } }

    func noteSpace(_ isTold: Bool) { known.withLock { $0.tellsSpace = isTold } }

    static let plugin = PluginDescription(
        name: "SFTPStore",
        version: "1.0.0",
        vendor: "fphost",
        license: "BSD-3-Clause",
        summary: "Keeps files on an SSH server, through SFTP.",
        threading: .parallel,
        options: Settings.declarations
    )

    static func load(_ host: Host, _ call: borrowing Call) throws(PluginError) {
        guard ssh_init() == SSH_OK else { throw PluginError(.internalError, "libssh does not start") }
    }

    static func unload() { ssh_finalize() }

    static func facts() -> [(key: String, value: String)] {
        [("libssh", ssh_version(0).map { String(cString: $0) } ?? "unknown")]
    }

    static func validate(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {
        try Settings(config).check()
    }

    init(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {
        settings = try Settings(config)
        try settings.check()
        log = Log(host)
        pool = ConnectionPool(settings, log)
    }

    func close() {
        log.close()
        pool.close()
    }

    var capabilities: Capabilities {
        var flags: Capabilities.Flags = [
            .resumable, .durableTail, .readAfterWrite, .shared, .list, .listOrdered, .listPending, .move, .ifMatch,
            .rewind,
        ]
        let (abilities, features, tellsSpace) = known.withLock { ($0.abilities, $0.features, $0.tellsSpace) }
        if let abilities {
            if abilities.linksExclusively { flags.insert(.atomicCreate) }
            if abilities.copiesByLink(replacing: settings.allowOverwrite) { flags.insert(.copy) }
            if abilities.replaces, settings.allowOverwrite { flags.insert(.atomicReplace) }
            // Said from the start, as the host asks for it then, and taken back from the rare server without.
            if !abilities.truncates { flags.remove(.rewind) }
        }
        if let features {
            if features.has(Extension.fsync) { flags.insert(.powerDurable) }
            // Some servers announce it and then do not answer.
            if tellsSpace { flags.insert(.space) }
            if features.has(Extension.copyData) { flags.insert(.copy) }
        }
        var capabilities = Capabilities(flags, threading: .parallel)
        capabilities.maxConcurrency = UInt32(max(16, settings.maxConnections * 4))
        capabilities.readSize = 512 << 10
        capabilities.writeSize = 256 << 10
        capabilities.writerMemory = 5 << 20
        capabilities.readerMemory = 5 << 20
        return capabilities
    }

    /// What the server can do; tried out with the first use.
    func abilities(on connection: Connection, _ call: borrowing Call) throws(PluginError) -> Abilities {
        if let abilities = known.withLock({ $0.abilities }) { return abilities }
        let abilities = try judging(call, isStaging: true) { (call) throws(PluginError) in
            try Abilities.find(on: connection, call)
        }
        let features = connection.features
        known.withLock {
            $0.abilities = abilities
            $0.features = features
        }
        return abilities
    }

    func health(deep: Bool, _ call: borrowing Call) throws(PluginError) -> Health {
        try checkHealth(deep: deep, call)
    }

    func stat(_ key: Key, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        try judging(call) { (call) throws(PluginError) in
            try pool.perform(call) { (connection, call) throws(PluginError) in
                guard let found = try connection.look(at: key, call) else {
                    throw PluginError(.notFound, "there is no object \"\(key)\"")
                }
                return found.objectInfo
            }
        }
    }

    func openReader(
        _ request: ReadRequest, _ call: borrowing Call
    ) throws(PluginError) -> (reader: any PluginReader, info: ObjectInfo) {
        try judging(call) { (call) throws(PluginError) in try open(request, call) }
    }

    func beginWrite(_ request: WriteRequest, _ call: borrowing Call) throws(PluginError) -> BegunWrite {
        let (staged, file) = try stage(request, call)
        let writer = RemoteWriter(self, staged, file, at: 0)
        guard request.isResumable else { return BegunWrite(writer: writer) }
        ledger.begin(staged.id)
        let token = SessionToken(id: staged.id, key: request.key, ifNotExists: request.ifNotExists)
        return BegunWrite(writer: writer, token: token.bytes)
    }

    func remove(_ key: Key, _ call: borrowing Call) throws(PluginError) {
        try judging(call) { (call) throws(PluginError) in try removeOnce(key, call) }
    }

    private func removeOnce(_ key: Key, _ call: borrowing Call) throws(PluginError) {
        try pool.perform(call) { (connection, call) throws(PluginError) in
            let way = connection.paths.way(to: key)
            let path = connection.paths.path(of: key)
            var looks = try connection.looks(along: way + [path], call)
            let last = looks.removeLast()
            // Directories are no objects: their keys are absent.
            guard case .clear = try Way(way, looks, for: key) else { return try connection.expectRoot(call) }
            let there = try last.attributesIfThere("looking at \"\(key)\"")
            guard let found = there, found.kind != .directory else {
                try connection.expectRoot(call)
                // An earlier remove may have been killed between the two steps.
                if there == nil { try connection.pruneLeftovers(key, call) }
                return
            }
            // Directories that became empty go along; one that did not is refused, and stays.
            let requests = [.remove(path)] + way.reversed().map(Request.removeDirectory)
            let replies = try connection.run(requests, call)
            if case .status(let status) = replies[0], status.isAbsent { return }
            try replies[0].expectOK("removing \"\(key)\"")
            removed.note(key, found)
        }
    }
}

extension SFTPStore: ResumableStore {
    func resumeWrite(_ request: ResumeRequest, _ call: borrowing Call) throws(PluginError) -> ResumedWrite {
        guard let token = SessionToken(request.token) else {
            throw PluginError(.gone, "the token of the upload is none of this plugin's")
        }
        return try judging(call, isStaging: true) { (call) throws(PluginError) in try resume(token, request, call) }
    }

    func discardWrite(_ token: [UInt8], _ call: borrowing Call) throws(PluginError) {
        guard let token = SessionToken(token) else { return }
        try drop(token.id, of: token.key, call)
        ledger.forget(token.id)
    }
}
