import FPPluginKit

/// The names in a directory of the server, in the order that it gives them.
struct DirectoryStream: ~Copyable {
    private let file: OpenFile
    private let doing: String
    private var underWay: [Exchange] = []
    private var hasEnded = false

    /// How many parts to ask for ahead: the distance to the server counts once for so many, not for each.
    private static let ahead = 4

    /// Nil if there is no such directory.
    init?(_ path: String, on connection: Connection, _ doing: String, _ call: borrowing Call) throws(PluginError) {
        let reply = try connection.run(.openDirectory(path), call)
        if case .status(let status) = reply, status.isAbsent { return nil }
        file = OpenFile(connection, try reply.expectHandle(doing))
        self.doing = doing
    }

    /// The next names, some at a time; nil at the end.
    mutating func next(_ call: borrowing Call) throws(PluginError) -> [Reply.Name]? {
        while true {
            while !hasEnded, underWay.count < Self.ahead {
                underWay.append(try file.connection.ask(.readDirectory(file.handle)))
            }
            if underWay.isEmpty { return nil }
            switch try file.connection.reply(to: underWay.removeFirst(), call) {
            // Some servers end with a list of no names.
            case .names(let names) where !names.isEmpty: return names.filter { !$0.isSelfOrParent }
            case .names: hasEnded = true
            // What was asked for since may hold the last names: servers may work on several requests at once.
            case .status(let status) where status.code == Status.endOfFile: hasEnded = true
            case .status(let status): throw PluginError.refused(status, doing)
            default: throw PluginError.unexpected(doing)
            }
        }
    }
}

extension Connection {
    /// Collects what the names in a directory say; nil if there is no such directory.
    func collect<Collection>(
        _ directory: String, _ doing: String, _ call: borrowing Call, into new: () -> Collection,
        _ add: (inout Collection, Reply.Name) -> Void
    ) throws(PluginError) -> Collection? {
        for attempt in 0... {
            do throws(PluginError) {
                guard var stream = try DirectoryStream(directory, on: self, doing, call) else { return nil }
                var collection = new()
                while let names = try stream.next(call) { for name in names { add(&collection, name) } }
                return collection
            } catch {
                // Some servers fail over a name that goes while they read the directory.
                guard error.code == .notFound, attempt < 8 else { throw error }
            }
        }
        return nil
    }
}

extension Reply.Name {
    fileprivate var isSelfOrParent: Bool { bytes.elementsEqual(".".utf8) || bytes.elementsEqual("..".utf8) }
}
