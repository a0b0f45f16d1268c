import FPPluginKit

extension SFTPStore {
    /// How long a commit can be recognised by its record.
    private static let proofLife: UInt32 = 2 * 86400
    /// In seconds: for how long something that no token leads to must be unchanged before it is removed.
    static let litterLife: UInt32 = 86400

    /// Removes a session whose beginning was cut off before its record was whole: nobody ever got its token.
    func sweep(_ session: StagedSession, on connection: Connection, _ call: borrowing Call) throws(PluginError) {
        guard let time = session.bytes.times?.modified, unixNow() > time, unixNow() - time > Self.litterLife
        else { return }
        try drop(session.id, call)
    }

    /// Removes what nobody will ask for: records of commits that the host has long recorded, bytes of one-shot puts
    /// that were cut off, and what is left of sessions whose beginning was.
    func sweep(_ connection: Connection, _ call: borrowing Call) throws(PluginError) {
        let paths = connection.paths
        for directory in [paths.staging, paths.privateDirectory] {
            let doing = "sweeping the staging directory"
            let names = try connection.collect(directory, doing, call, into: { Leftovers() }) { $0.add($1) }
            guard let found = names else { continue }
            for path in found.removable(before: unixNow(), Self.proofLife, Self.litterLife) {
                connection.tell(.remove("\(directory)/\(path)"))
            }
        }
    }
}

/// What one directory holds, by session.
private struct Leftovers {
    private var bytes: [String: UInt32] = [:]
    private var open: [String: UInt32] = [:]
    private var committed: [String: UInt32] = [:]
    private var trials: [String: UInt32] = [:]

    mutating func add(_ name: Reply.Name) {
        guard name.attributes.kind == .file, let times = name.attributes.times,
            let text = String(validating: name.bytes, as: UTF8.self)
        else { return }
        // Of a commit's record the one is the time of its object, the other that of the commit.
        let time = max(times.accessed, times.modified)
        if SessionID(text) != nil {
            bytes[text] = time
        } else if text.hasSuffix(".m") {
            open[String(text.dropLast(2))] = time
        } else if text.hasSuffix(".c") {
            committed[String(text.dropLast(2))] = time
        } else if text.hasPrefix("trial-") {
            trials[text] = time
        }
    }

    func removable(before now: UInt32, _ proofLife: UInt32, _ litterLife: UInt32) -> [String] {
        func isOld(_ time: UInt32, _ life: UInt32) -> Bool { now > time && now - time > life }
        let proofs = committed.filter { bytes[$0.key] == nil && isOld($0.value, proofLife) }.map { "\($0.key).c" }
        let records = open.filter { bytes[$0.key] == nil && isOld($0.value, litterLife) }.map { "\($0.key).m" }
        let litter = bytes.filter {
            open[$0.key] == nil && committed[$0.key] == nil && isOld($0.value, litterLife)
        }.map(\.key)
        return proofs + records + litter + trials.filter { isOld($0.value, litterLife) }.map(\.key)
    }
}
