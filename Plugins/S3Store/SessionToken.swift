import FPPluginKit

extension SessionID {
    /// The metadata that an object keeps the id of its write in, by which the write's commit is recognised.
    static let field = "x-amz-meta-fp-sid"
}

/// What names a session, for the host to keep: all that is needed to go on with it or to recognise its commit.
struct SessionToken: Equatable, Sendable {
    let key: Key
    let uploadID: String
    /// Nil if the session was found in a list before it was ever synced.
    var id: SessionID?
    let schedule: PartSchedule
    let ifNotExists: Bool

    private static let version: UInt8 = 1

    init(key: Key, uploadID: String, id: SessionID?, schedule: PartSchedule, ifNotExists: Bool) {
        self.key = key
        self.uploadID = uploadID
        self.id = id
        self.schedule = schedule
        self.ifNotExists = ifNotExists
    }

    private static let layout = ByteLayout(.bigEndian, lengthSize: .two)

    var bytes: [UInt8] {
        var writer = ByteWriter(Self.layout)
        writer.append(Self.version)
        writer.append(UInt8((ifNotExists ? 1 : 0) | (schedule.grows ? 2 : 0)))
        writer.append(schedule.base)
        writer.append(id?.text ?? "")
        writer.append(key.string)
        writer.append(uploadID)
        return writer.bytes
    }

    /// Nil if the bytes are no token of ours.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes, Self.layout)
        guard reader.next(UInt8.self) == Self.version, let flags = reader.next(UInt8.self), flags <= 3,
            let base = reader.next(UInt64.self), (1...PartSchedule.largestPart).contains(base),
            let name = reader.nextText(), let text = reader.nextText(), let uploadID = reader.nextText(),
            reader.isAtEnd, !uploadID.isEmpty, let key = try? Key(text)
        else { return nil }
        let id = SessionID(name)
        guard name.isEmpty || id != nil else { return nil }
        self.init(
            key: key, uploadID: uploadID, id: id, schedule: PartSchedule(base: base, grows: flags & 2 != 0),
            ifNotExists: flags & 1 != 0)
    }
}
