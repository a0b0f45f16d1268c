/// Cuts what arrives into packets: a length, a kind, and a body (draft-ietf-secsh-filexfer-02, section 3).
struct PacketStream: ~Copyable {
    /// The longest packet that is accepted, in bytes. Servers announce less, and a listing of long names needs less.
    private static let longest: UInt32 = 1 << 20

    private let buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0

    /// - Parameter capacity: how much can be taken in at a time, beside a packet that is not whole yet.
    init(capacity: Int) {
        buffer = .allocate(byteCount: capacity + Int(Self.longest) + 4, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// Room for at least the capacity.
    mutating func room() -> UnsafeMutableRawBufferPointer {
        if start > 0 {
            let rest = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
            UnsafeMutableRawBufferPointer(rebasing: buffer[0..<rest.count]).copyMemory(from: rest)
            end = rest.count
            start = 0
        }
        return UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
    }

    mutating func take(_ count: Int) { end += count }

    /// What has arrived and is no packet yet, or none at all.
    func pending(atMost limit: Int) -> [UInt8] { Array(buffer[start..<min(end, start + limit)]) }

    enum Found {
        /// The body lies in the stream's buffer until the next call.
        case packet(kind: UInt8, body: UnsafeRawBufferPointer)
        case needsMore
        case nonsense
    }

    mutating func next() -> Found {
        let rest = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
        guard rest.count >= 4 else { return .needsMore }
        let length = UInt32(bigEndian: rest.loadUnaligned(as: UInt32.self))
        guard length >= 1, length <= Self.longest else { return .nonsense }
        guard rest.count >= 4 + Int(length) else { return .needsMore }
        start += 4 + Int(length)
        return .packet(kind: rest[4], body: UnsafeRawBufferPointer(rebasing: rest[5..<4 + Int(length)]))
    }
}
