/// Bytes that anybody can compute from their place, so that two processes agree on them.
package enum Pattern {
    /// The bytes at these places of the sequence that the seed names.
    package static func bytes(_ range: Range<UInt64>, seed: UInt64 = 1) -> [UInt8] {
        // Whole words at once: cases need tens of megabytes, in a debug build too.
        let words = (range.lowerBound >> 3)..<((range.upperBound + 7) >> 3)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, words.count) * 8, alignment: 8)
        defer { memory.deallocate() }
        var place = 0
        var index = words.lowerBound
        while index < words.upperBound {
            memory.storeBytes(of: word(index, seed).littleEndian, toByteOffset: place, as: UInt64.self)
            place += 8
            index += 1
        }
        let start = memory + Int(range.lowerBound & 7)
        return Array(UnsafeRawBufferPointer(start: start, count: range.count))
    }

    /// The first `count` bytes of the sequence.
    package static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] { bytes(0..<UInt64(count), seed: seed) }

    private static func word(_ index: UInt64, _ seed: UInt64) -> UInt64 {
        mixed(index &+ seed &* 0x9E37_79B9_7F4A_7C15)
    }
}

/// Random numbers that are the same again for the same seed.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    package let seed: UInt64
    private var state: UInt64

    package init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// A sequence of its own for each name, whichever others are drawn from.
    package init(seed: UInt64, for name: String) {
        self.seed = seed
        state = name.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mixed(state)
    }
}

/// The mixing function of SplitMix64.
private func mixed(_ value: UInt64) -> UInt64 {
    var word = value
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
}
