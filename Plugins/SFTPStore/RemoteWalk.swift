import FPPluginKit

/// The directories below root_path, as a list walks over them.
struct RemoteWalk: ObjectTree {
    private let connection: Connection
    private var hasBegun = false

    init(_ connection: Connection) { self.connection = connection }

    mutating func collect(
        _ names: inout DirectoryNames<Attributes>, of directory: String, _ call: borrowing Call
    ) throws(PluginError) -> Bool {
        let isFirst = !hasBegun
        hasBegun = true
        if isFirst, !directory.isEmpty, try !isReachable(directory, call) { return false }
        let path = connection.paths.path(of: directory)
        let empty = names
        let found = try connection.collect(path, "listing objects", call, into: { empty }) { names, name in
            names.add(name.bytes, name.attributes.nameKind, name.attributes)
        }
        guard let found else { return false }
        names = found
        return true
    }

    /// The walk looks at each directory that it enters; those on the way to its start are looked at here.
    private func isReachable(_ directory: String, _ call: borrowing Call) throws(PluginError) -> Bool {
        let key = try Key(directory)
        let way = connection.paths.way(to: key) + [connection.paths.path(of: key)]
        let replies = try connection.run(way.map(Request.attributes(ofLink:)), call)
        do throws(PluginError) {
            guard case .clear = try Way(way, replies, for: key) else { return false }
            return true
        } catch {
            // What is behind a link is not in the list.
            guard error.code == .denied else { throw error }
            return false
        }
    }

    func entry(
        _ key: String, _ name: String, in directory: String, _ found: Attributes, _ call: borrowing Call
    ) -> ListEntry? {
        ListEntry(key: key, size: found.size ?? 0, modifiedNanoseconds: found.modifiedNanoseconds, etag: found.etag)
    }

    /// Removes a directory that a kill in the middle of a write may have left, once it has been empty for a day. Whoever
    /// is about to write there makes it again.
    func foundEmpty(_ directory: String, _ found: Attributes?) {
        guard let found, connection.isOwn(found), let time = found.times?.modified, unixNow() > time,
            unixNow() - time > SFTPStore.litterLife
        else { return }
        connection.tell(.removeDirectory(connection.paths.path(of: directory)))
    }
}

extension Attributes {
    fileprivate var nameKind: NameKind {
        switch kind {
        case .file: .file
        case .directory: .directory
        case .link, .other: .other
        }
    }
}
