import FPConfig
import FPFormats
import Glibc
import Testing

/// A file that was damaged at random.
struct FuzzTests {
    @Test func `whatever happens to the shipped file, it yields settings or complaints with places in it`() throws {
        let seed = getenv("FP_FUZZ_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0...UInt64.max)
        let rounds = getenv("FP_FUZZ_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 500
        print("FP_FUZZ_SEED=\(seed)")
        var damage = Damage(seed: seed)
        let sources = try [false, true].map { try Array(Repository.text("fphost.yaml", uncommented: $0).utf8) }
        var good = 0
        for round in 0..<rounds {
            let bytes = damage.apply(to: sources[round % 2])
            do throws(ConfigErrors) {
                let settings = try Settings.load(
                    yaml: bytes,
                    file: "fphost.yaml",
                    directory: "/nonexistent",
                    environment: ["AWS_ACCESS_KEY_ID": "k", "HOME": "/nonexistent"]
                )
                good += 1
                judge(settings, bytes, "seed \(seed), round \(round)")
            } catch {
                judge(error, bytes, "seed \(seed), round \(round)")
            }
        }
        // Files that are all refused, or all accepted, would show nothing.
        #expect(good > 0 && good < rounds, "seed \(seed)")
    }

    private static let schema = [
        OptionSchema("location", .path, .required), OptionSchema("bucket_name", .string, .secret),
        OptionSchema("host.name", .url), OptionSchema("root_path", .stringList),
    ]

    /// Settings keep their promises to whoever uses them.
    private func judge(_ settings: Settings, _ bytes: [UInt8], _ round: Comment) {
        #expect(settings.stores[settings.storagesBackend] != nil, round)
        #expect(settings.stores[settings.uploads.staging] != nil, round)
        #expect(!settings.server.listen.isEmpty, round)
        for store in settings.stores.keys {
            if case .failure(let errors) = settings.options(ofStore: store, against: Self.schema) {
                judge(errors, bytes, round)
            }
        }
    }

    private func judge(_ errors: ConfigErrors, _ bytes: [UInt8], _ round: Comment) {
        // What YAML 1.1 takes for the end of a line.
        let lineBreaks: [Unicode.Scalar] = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]
        let lines = String(decoding: bytes, as: UTF8.self).unicodeScalars.count(where: lineBreaks.contains) + 1
        #expect(!errors.problems.isEmpty, round)
        for problem in errors.problems {
            let position = problem.position
            let isInside = (1...lines).contains(position.line) && position.column >= 1
            if !isInside || position.file != "fphost.yaml" || problem.message.isEmpty || "\(problem)".contains("\n") {
                Issue.record("\(problem), \(round)")
            }
        }
    }
}

/// Damages texts; the same seed does the same damage.
private struct Damage {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    private static let pieces: [[UInt8]] =
        [
            "${", "}", "$$", "${HOME}", "${NO:-x}", "&a ", "*a", "<<: ", "!!int ", "---\n", "...\n", "\t", "'", "\"",
            "{", "}", "[",
            "]", ": ", "- ", "? ", "|\n", ">\n", "#", "\r", "\u{0}", "\u{85}", "\u{FEFF}", "\u{2028}", "é", "日本", "~",
            "null",
            "99999999999999999999", "-1", "0", "1e9", "file:/etc/hostname", "env:HOME", "unix:/tmp/x", ":1", "[::1]:1",
            "yes",
            "\"\\0\"", "\"\\uD800\"", "\\", "%YAML 1.1\n", "@", "`", String(repeating: "[", count: 70),
            String(repeating: "a", count: 2000),
        ]
        .map { Array($0.utf8) } + [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF], [0xF4, 0x90, 0x80, 0x80]]

    mutating func apply(to text: [UInt8]) -> [UInt8] {
        var text = text
        for _ in 0...below(4) {
            let start = below(text.count + 1)
            let end = min(text.count, start + below(12))
            switch below(7) {
            case 0: text.replaceSubrange(start..<end, with: [])
            case 1: text.insert(contentsOf: Self.pieces[below(Self.pieces.count)], at: start)
            case 2: text.replaceSubrange(start..<end, with: Self.pieces[below(Self.pieces.count)])
            case 3: text.replaceSubrange(start..<end, with: text[start..<end].map { $0 ^ UInt8(1 << below(8)) })
            case 4: text.replaceSubrange(start..<start, with: Array(text[start..<end]))
            case 5: swapLines(&text)
            default: if below(10) == 0 { text.removeSubrange(start...) }
            }
        }
        return text
    }

    private mutating func swapLines(_ text: inout [UInt8]) {
        var lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        lines.swapAt(below(lines.count), below(lines.count))
        text = Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    }

    private mutating func below(_ bound: Int) -> Int {
        // SplitMix64: short, and the same everywhere.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return Int(mixed % UInt64(bound))
    }
}
