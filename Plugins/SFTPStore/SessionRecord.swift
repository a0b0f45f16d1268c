import FPPluginKit

/// What is kept on the server about a session, in a file beside its bytes.
///
/// It is written after both files were made and is removed before the bytes are dropped. So a whole record without
/// bytes means that a commit gave them their name, and nothing else.
struct SessionRecord: Equatable, Sendable {
    let key: Key
    let ifNotExists: Bool
    /// Bytes below it were acknowledged. Only kept up to date on servers that may write out of order.
    var safeOffset: UInt64 = 0

    private static let magic: UInt32 = 0x4650_5331
    /// Where the offset and its check are.
    static let offsetPlace: UInt64 = 8
    /// More than the longest record.
    static let capacity: UInt32 = 2048

    var bytes: [UInt8] {
        var writer = ByteWriter(.ssh)
        writer.append(Self.magic)
        writer.append(UInt32(ifNotExists ? 1 : 0))
        let head = writer.bytes
        var tail = ByteWriter(.ssh)
        tail.append(key.string)
        tail.append(Self.sum(tail.bytes))
        return head + Self.bytes(ofOffset: safeOffset) + tail.bytes
    }

    static func bytes(ofOffset offset: UInt64) -> [UInt8] {
        var writer = ByteWriter(.ssh)
        writer.append(offset)
        writer.append(sum(writer.bytes))
        return writer.bytes
    }

    init(key: Key, ifNotExists: Bool) {
        self.key = key
        self.ifNotExists = ifNotExists
    }

    /// Nil if the bytes are no whole record.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes, .ssh)
        guard reader.next(UInt32.self) == Self.magic, let flags = reader.next(UInt32.self),
            let offset = reader.next(UInt64.self), let offsetSum = reader.next(UInt64.self)
        else { return nil }
        let tail = Array(reader.rest)
        guard let text = reader.nextText(), let sum = reader.next(UInt64.self), reader.isAtEnd,
            sum == Self.sum(tail.dropLast(8)), let key = try? Key(text)
        else { return nil }
        self.init(key: key, ifNotExists: flags == 1)
        safeOffset = offsetSum == Self.sum(Self.bytes(ofOffset: offset).dropLast(8)) ? offset : 0
    }

    /// FNV-1a.
    private static func sum(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return sum
    }
}
