import FPPluginKit

/// The state of the directories that lead to an object. SFTP opens paths, not names in a directory, so each of them is
/// looked at before the path is used: none may be a symbolic link.
enum Way {
    /// All are there.
    case clear
    /// Those from here on are missing.
    case missing(from: Int)
    /// An object is where a directory should be.
    case blocked(String)

    /// Judges what LSTAT said about each.
    init(_ directories: [String], _ replies: some Sequence<Reply>, for key: Key) throws(PluginError) {
        for (index, reply) in replies.enumerated() {
            guard let found = try reply.attributesIfThere("looking at the way to \"\(key)\"") else {
                self = .missing(from: index)
                return
            }
            switch found.kind {
            case .directory: continue
            case .link:
                throw PluginError(
                    .denied,
                    "\(directories[index]) is a symbolic link, and links are not followed below root_path; remove it")
            case .file, .other:
                self = .blocked(directories[index])
                return
            }
        }
        self = .clear
    }
}

extension Connection {
    /// LSTAT of the directories that lead to a path, and maybe of the path itself. Up to a depth of 32 one round trip
    /// is enough. Beyond that it stops at the first that is missing: some servers take longer the deeper a path is.
    func looks(along paths: [String], _ call: borrowing Call) throws(PluginError) -> [Reply] {
        var replies: [Reply] = []
        var step = 32
        while replies.count < paths.count {
            let found = try run(paths[replies.count...].prefix(step).map(Request.attributes(ofLink:)), call)
            replies += found
            step *= 2
            let isCut = found.contains { if case .status(let status) = $0 { status.isAbsent } else { false } }
            guard isCut else { continue }
            // Nothing is below what is not there.
            replies += paths[replies.count...].map { _ in Reply.absent }
        }
        return replies
    }

    /// What is known about an object, all in one round trip.
    /// - Returns: nil if there is none.
    func look(at key: Key, in root: Paths? = nil, _ call: borrowing Call) throws(PluginError) -> Attributes? {
        let paths = root ?? self.paths
        let way = paths.way(to: key)
        let looks = (way + [paths.path(of: key)]).map(Request.attributes(ofLink:))
        var replies = try run(looks + [.attributes(of: self.paths.rootDirectory)], call)
        let rootReply = replies.removeLast()
        let last = replies.removeLast()
        if case .clear = try Way(way, replies, for: key), let found = try Self.object(last, key) { return found }
        try judgeRoot(rootReply)
        return nil
    }

    /// An object in the answer to LSTAT; nil if there is none: directories are no objects.
    static func object(_ reply: Reply, _ key: Key) throws(PluginError) -> Attributes? {
        guard let found = try reply.attributesIfThere("looking at \"\(key)\"") else { return nil }
        guard found.kind != .link else {
            throw PluginError(
                .denied, "\"\(key)\" is a symbolic link, and links are not followed below root_path; remove it")
        }
        return found.kind == .file ? found : nil
    }

    /// Makes the directories that lead to a key.
    /// - Parameter made: gets those that were made, the outermost first.
    func makeWay(to key: Key, _ made: inout [String], _ call: borrowing Call) throws(PluginError) {
        let way = paths.way(to: key)
        for attempt in 0..<32 {
            let replies = try looks(along: way, call)
            switch try Way(way, replies, for: key) {
            case .clear: return
            case .blocked(let path):
                throw PluginError(.exists, "\"\(key)\" cannot be stored: a part of that path is an object (\(path))")
            case .missing(let first):
                if attempt == 0 { try makeDirectories(paths.wayToRoot, ifMissing: paths.rootDirectory, call) }
                try makeDirectories(Array(way[first...]), mode: settings.directoryMode, &made, call)
            }
        }
        throw PluginError(.transient, "the directory of \"\(key)\" is removed again and again")
    }

    /// Makes directories, the outermost first. That one is there already is no failure.
    private func makeDirectories(
        _ directories: [String], mode: UInt32, _ all: inout [String], _ call: borrowing Call
    ) throws(PluginError) {
        // Until its mode is set, nobody else gets in.
        let requests = directories.map { Request.makeDirectory($0, Attributes(permissions: mode & 0o700)) }
        let replies = try run(requests, call)
        var made: [String] = []
        for (path, reply) in zip(directories, replies) {
            guard case .status(let status) = reply, status.isOK else { continue }
            made.append(path)
        }
        all += made
        for (path, reply) in zip(directories, replies) {
            guard case .status(let status) = reply else { throw PluginError.unexpected("making \(path)") }
            if status.code == Status.permissionDenied || status.code == Status.writeProtected {
                throw PluginError.refused(status, "making the directory \(path)")
            }
        }
        let attributes = Attributes(owner: settings.owner, permissions: mode)
        let settings = try run(made.map { Request.set(attributes, on: $0) }, call)
        for (path, reply) in zip(made, settings) {
            // While it is empty, somebody else may remove it again: the next look along the way finds out.
            if case .status(let status) = reply, status.isAbsent { continue }
            try reply.expectOK("setting mode and owner of \(path)")
        }
    }

    private func makeDirectories(
        _ directories: [String], ifMissing directory: String, _ call: borrowing Call
    ) throws(PluginError) {
        let found = try run(.attributes(of: directory), call)
        try judgeRoot(found)
        guard case .status(let status) = found, status.isAbsent else { return }
        var missing: [String] = []
        for (path, reply) in zip(directories, try run(directories.map(Request.attributes(of:)), call)) {
            if case .status(let status) = reply, status.isAbsent { missing.append(path) }
        }
        var made: [String] = []
        try makeDirectories(missing, mode: settings.directoryMode, &made, call)
        sight.wasSeen.store(true, ordering: .relaxed)
    }

    /// Makes root_path and the plugin's own directories in it.
    func makeStaging(_ call: borrowing Call) throws(PluginError) {
        try makeDirectories(paths.wayToRoot, ifMissing: paths.rootDirectory, call)
        let own = [paths.privateDirectory, paths.staging]
        for attempt in 0..<2 {
            let replies = try run(own.map(Request.attributes(ofLink:)), call)
            if try areOwn(replies) { return }
            guard attempt == 0 else { break }
            let made = try run(own.map { Request.makeDirectory($0, Attributes(permissions: 0o700)) }, call)
            for (path, reply) in zip(own, made) {
                if case .status(let status) = reply, status.code == Status.permissionDenied {
                    throw PluginError.refused(status, "making \(path), where uploads are kept until they are whole")
                }
            }
        }
        throw PluginError(
            .transient, "\(paths.staging), where uploads are kept until they are whole, cannot be made on the server")
    }

    /// - Returns: false if one is missing.
    func areOwn(_ replies: some Sequence<Reply>) throws(PluginError) -> Bool {
        for reply in replies {
            guard let found = try reply.attributesIfThere("looking at \(paths.staging)") else { return false }
            guard found.kind == .directory else {
                throw PluginError(
                    .denied, "\(paths.staging) must be a directory and not lead elsewhere; remove what is in its place")
            }
        }
        return true
    }
}

extension Settings {
    var owner: Attributes.Owner? {
        guard let user, let group else { return nil }
        return Attributes.Owner(user: user, group: group)
    }
}
