import FPCurl
import Support
import Testing

@testable import FPFetch

/// Content codings without a network: what a compressor wrote, in any pieces, to a consumer that takes its time.
@Suite struct DecoderTests {
    @Test(
        "What a real compressor wrote is had back, in any pieces, also when the consumer holds them back",
        .enabled(if: Compressor.isAvailable, "python3 is not installed"))
    func compressors() async throws {
        var random = SeededGenerator()
        print("seed of compressors: \(random.seed)")
        for sample in try await Compressor.samples(seed: random.seed) {
            let result = try decoded(sample.compressed, sample.coding, using: &random)
            #expect(result.content == sample.content, "\(sample.name)")
            #expect(result.isComplete, "\(sample.name)")
        }
    }

    @Test(
        "A body that ends before its compressed form is never complete, and one that is changed never passes for another",
        .enabled(if: Compressor.isAvailable, "python3 is not installed"))
    func damage() async throws {
        var random = SeededGenerator()
        print("seed of damage: \(random.seed)")
        for sample in try await Compressor.samples(seed: random.seed) where sample.compressed.count < 20_000 {
            for _ in 0..<5 {
                let cut = Int.random(in: 0..<sample.compressed.count, using: &random)
                let short = try decoded(Array(sample.compressed[..<cut]), sample.coding, using: &random)
                // Between two members nothing tells, as in a body of no length at all.
                if !sample.hasMembers { #expect(!short.isComplete, "\(sample.name) cut at \(cut)") }

                var changed = sample.compressed
                let place = Int.random(in: 0..<changed.count, using: &random)
                changed[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
                // Without a checksum nothing tells, and then it must only come to an end.
                guard let result = try? decoded(changed, sample.coding, using: &random), !sample.isRaw else { continue }
                #expect(!result.isComplete || result.content == sample.content, "\(sample.name) changed at \(place)")
            }
        }
    }

    @Test("Noise is decoded to an end or an error")
    func noise() throws {
        var random = SeededGenerator()
        print("seed of noise: \(random.seed)")
        for round in 0..<3000 {
            let noise = random.bytes(Int.random(in: 0...300, using: &random))
            let coding: ContentDecoder.Coding = round % 2 == 0 ? .gzip : .deflate
            _ = try? decoded(coding == .gzip ? Gzip.header + noise : noise, coding, using: &random)
        }
    }

    @Test("All fields of a gzip header are passed over")
    func headers() throws {
        var random = SeededGenerator()
        for flags in UInt8(0)..<32 {
            var header = [0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 2, 3] as [UInt8]
            if flags & 4 > 0 { header += [3, 0, 1, 2, 0] }
            if flags & 8 > 0 { header += Array("name\0".utf8) }
            if flags & 16 > 0 { header += Array("\0".utf8) }
            if flags & 2 > 0 { header += Gzip.littleEndian(Gzip.crc32(header)).prefix(2) }
            let file = header + Gzip.file(Array("hello".utf8)).dropFirst(Gzip.header.count)
            let result = try decoded(file, .gzip, using: &random)
            #expect(result.content == Array("hello".utf8) && result.isComplete, "\(flags)")
            if flags & 2 > 0 {
                var wrong = file
                wrong[header.count - 1] ^= 1
                #expect(throws: Damage.self, "\(flags)") { try decoded(wrong, .gzip, using: &random) }
            }
        }
    }

    @Test("What no compressor writes is refused", arguments: Malformed.allCases)
    func malformed(kind: Malformed) throws {
        var random = SeededGenerator()
        #expect(throws: Damage.self) { try decoded(kind.bytes, kind.coding, using: &random) }
    }

    @Test("A consumer that takes nothing has no more decoded for it than the window holds")
    func holdingBack() throws {
        let decoder = ContentDecoder(.gzip)
        let bomb = Gzip.bomb(50_000_000)
        var offers: [Int] = []
        try bomb.withUnsafeBytes { bytes in
            for _ in 0..<10 {
                let intake = try decoder.decode(UnsafeRawBufferPointer(rebasing: bytes[..<16_384])) { content in
                    offers.append(content.count)
                    return .full
                }
                #expect(intake == .full)
            }
        }
        // The same again and again, and no more than before.
        #expect(Set(offers).count == 1)
        #expect(offers[0] <= 96 * 1024)
    }

    /// Decodes in random pieces, as libcurl hands them over: what was held back comes again, perhaps in other pieces.
    private func decoded(
        _ bytes: [UInt8], _ coding: ContentDecoder.Coding, using random: inout SeededGenerator
    ) throws -> (content: [UInt8], isComplete: Bool) {
        let decoder = ContentDecoder(coding)
        var content: [UInt8] = []
        var rest = bytes[...]
        let largest = [1, 30, 1000, 16_384].randomElement(using: &random) ?? 1
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...largest, using: &random))
            let isHeldBack = Int.random(in: 0..<4, using: &random) == 0
            let intake = try piece.withUnsafeBytes { piece in
                try decoder.decode(piece) { decoded in
                    if isHeldBack { return .full }
                    content += decoded
                    return .taken
                }
            }
            if intake == .taken { rest = rest.dropFirst(piece.count) }
        }
        return (content, decoder.isComplete)
    }
}
