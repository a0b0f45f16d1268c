import FPCurl

/// What was decoded: the last bytes, which the next ones may repeat, and among them those that nobody has taken yet.
struct Window {
    private var bytes = [UInt8](repeating: 0, count: history + batch)
    private(set) var end = 0
    /// From where on nobody has taken them.
    private var start = 0
    /// The oldest byte that may be repeated.
    private var oldest = 0

    /// The farthest distance of a repetition (RFC 1951 section 2).
    private static let history = 32 * 1024
    /// How much is decoded before somebody must take it.
    private static let batch = 64 * 1024

    /// How many bytes can be decoded until some are taken.
    var room: Int { bytes.count - end }

    /// Begins a stream, which cannot repeat what was there before.
    mutating func begin() {
        oldest = end
    }

    mutating func append(_ byte: UInt8) {
        bytes[end] = byte
        end += 1
    }

    /// Repeats as many bytes as there is room for.
    /// - Returns: how many.
    mutating func append(_ length: Int, from distance: Int) throws(Damage) -> Int {
        guard distance <= end - oldest else { throw Damage(problem: "it repeats what is before its beginning") }
        let count = min(length, room)
        // One by one: what is repeated may be part of what comes of it.
        for place in end..<end + count { bytes[place] = bytes[place - distance] }
        end += count
        return count
    }

    /// What was decoded since then.
    func since(_ start: Int) -> ArraySlice<UInt8> { bytes[start..<end] }

    /// Hands out what nobody has taken yet, if there is anything.
    mutating func handOut(_ take: (UnsafeRawBufferPointer) -> Intake) -> Intake {
        if start < end {
            let intake = bytes.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
            guard intake == .taken else { return intake }
            start = end
        }
        if room == 0 { slide() }
        return .taken
    }

    private mutating func slide() {
        let shift = end - Self.history
        for place in 0..<Self.history { bytes[place] = bytes[place + shift] }
        (start, end, oldest) = (Self.history, Self.history, max(0, oldest - shift))
    }
}
