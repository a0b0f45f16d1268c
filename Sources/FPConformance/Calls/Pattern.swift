/// Bytes that anybody can compute from their place, so that two processes agree on them.
enum Pattern {
    static func bytes(_ range: Range<UInt64>, seed: UInt64 = 1) -> [UInt8] {
        // Whole words at once: cases need tens of megabytes, in a debug build too.
        let words = (range.lowerBound >> 3)..<((range.upperBound + 7) >> 3)
        let room = UnsafeMutableRawPointer.allocate(byteCount: max(1, words.count) * 8, alignment: 8)
        defer { room.deallocate() }
        var place = 0
        var index = words.lowerBound
        while index < words.upperBound {
            room.storeBytes(of: word(index, seed).littleEndian, toByteOffset: place, as: UInt64.self)
            place += 8
            index += 1
        }
        let start = room + Int(range.lowerBound & 7)
        return Array(UnsafeRawBufferPointer(start: start, count: range.count))
    }

    static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] { bytes(0..<UInt64(count), seed: seed) }

    private static func word(_ index: UInt64, _ seed: UInt64) -> UInt64 {
        var word = index &+ seed &* 0x9E37_79B9_7F4A_7C15
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// Random numbers that a printed seed brings back.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A sequence of its own for each case, whichever others run.
    init(seed: UInt64, for id: String) {
        state = id.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
