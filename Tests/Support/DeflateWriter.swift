/// Writes DEFLATE and gzip by hand (RFC 1951, RFC 1952), to say what no compressor says.
public struct DeflateWriter {
    /// What was written; a byte that was begun is not in it.
    public private(set) var bytes: [UInt8]
    private var held: UInt64 = 0
    private var count = 0

    /// Begins, behind bytes that come before.
    public init(behind bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    /// Writes bits, the least significant first.
    public mutating func write(_ value: Int, bits: Int) {
        held |= UInt64(value) << UInt64(count)
        count += bits
        while count >= 8 {
            bytes.append(UInt8(truncatingIfNeeded: held))
            held >>= 8
            count -= 8
        }
    }

    /// Writes a word of a code, the most significant bit first.
    public mutating func write(word: Int, bits: Int) {
        for bit in (0..<bits).reversed() { write(word >> bit & 1, bits: 1) }
    }

    /// Begins a block in the fixed code.
    public mutating func beginFixed(isLast: Bool) {
        write(isLast ? 1 : 0, bits: 1)
        write(1, bits: 2)
    }

    /// Writes a byte below 144 in the fixed code.
    public mutating func literal(_ byte: UInt8) { write(word: 0x30 + Int(byte), bits: 8) }

    /// Repeats 258 bytes in the fixed code. That the distance is 1 is said in 5 bits of zeros.
    public mutating func repeat258(distanceCode: Int = 0) {
        write(word: 0b1100_0101, bits: 8)
        write(word: distanceCode, bits: 5)
    }

    /// Ends a block in the fixed code.
    public mutating func endBlock() { write(word: 0, bits: 7) }

    /// Writes a block of bytes as they are, at most 65535.
    public mutating func stored(_ content: some Collection<UInt8>, isLast: Bool) {
        write(isLast ? 1 : 0, bits: 3)
        align()
        write(content.count, bits: 16)
        write(~content.count & 0xffff, bits: 16)
        bytes += content
    }

    /// Fills a byte that was begun.
    public mutating func align() {
        if count > 0 { write(0, bits: 8 - count) }
    }
}

/// Files in gzip.
public enum Gzip {
    /// The header without any of the fields that may be left out.
    public static let header: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]

    /// Content that is stored as it is.
    public static func file(_ content: [UInt8]) -> [UInt8] {
        var writer = DeflateWriter(behind: header)
        var rest = content[...]
        repeat {
            writer.stored(rest.prefix(65535), isLast: rest.count <= 65535)
            rest = rest.dropFirst(65535)
        } while !rest.isEmpty
        return writer.bytes + trailer(of: content)
    }

    /// The checksum and the size.
    public static func trailer(of content: [UInt8]) -> [UInt8] {
        littleEndian(crc32(content)) + littleEndian(UInt32(truncatingIfNeeded: content.count))
    }

    /// A file that unfolds to zeros, each byte of it to more than a hundred, and whose checksum is wrong.
    /// - Parameter size: how many at least.
    public static func bomb(_ size: Int) -> [UInt8] {
        var writer = DeflateWriter(behind: header)
        writer.beginFixed(isLast: true)
        writer.literal(0)
        // The same bits come again after 8 repetitions in 13 bytes.
        let before = writer.bytes.count
        for _ in 0..<8 { writer.repeat258() }
        let start = Array(writer.bytes[..<before])
        for _ in 0..<8 { writer.repeat258() }
        let period = Array(writer.bytes.suffix(13))
        let rounds = size / (8 * 258) + 1
        return start + Array(writer.bytes[before..<before + 13])
            + Array([[UInt8]](repeating: period, count: rounds).joined()) + [0, 0, 0, 0]
    }

    /// CRC-32 (RFC 1952 section 8), bit by bit.
    public static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = ~0
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? 0xedb8_8320 ^ (crc >> 1) : crc >> 1 }
        }
        return ~crc
    }

    /// In the order of gzip.
    public static func littleEndian(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(8 * $0)) }
    }
}
