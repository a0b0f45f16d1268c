import FPPluginKit

/// The random name of what is staged.
struct SessionID: Hashable, Sendable {
    /// 32 hexadecimal digits, in lower case; also the name of the file.
    let name: String

    private init(name: String) { self.name = name }

    static func random() -> SessionID {
        SessionID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }

    init(high: UInt64, low: UInt64) {
        func hexadecimal(_ value: UInt64) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        name = hexadecimal(high) + hexadecimal(low)
    }

    init?(_ text: some StringProtocol) {
        guard text.utf8.count == 32,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        name = String(text)
    }

    /// Beside the bytes while the session is open.
    var openRecordName: String { name + ".m" }

    /// What the record is called from the moment that a commit begins, and for good once it has succeeded.
    var committedRecordName: String { name + ".c" }
}

/// What names a session, for the host to keep: all that is needed to go on with it.
struct SessionToken: Equatable, Sendable {
    let id: SessionID
    let key: Key
    let ifNotExists: Bool

    private static let version: UInt8 = 1

    var bytes: [UInt8] {
        var writer = WireWriter()
        writer.append(Self.version)
        writer.append(UInt8(ifNotExists ? 1 : 0))
        writer.append(id.name)
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
        var reader = WireReader(bytes)
        guard reader.next(UInt8.self) == Self.version, let flags = reader.next(UInt8.self), flags <= 1,
            let name = reader.nextText(), let id = SessionID(name), let text = reader.nextText(), reader.isAtEnd,
            let key = try? Key(text)
        else { return nil }
        self.init(id: id, key: key, ifNotExists: flags == 1)
    }
}
