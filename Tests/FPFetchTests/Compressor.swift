import Foundation
import Support
import Testing

@testable import FPFetch

/// zlib, from Python.
enum Compressor {
    struct Sample {
        let name: String
        let coding: ContentDecoder.Coding
        let isRaw: Bool
        let hasMembers: Bool
        let content: [UInt8]
        let compressed: [UInt8]
    }

    static let python = "/usr/bin/python3"
    static let isAvailable = FileManager.default.isExecutableFile(atPath: python)

    /// Contents of many kinds, in all levels and strategies.
    static func samples(seed: UInt64) async throws -> [Sample] {
        let directory = try TemporaryDirectory()
        let run = try await CommandResult.of(URL(filePath: python), ["-c", script, "\(seed)"], in: directory)
        try #require(run.status == 0, "\(run.errors)")
        let samples = try directory.files(below: ".").filter { !$0.hasSuffix(".content") }.map { name in
            let parts = name.split(separator: ".")
            return Sample(
                name: name, coding: parts[1] == "gzip" ? .gzip : .deflate, isRaw: parts[1] == "raw",
                hasMembers: parts[2] != "1",
                content: try directory.contents("\(parts[0]).content"), compressed: try directory.contents(name))
        }
        try #require(samples.count == 60)
        return samples
    }

    private static let script = """
        import random, sys, zlib
        rng = random.Random(int(sys.argv[1]))
        words = [rng.randbytes(rng.randint(1, 12)) for _ in range(200)]
        kinds = [
            lambda size: rng.randbytes(size),
            lambda size: bytes(size),
            lambda size: b"".join(rng.choice(words) for _ in range(size // 6)),
            lambda size: bytes(rng.choice(b"acgt") for _ in range(size)),
            lambda size: rng.randbytes(32_768) * (size // 32_768 + 1),
        ]
        for number in range(60):
            content = kinds[number % 5](rng.choice([0, 1, 2, 300, 5000, 70_000, 200_000]))
            open(f"{number}.content", "wb").write(content)
            coding, bits = [("gzip", 31), ("zlib", 15), ("raw", -15)][number // 5 % 3]
            strategy = rng.choice([
                zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED])
            parts = []
            members = rng.randint(1, 3) if coding == "gzip" else 1
            cuts = sorted(rng.randint(0, len(content)) for _ in range(members - 1))
            for start, end in zip([0, *cuts], [*cuts, len(content)]):
                compressor = zlib.compressobj(rng.randint(0, 9), zlib.DEFLATED, bits, rng.randint(1, 9), strategy)
                middle = rng.randint(start, end)
                parts.append(compressor.compress(content[start:middle]))
                parts.append(compressor.flush(rng.choice([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_NO_FLUSH])))
                parts.append(compressor.compress(content[middle:end]) + compressor.flush())
            open(f"{number}.{coding}.{members}", "wb").write(b"".join(parts))
        """
}
