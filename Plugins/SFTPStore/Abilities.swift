import FPPluginKit

/// What a server really does. What it says of itself is not enough: some servers offer extensions that they then
/// refuse, and whether RENAME replaces a file depends on the server.
struct Abilities: Sendable, Equatable {
    /// A hard link fails if its name is taken: link(2) has no race.
    var linksExclusively = false
    /// RENAME fails if the name is taken. The server may check first and rename afterwards, which is a race, so links
    /// are better where they work.
    var renameRefuses = false
    /// posix-rename replaces a file.
    var replaces = false
    /// Files can be cut to a length: sessions can be taken back.
    var truncates = false
    /// The times of a file can be set, so that versions can be told apart.
    var setsTimes = false

    /// Whether a copy can be a second name for the same bytes, also where it may replace an object.
    func copiesByLink(replacing: Bool) -> Bool { linksExclusively && (!replacing || replaces) }

    /// Finds out with a few files of a name of their own, which are removed again.
    static func find(on connection: Connection, _ call: borrowing Call) throws(PluginError) -> Abilities {
        try connection.makeStaging(call)
        let base = "\(connection.paths.privateDirectory)/trial-\(SessionID.random().text)"
        let trial = Trial(connection: connection, base: base)
        defer { trial.cleanUp() }
        return try trial.run(call)
    }
}

private struct Trial {
    let connection: Connection
    let base: String

    private var one: String { "\(base)-1" }
    private var two: String { "\(base)-2" }
    private var three: String { "\(base)-3" }

    func run(_ call: borrowing Call) throws(PluginError) -> Abilities {
        var abilities = Abilities()
        try make([one, two], call)
        if connection.features.has(Extension.hardLink) {
            let taken = try succeeds(.link(one, as: two), call)
            let free = try succeeds(.link(one, as: three), call)
            abilities.linksExclusively = free && !taken
        }
        abilities.renameRefuses = try !succeeds(.rename(one, to: two), call)
        if !abilities.renameRefuses { try make([one], call) }
        if connection.features.has(Extension.posixRename) {
            abilities.replaces = try succeeds(.posixRename(one, to: two), call)
        }
        // A time that no clock gives by itself.
        let times = Attributes.Times(accessed: 1_000_000_000, modified: 1_000_000_000)
        let isSet = try succeeds(.set(Attributes(times: times), on: two), call)
        let dated = try connection.run(.attributes(ofLink: two), call).attributesIfThere("looking at a trial file")
        abilities.setsTimes = isSet && dated?.times?.modified == times.modified
        let isCut = try succeeds(.set(Attributes(size: 1), on: two), call)
        let attributes = try connection.run(.attributes(ofLink: two), call)
        let size = try attributes.attributesIfThere("looking at a trial file")?.size
        abilities.truncates = isCut && size == 1
        return abilities
    }

    func cleanUp() {
        for path in [one, two, three] { connection.tell(.remove(path)) }
    }

    private func succeeds(_ request: Request, _ call: borrowing Call) throws(PluginError) -> Bool {
        guard case .status(let status) = try connection.run(request, call) else {
            throw PluginError.unexpected("trying what the server can do")
        }
        return status.isOK
    }

    private func make(_ paths: [String], _ call: borrowing Call) throws(PluginError) {
        let doing = "writing a trial file to \(connection.paths.privateDirectory)"
        let opened = try connection.run(
            paths.map { Request.open($0, [.write, .create, .exclusive], Attributes(permissions: 0o600)) }, call)
        for reply in opened {
            let handle = try reply.expectHandle(doing)
            let write = [UInt8](repeating: 7, count: 3).withUnsafeBytes { Request.write(handle, at: 0, $0) }
            for reply in try connection.run([write, .close(handle)], call) { try reply.expectOK(doing) }
        }
    }
}
