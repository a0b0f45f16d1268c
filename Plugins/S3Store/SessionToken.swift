import FPPluginKit
import S3Signature

/// The random name of a write, kept with its object as metadata, by which its commit is recognised.
struct SessionID: Equatable, Sendable {
    static let field = "x-amz-meta-fp-sid"
    let text: String

    static func random() -> SessionID {
        var generator = SystemRandomNumberGenerator()
        return SessionID(bytes: (0..<2).flatMap { _ in generator.next().bigEndianBytes })
    }

    /// From 32 hexadecimal digits in lower case.
    init?(_ text: String) {
        guard text.utf8.count == 32, text.utf8.allSatisfy(isHexadecimalDigit) else { return nil }
        self.text = text
    }

    private init(bytes: [UInt8]) { text = bytes.hexadecimal }
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

    var bytes: [UInt8] {
        let flags: UInt8 = (ifNotExists ? 1 : 0) | (schedule.grows ? 2 : 0)
        var bytes = [Self.version, flags] + schedule.base.bigEndianBytes
        for text in [id?.text ?? "", key.string, uploadID] {
            bytes += UInt16(truncatingIfNeeded: text.utf8.count).bigEndianBytes
            bytes += text.utf8
        }
        return bytes
    }

    /// Nil if the bytes are no token of ours.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 10, bytes[0] == Self.version, bytes[1] <= 3 else { return nil }
        let base = bytes[2..<10].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard (1...PartSchedule.largestPart).contains(base) else { return nil }
        var rest = bytes[10...]
        var texts: [String] = []
        for _ in 0..<3 {
            guard rest.count >= 2 else { return nil }
            let count = rest.prefix(2).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(2)
            guard rest.count >= count, let text = String(validating: rest.prefix(count), as: UTF8.self) else {
                return nil
            }
            texts.append(text)
            rest = rest.dropFirst(count)
        }
        guard rest.isEmpty, let key = try? Key(texts[1]), !texts[2].isEmpty else { return nil }
        self.init(
            key: key, uploadID: texts[2], id: SessionID(texts[0]),
            schedule: PartSchedule(base: base, grows: bytes[1] & 2 != 0), ifNotExists: bytes[1] & 1 != 0)
        guard texts[0].isEmpty || id != nil else { return nil }
    }
}
