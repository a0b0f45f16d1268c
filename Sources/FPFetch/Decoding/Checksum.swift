/// The checksum of a compressed body's content.
enum Checksum {
    /// CRC-32 (RFC 1952 section 8).
    case crc32(UInt32)
    /// Adler-32 (RFC 1950 section 8).
    case adler32(UInt32)

    /// Of nothing.
    static let emptyCRC32 = Checksum.crc32(0)
    /// Of nothing.
    static let emptyAdler32 = Checksum.adler32(1)

    var value: UInt32 {
        switch self {
        case .crc32(let value), .adler32(let value): value
        }
    }

    mutating func add(_ bytes: some Collection<UInt8>) {
        switch self {
        case .crc32(let crc):
            var inverted = ~crc
            for byte in bytes {
                inverted = Self.table[Int(UInt8(truncatingIfNeeded: inverted) ^ byte)] ^ (inverted >> 8)
            }
            self = .crc32(~inverted)
        case .adler32(let sums):
            var (low, high) = (sums & 0xffff, sums >> 16)
            for byte in bytes {
                low = (low + UInt32(byte)) % Self.base
                high = (high + low) % Self.base
            }
            self = .adler32(high << 16 | low)
        }
    }

    private static let base: UInt32 = 65521

    private static let table = (0..<256).map { byte in
        var crc = UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? 0xedb8_8320 ^ (crc >> 1) : crc >> 1 }
        return crc
    }
}
