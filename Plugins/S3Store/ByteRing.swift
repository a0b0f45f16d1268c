/// A ring buffer of fixed capacity, between the network and a reader.
struct ByteRing: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private(set) var count = 0

    init(capacity: Int) { memory = .allocate(byteCount: capacity, alignment: 4096) }

    deinit { memory.deallocate() }

    /// How many bytes can be appended.
    var room: Int { memory.count - count }
    var capacity: Int { memory.count }

    /// Appends all of `bytes`, of which there may be at most `room`.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= room, "more bytes than there is room for")
        let end = (start + count) % memory.count
        let first = min(bytes.count, memory.count - end)
        UnsafeMutableRawBufferPointer(rebasing: memory[end...]).copyBytes(from: bytes.prefix(first))
        memory.copyBytes(from: bytes.dropFirst(first))
        count += bytes.count
    }

    /// Moves as much as there is, or as fits in `buffer`.
    /// - Returns: how many bytes.
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
