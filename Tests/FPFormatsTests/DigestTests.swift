import FPFormats
import Foundation
import Support
import Testing

@Suite("Digests that clients state")
struct DigestTests {
    private static let empty256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    private static let emptyMD5 = "1B2M2Y8AsgTpgAmY7PhCfg=="

    private func set(_ lines: String...) -> DigestSet? { try? DigestSet(field: lines) }

    @Test("the examples of RFC 9530 are read, over several lines too, and written as they came")
    func examples() throws {
        let one = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        #expect(set(one)?.description == one)
        let two = try #require(set("sha-512=:" + Base64.encoded([UInt8](repeating: 7, count: 64)) + ":", one))
        #expect(two.kinds == [.sha512, .sha256])
        #expect(two[.sha512] == [UInt8](repeating: 7, count: 64))
        #expect(set(two.description) == two)
        #expect(set("md5=:\(Self.emptyMD5):, sha=:2jmj7l5rSw0yVb/vlWAYkK/YBwk=:")?.kinds == [.sha1, .md5])
    }

    @Test(
        "what is not known is ignored",
        arguments: [
            [], [""], [" "], ["unixsum=:AAA=:"], ["sha-256x=::"], ["*=:AA==:;a;b=1.5;c=\"\\\"\";d=?0;e=to/k:en;f=-7"],
            ["crc32c=:AAAAAA==:"],
        ])
    func ignored(lines: [String]) throws {
        #expect(try DigestSet(field: lines).isEmpty)
    }

