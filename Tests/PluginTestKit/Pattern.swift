import FPPluginAPI
import Glibc

/// Bytes that anybody can compute from their place, so that two processes agree on them.
package enum Pattern {
    package static func byte(_ place: UInt64, seed: UInt64) -> UInt8 {
        var word = (place >> 3) &+ seed &* 0x9E37_79B9_7F4A_7C15
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        word ^= word >> 31
        return UInt8(truncatingIfNeeded: word >> ((place & 7) * 8))
    }

    package static func bytes(_ range: Range<UInt64>, seed: UInt64) -> [UInt8] {
        range.map { byte($0, seed: seed) }
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
