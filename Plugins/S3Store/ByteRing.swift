/// Bytes on their way from the network to a reader: first in, first out, in a fixed room.
struct ByteRing: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private(set) var count = 0

    init(capacity: Int) { memory = .allocate(byteCount: capacity, alignment: 4096) }

    deinit { memory.deallocate() }

    var room: Int { memory.count - count }
    var capacity: Int { memory.count }

    /// Takes all of `bytes`, for which there must be room.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= room, "more bytes than there is room for")
        let end = (start + count) % memory.count
        let first = min(bytes.count, memory.count - end)
        UnsafeMutableRawBufferPointer(rebasing: memory[end...]).copyBytes(from: bytes.prefix(first))
        memory.copyBytes(from: bytes.dropFirst(first))
        count += bytes.count
    }

    /// Moves as much as there is, or as fits.
    mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let total = min(buffer.count, count)
        let first = min(total, memory.count - start)
        buffer.copyBytes(from: memory[start..<start + first])
        UnsafeMutableRawBufferPointer(rebasing: buffer[first...]).copyBytes(from: memory[..<(total - first)])
        start = (start + total) % memory.count
        count -= total
        return total
    }
}