    @Test("of a key that comes twice the last counts, and parameters mean nothing")
    func twice() {
        #expect(
            set("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:;q=1 \t,\tsha-256=:\(Self.empty256):")
                == set("sha-256=:\(Self.empty256):"))
    }

    @Test(
        "a field that is no dictionary of byte sequences is refused",
        arguments: [
            "sha-256", "sha-256=", "sha-256=47DEQpj8HBSa", "sha-256=:\(empty256)", "sha-256=:\(empty256):,",
            ",sha-256=:\(empty256):", "sha-256=:\(empty256): x", "sha-256 =:\(empty256):", "SHA-256=:\(empty256):",
            "sha-256=:\(empty256.dropLast()):", "sha-256=:\(empty256.dropLast(2))V=:", "sha-256=:AAAA:", "sha-256=::",
            "sha-256=(:\(empty256):)", "sha-256=1", "other=1", "other", "sha-256=:\(empty256):;", "x=:AA==:;A=1",
            "x=:AA==:;a=1.", "x=:AA==:;a=1.2345", "x=:AA==:;a=1234567890123456", "x=:AA==:;a=\"", "x=:AA==:;a=\"\\n\"",
            "x=:AA==:;a=?2", "x=:AA==:;a=", "sha-256=:\(empty256)\u{301}:", "\u{301}sha-256=:\(empty256):",
            "sha-256=:-_==:",
        ])
    func refused(line: String) {
        #expect(throws: Complaint.self) { try DigestSet(field: [line]) }
    }

    @Test("what is written is read as the same, whatever it is, and a changed byte is noticed")
    func roundTrip() throws {
        var random = SeededGenerator()
        for _ in 0..<500 {
            var set = DigestSet()
            for kind in DigestKind.allCases where kind.fieldKey != nil && Bool.random(using: &random) {
                try set.add(DigestSet(kind, random.bytes(kind.length)))
            }
            let text = set.description
            #expect(try DigestSet(field: [text]) == set, "seed \(random.seed)")
            #expect(try DigestSet(formField: text) == set, "seed \(random.seed)")
            var bytes = Array(text.utf8)
            guard let place = bytes.indices.randomElement(using: &random) else { continue }
            bytes[place] ^= UInt8.random(in: 1...127, using: &random)
            let changed = try? DigestSet(field: [String(decoding: bytes, as: UTF8.self)])
            #expect(changed != set, "seed \(random.seed)")
        }
    }

    @Test("Content-MD5 is the base64 of sixteen bytes and nothing else")
    func contentMD5() throws {
        #expect(try DigestSet(contentMD5: Self.emptyMD5).description == "md5=:\(Self.emptyMD5):")
        for text in [
            "", "1B2M2Y8AsgTpgAmY7PhCfg", Self.empty256, "d41d8cd98f00b204e9800998ecf8427e", " " + Self.emptyMD5,
        ] {
            #expect(throws: Complaint.self, "\(text)") { try DigestSet(contentMD5: text) }
        }
    }

    @Test("Upload-Checksum names an algorithm that is known and its digest")
    func uploadChecksum() throws {
        let set = try DigestSet(uploadChecksum: "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")
        #expect(set.kinds == [.sha1])
        #expect(try DigestSet(uploadChecksum: "sha256 \(Self.empty256)").kinds == [.sha256])
        #expect(try DigestSet(uploadChecksum: "crc32c 4waSgw==")[.crc32c] == [0xE3, 0x06, 0x92, 0x83])
        for text in [
            "", "sha1", "sha1 ", "sha1 !", "sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "SHA1 x", "sha3 AAAA", "md5 AAAA",
        ] {
            #expect(throws: Complaint.self, "\(text)") { try DigestSet(uploadChecksum: text) }
        }
    }

    @Test("fp_digest is what Repr-Digest is, or a SHA-256 in hexadecimal, and may have space around it")
    func formField() throws {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        let expected = try DigestSet(field: ["sha-256=:\(Self.empty256):"])
        for text in [hex, hex.uppercased(), " \(hex)\r\n", "sha-256=:\(Self.empty256):\n"] {
            #expect(try DigestSet(formField: text) == expected, "\(text)")
        }
        #expect(try DigestSet(formField: "").isEmpty)
        for text in [String(hex.dropLast()), hex + "0", Self.empty256, hex.replacing("e", with: "g")] {
            #expect(throws: Complaint.self, "\(text)") { try DigestSet(formField: text) }
        }
    }

    @Test("two fields about the same bytes must not contradict one another")
    func contradiction() throws {
        var set = try DigestSet(contentMD5: Self.emptyMD5)
        try set.add(DigestSet(field: ["md5=:\(Self.emptyMD5):, sha-256=:\(Self.empty256):"]))
        #expect(set.kinds == [.sha256, .md5])
        #expect(throws: Complaint.self) { try set.add(DigestSet(.md5, [UInt8](repeating: 0, count: 16))) }
    }

    @Test("of the wishes the weightiest comes first, what weighs nothing is not wanted")
    func wishes() throws {
        func wanted(_ lines: String...) throws -> [DigestKind] { try DigestWishes(field: lines).kinds }
        #expect(try wanted("sha-512=3, sha-256=10, unixsum=0") == [.sha256, .sha512])
        #expect(try wanted("sha=5, sha-256=5", "md5=0") == [.sha256, .sha1])
        #expect(try wanted() == [])
        for line in ["sha-256=11", "sha-256=-1", "sha-256", "sha-256=1.0", "sha-256=:AA==:", "sha-256=1,", "x=y"] {
            #expect(throws: Complaint.self, "\(line)") { try wanted(line) }
        }
    }
}

@Suite("base64")
struct Base64Tests {
    @Test("bytes come back, and their text is that of other programs")
    func roundTrip() {
        var random = SeededGenerator()
        for count in 0..<200 {
            let bytes = random.bytes(count)
            let text = Base64.encoded(bytes)
            #expect(text == Data(bytes).base64EncodedString(), "seed \(random.seed)")
            #expect(Base64.decoded(text.utf8) == bytes, "seed \(random.seed)")
        }
    }

    @Test(
        "a second text for the same bytes is refused, and so is what is no text for any",
        arguments: [
            "A", "AA", "AAA", "AB==", "AAB=", "AAAA====", "=", "====", "A===", "AA=A", "A A=", "AA-A", "AA==\n",
        ])
    func others(text: String) {
        #expect(Base64.decoded(text.utf8) == nil)
    }
}
