import FPPluginAPI
import Glibc

/// Bytes that anybody can compute from their place, so that two processes agree on them.
package enum Pattern {
    package static func byte(_ place: UInt64, seed: UInt64) -> UInt8 {
        UInt8(truncatingIfNeeded: word(place >> 3, seed: seed) >> ((place & 7) * 8))
    }

    private static func word(_ index: UInt64, seed: UInt64) -> UInt64 {
        var word = index &+ seed &* 0x9E37_79B9_7F4A_7C15
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// A word at a time, for uploads of many parts in a debug build.
    package static func bytes(_ range: Range<UInt64>, seed: UInt64) -> [UInt8] {
        let skipped = Int(range.lowerBound & 7)
        let count = skipped + range.count
        let words = [UInt8](unsafeUninitializedCapacity: count + 8) { buffer, made in
            let memory = UnsafeMutableRawBufferPointer(buffer)
            var place = 0
            while place < count {
                memory.storeBytes(
                    of: word(range.lowerBound >> 3 &+ UInt64(place >> 3), seed: seed).littleEndian,
                    toByteOffset: place, as: UInt64.self)
                place += 8
            }
            made = count
        }
        return Array(words.dropFirst(skipped))
    }

    package static func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] { bytes(0..<UInt64(count), seed: seed) }
}

/// Random numbers that a printed seed brings back.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    package let seed: UInt64
    private var state: UInt64

    /// The seed comes from `FP_TEST_SEED`, or from the clock.
    package init(_ test: String) {
        let given = getenv("FP_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
        self.init(seed: given ?? UInt64.random(in: 1...UInt64(UInt32.max)))
        print("\(test): FP_TEST_SEED=\(seed)")
    }

    package init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
