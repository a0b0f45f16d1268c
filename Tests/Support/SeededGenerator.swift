import Glibc

/// A random generator whose whole sequence follows from its seed, so that a failure can be repeated.
public struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// The seed, to be printed.
    public let seed: UInt64

    /// Uses the seed given, or that of the environment variable FPHOST_TEST_SEED, or a new one.
    public init(seed: UInt64? = nil) {
        self.seed = seed ?? Self.environmentSeed ?? UInt64.random(in: 0...UInt64.max)
        state = self.seed
    }

    /// The next number (Steele, Lea, Flood: SplitMix, 2014).
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// That many random bytes.
    public mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: next()) { bytes.append(contentsOf: $0) } }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    private static var environmentSeed: UInt64? {
        getenv("FPHOST_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
    }
}
