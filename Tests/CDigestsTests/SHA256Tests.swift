import CDigests
import Crypto
import Foundation
import Support
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    /// FIPS 180-4's examples (NIST, "Secure Hash Standard: examples with intermediate values"), and of no bytes.
    static let examples: [(String, Int, String)] = [
        ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
        ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ]

    @Test("NIST's examples have the digests that they should", arguments: examples)
    func example(text: String, times: Int, digest: String) {
        let bytes = [UInt8](repeatElement(Array(text.utf8), count: times).joined())
        for takes in Self.both {
            var state = cd_sha256()
            cd_sha256_begin(&state)
            takes(&state, bytes, bytes.count)
            #expect(hex(state) == digest)
        }
    }

    @Test("the state may be kept and gone on with after any byte, and both ways give the library's digest")
    func cuts() {
        var random = SeededGenerator()
        let bytes = random.bytes(4_000)
        for round in 0..<10_000 {
            let whole = bytes.prefix(Int.random(in: 0...(round.isMultiple(of: 20) ? 4_000 : 300), using: &random))
            var state = cd_sha256()
            cd_sha256_begin(&state)
            var rest = whole
            while !rest.isEmpty {
                let piece = Array(rest.prefix(Int.random(in: 0...200, using: &random)))
                Self.both[Int.random(in: 0...1, using: &random)](&state, piece, piece.count)
                rest = rest.dropFirst(piece.count)
                guard let resumed = reloaded(state) else {
                    Issue.record("a state was not read, seed \(random.seed)")
                    return
                }
                state = resumed
            }
            #expect(state.length == whole.count, "seed \(random.seed)")
            let expected = SHA256.hash(data: whole).map { String(format: "%02x", $0) }.joined()
            #expect(hex(state) == expected, "seed \(random.seed), \(whole.count) bytes")
        }
    }

    @Test("what is no kept state is refused")
    func noState() {
        var state = cd_sha256()
        cd_sha256_begin(&state)
        cd_sha256_update(&state, Array("abc".utf8), 3)
        let saved = save(state)
        #expect(saved.count == 44)
        var loaded = cd_sha256()
        let others: [[UInt8]] = [
            [], [1], saved.dropLast(), saved + [0], [2] + saved.dropFirst(), saved.map { ~$0 },
        ]
        for bytes in others {
            #expect(cd_sha256_load(&loaded, bytes, bytes.count) == -1)
        }
    }

    @Test("a processor with instructions for it uses them")
    func processor() throws {
        let description = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        let flags = Set(description.split(whereSeparator: \.isWhitespace))
        #expect(cd_sha256_has_instructions() == (flags.contains("sha_ni") || flags.contains("sha2") ? 1 : 0))
    }

    private typealias Update = (UnsafeMutablePointer<cd_sha256>?, UnsafeRawPointer?, Int) -> Void
    private static var both: [Update] { [cd_sha256_update, cd_sha256_update_portably] }

    private func hex(_ state: cd_sha256) -> String {
        var digest = [UInt8](repeating: 0, count: Int(CD_SHA256_SIZE))
        withUnsafePointer(to: state) { cd_sha256_digest($0, &digest) }
        return digest.map { String(format: "%02x", $0) }.joined()
    }

    private func save(_ state: cd_sha256) -> [UInt8] {
        var saved = [UInt8](repeating: 0, count: Int(CD_SHA256_STATE_MOST))
        let count = withUnsafePointer(to: state) { cd_sha256_save($0, &saved) }
        return Array(saved.prefix(count))
    }

    private func reloaded(_ state: cd_sha256) -> cd_sha256? {
        let saved = save(state)
        var loaded = cd_sha256()
        return cd_sha256_load(&loaded, saved, saved.count) == 0 ? loaded : nil
    }
}
