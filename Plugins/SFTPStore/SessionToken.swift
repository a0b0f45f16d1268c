import FPPluginKit

extension SessionID {
    /// Beside the bytes while the session is open. The bytes themselves lie under the id's text.
    var openRecordName: String { text + ".m" }

    /// What the record is called from the moment that a commit begins, and for good once it has succeeded.
    var committedRecordName: String { text + ".c" }
}

/// What names a session, for the host to keep: all that is needed to go on with it.
struct SessionToken: Equatable, Sendable {
    let id: SessionID
    let key: Key
    let ifNotExists: Bool

    private static let version: UInt8 = 1

    var bytes: [UInt8] {
        var writer = ByteWriter(.ssh)
        writer.append(Self.version)
        writer.append(UInt8(ifNotExists ? 1 : 0))
        writer.append(id.text)
        writer.append(key.string)
        return writer.bytes
    }

    init(id: SessionID, key: Key, ifNotExists: Bool) {
        self.id = id
        self.key = key
        self.ifNotExists = ifNotExists
    }

    /// Nil if the bytes are no token of ours.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes, .ssh)
        guard reader.next(UInt8.self) == Self.version, let flags = reader.next(UInt8.self), flags <= 1,
            let name = reader.nextText(), let id = SessionID(name), let text = reader.nextText(), reader.isAtEnd,
            let key = try? Key(text)
        else { return nil }
        self.init(id: id, key: key, ifNotExists: flags == 1)
    }
}
