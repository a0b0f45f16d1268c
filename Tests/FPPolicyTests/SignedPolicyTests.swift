import Crypto
import FPFormats
import FPPolicy
import Support
import Testing

/// What an application signs with, without this project's own code.
struct Signer {
    static let secret = "0123456789abcdef0123456789abcdef"
    static var keys: PolicyKeys {
        get throws {
            var keys = PolicyKeys()
            try keys.add("app", secret: secret)
            try keys.add("next_1", secret: "fedcba9876543210fedcba9876543210")
            return keys
        }
    }

    static func text(_ payload: [UInt8], key: String = "app") -> String {
        let signed = "fp1.\(key).\(Base64URL.encoded(payload))"
        let tag = HMAC<SHA256>.authenticationCode(
            for: Array(signed.utf8), using: SymmetricKey(data: Array(secret.utf8)))
        return "\(signed).\(Base64URL.encoded(Array(tag)))"
    }

    static func text(_ payload: String) -> String { text(Array(payload.utf8)) }
}

/// The sentence that a policy is refused with; `nil` if it is taken.
private func refusal(_ text: String) throws -> String? {
    let keys = try Signer.keys
    do throws(PolicyError) {
        _ = try SignedPolicy(text, keys: keys)
        return nil
    } catch {
        return error.description
    }
}

@Suite("Signed upload policies")
struct SignedPolicyTests {
    private static let known =
        "fp1.app.eyJleHAiOjQxMDI0NDQ4MDAsIm93bmVyIjoiYWxpY2UifQ.zWw3UIImMP_m0UdyiW_OmkS2HSGFtg7PlDRljc-FUWQ"

    @Test("a policy is the text that another program computes, in both directions")
    func knownText() throws {
        var policy = UploadPolicy(expires: 4_102_444_800)
        policy.owner = "alice"
        #expect(try SignedPolicy.text(of: policy, key: "app", in: Signer.keys) == Self.known)
        let read = try SignedPolicy(Self.known, keys: Signer.keys)
        #expect(read.policy == policy)
        #expect(read.keyID == "app")
    }

    @Test("a key is known by its id, and each of several works")
    func rotation() throws {
        let policy = UploadPolicy(expires: 4_102_444_800)
        for id in try Signer.keys.ids {
            let text = try SignedPolicy.text(of: policy, key: id, in: Signer.keys)
            #expect(try SignedPolicy(text, keys: Signer.keys).keyID == id)
            var others = PolicyKeys()
            try others.add("other", secret: Signer.secret)
            #expect(throws: PolicyError.self) { try SignedPolicy(text, keys: others) }
        }
        #expect(throws: PolicyError.self) { try SignedPolicy.text(of: policy, key: "none", in: Signer.keys) }
    }

    @Test(
        "a key that can be guessed and an id that would end a part are refused",
        arguments: [
            ("app", "0123456789abcdef0123456789abcde"), ("app", ""), ("a.b", Signer.secret), ("", Signer.secret),
            ("ä", Signer.secret), (String(repeating: "a", count: 65), Signer.secret),
        ])
    func badKeys(id: String, secret: String) {
        #expect(throws: Complaint.self) {
            var keys = PolicyKeys()
            try keys.add(id, secret: secret)
        }
    }

    @Test(
        "what has not the form of a policy is refused in so many words",
        arguments: [
            ("", "fp1"), ("fp1", "form"), ("fp1.app..", "signature is not that"), ("fp2.app.e30.AAAA", "fp1"),
            ("fp1.app.e30", "form"), ("fp1.a/b.e30.AAAA", "form"), ("fp1.app.e30.AAAA.AAAA", "form"),
            ("fp1.app.e30.A===", "base64url"), ("fp1.who.e30.AAAA", "the key \"who\""), (known + "=", "base64url"),
            (known.replacing("app", with: "next_1"), "signature is not that"), (known + "A", "signature"),
            ("fp1.app." + String(repeating: "A", count: 8192) + ".AAAA", "8192 bytes"),
        ])
    func form(text: String, word: String) throws {
        let sentence = try #require(try refusal(text))
        #expect(sentence.contains(word), "\(sentence)")
    }

    @Test(
        "what is signed and not understood to the last member is refused, and the sentence names the member",
        arguments: [
            ("", "payload"), ("[]", "no JSON object"), ("{\"exp\":1", "payload"), ("{}", "\"exp\" is missing"),
            ("{\"exp\":1}x", "payload"), ("{\"exp\":1,\"max_sise\":5}", "\"max_sise\""),
            ("{\"exp\":1,\"Owner\":\"a\"}", "\"Owner\""), ("{\"exp\":1,\"exp\":2}", "\"exp\" twice"),
            ("{\"exp\":1,\"\\u0065xp\":2}", "\"exp\" twice"), ("{\"exp\":1.5}", "\"exp\""),
            ("{\"exp\":1e9}", "\"exp\""),
            ("{\"exp\":1.0}", "\"exp\""), ("{\"exp\":-1}", "\"exp\""), ("{\"exp\":\"1\"}", "\"exp\""),
            ("{\"exp\":null}", "\"exp\""), ("{\"exp\":true}", "\"exp\""), ("{\"exp\":253402300800}", "\"exp\""),
            ("{\"exp\":99999999999999999999}", "\"exp\""), ("{\"exp\":1,\"nbf\":\"x\"}", "\"nbf\""),
            ("{\"exp\":1,\"owner\":\"\"}", "\"owner\""), ("{\"exp\":1,\"owner\":null}", "\"owner\""),
            ("{\"exp\":1,\"owner\":7}", "\"owner\""), ("{\"exp\":1,\"owner\":\"a\\u0000b\"}", "\"owner\""),
            ("{\"exp\":1,\"owner\":\"\\ud800\"}", "payload"), ("{\"exp\":1,\"owner\":\"\\u0085\"}", "\"owner\""),
            ("{\"exp\":1,\"owner\":\"\(String(repeating: "a", count: 1025))\"}", "\"owner\""),
            ("{\"exp\":1,\"scopes\":\"a\"}", "\"scopes\""), ("{\"exp\":1,\"scopes\":[]}", "\"scopes\""),
            ("{\"exp\":1,\"scopes\":[\"a b\"]}", "\"scopes\""), ("{\"exp\":1,\"scopes\":[1]}", "\"scopes\""),
            ("{\"exp\":1,\"scopes\":[\"application\"]}", "application"), ("{\"exp\":1,\"ops\":[]}", "\"ops\""),
            ("{\"exp\":1,\"ops\":[\"begin\",\"delete\"]}", "\"delete\""), ("{\"exp\":1,\"ops\":[null]}", "\"ops\""),
            ("{\"exp\":1,\"scopes\":[\(repeatElement("\"a\"", count: 101).joined(separator: ","))]}", "\"scopes\""),
            ("{\"exp\":1,\"max_size\":1.5}", "\"max_size\""), ("{\"exp\":1,\"max_size\":-1}", "\"max_size\""),
            ("{\"exp\":1,\"max_size\":9223372036854775808}", "\"max_size\""),
            ("{\"exp\":1,\"max_files\":0}", "\"max_files\""), ("{\"exp\":1,\"count\":5}", "\"jti\""),
            ("{\"exp\":1,\"jti\":\"a\",\"count\":0}", "\"count\""), ("{\"exp\":1,\"types\":[]}", "\"types\""),
            ("{\"exp\":1,\"types\":[\"image\"]}", "\"types\""), ("{\"exp\":1,\"store\":\"a\"}", "\"path\""),
            ("{\"exp\":1,\"path\":\"../a\"}", "\"path\""), ("{\"exp\":1,\"path\":\"{x}\"}", "\"path\""),
            ("{\"exp\":1,\"x\":" + String(repeating: "[", count: 500) + "}", "payload"),
        ])
    func payload(json: String, word: String) throws {
        let sentence = try #require(try refusal(Signer.text(json)))
        #expect(sentence.contains(word), "\(sentence)")
    }

    @Test("white space, the order of members and escapes do not matter")
    func otherWriters() throws {
        let text = Signer.text(" { \"owner\" : \"\\u0061lice\\/1\",\n\"exp\":7 , \"ops\":[\"load\",\"begin\"]} ")
        let policy = try SignedPolicy(text, keys: Signer.keys).policy
        #expect(policy.owner == "alice/1")
        #expect(policy.operations == [.load, .begin])
    }

    @Test("a policy holds from nbf on and until just before exp")
    func times() throws {
        var policy = UploadPolicy(expires: 20)
        policy.notBefore = 10
        #expect(throws: PolicyError.self) { try policy.check(at: 9) }
        try policy.check(at: 10)
        try policy.check(at: 19)
        #expect(throws: PolicyError.self) { try policy.check(at: 20) }
    }

    @Test("every policy can be read again as it was signed")
    func roundTrip() throws {
        var random = SeededGenerator()
        let pieces = ["a", "ä", "\"", "\\", "/", "😀", " ", "e\u{301}", "}"]
        for _ in 0..<200 {
            var policy = UploadPolicy(expires: Int64.random(in: 0...253_402_300_799, using: &random))
            let word = {
                (0...Int.random(in: 0...9, using: &random)).map { _ in pieces.randomElement(using: &random)! }
            }
            policy.owner = Bool.random(using: &random) ? word().joined() : nil
            policy.id = Bool.random(using: &random) ? word().joined() : nil
            policy.maxSize = Bool.random(using: &random) ? UInt64.random(in: 0...(1 << 62), using: &random) : nil
            policy.maxFiles = Bool.random(using: &random) ? Int.random(in: 1...9, using: &random) : nil
            policy.count = policy.id == nil ? nil : 3
            policy.types = Bool.random(using: &random) ? [.group("image"), .ending("csv")] : []
            policy.path = Bool.random(using: &random) ? "in/{id}/{name}" : nil
            policy.store = policy.path.flatMap { _ in Bool.random(using: &random) ? "media" : nil }
            policy.notBefore = Bool.random(using: &random) ? Int64.random(in: 0...9, using: &random) : nil
            policy.scopes = (0..<Int.random(in: 0...3, using: &random)).map { "scope:\($0)" }
            policy.operations = Array(PolicyOperation.allCases.shuffled(using: &random).prefix(3))
            let text = try SignedPolicy.text(of: policy, key: "next_1", in: Signer.keys)
            #expect(try SignedPolicy(text, keys: Signer.keys).policy == policy, "seed \(random.seed)")
        }
    }

    @Test("a good policy that is changed anywhere never passes")
    func mutations() throws {
        var random = SeededGenerator()
        let keys = try Signer.keys
        let good = Array(Self.known.utf8)
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ".utf8)
        for _ in 0..<20_000 {
            var text = good
            for _ in 0...Int.random(in: 0...2, using: &random) {
                let place = Int.random(in: 0..<text.count, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: text[place] = letters.randomElement(using: &random)!
                case 1: text.insert(letters.randomElement(using: &random)!, at: place)
                case 2: text.remove(at: place)
                case 3: text.swapAt(place, Int.random(in: 0..<text.count, using: &random))
                case 4: text[place] = UInt8.random(in: 0...255, using: &random)
                default: text[place] ^= 0x20
                }
            }
            guard text != good else { continue }
            let changed = String(decoding: text, as: UTF8.self)
            let isTaken = (try? SignedPolicy(changed, keys: keys)) != nil
            #expect(!isTaken, "\(changed) was taken; seed \(random.seed)")
        }
    }

    @Test("whatever bytes are signed, they are read or refused, and what is read is what they say")
    func signedNonsense() throws {
        var random = SeededGenerator()
        let keys = try Signer.keys
        let good = Array(
            #"{"exp":4102444800,"nbf":1,"owner":"a\u00e4","ops":["begin"],"scopes":["x"],"jti":"7","count":3,"types":[".csv"],"path":"a/{id}","max_size":9}"#
                .utf8)
        for _ in 0..<20_000 {
            var payload = good
            for _ in 0...Int.random(in: 0...2, using: &random) {
                let place = Int.random(in: 0..<payload.count, using: &random)
                if Bool.random(using: &random) {
                    payload.remove(at: place)
                } else {
                    payload[place] = UInt8.random(in: 0...255, using: &random)
                }
            }
            guard let read = try? SignedPolicy(Signer.text(payload), keys: keys) else { continue }
            let again = try? SignedPolicy(Signer.text(read.policy.json.text), keys: keys)
            #expect(again?.policy == read.policy, "\(String(decoding: payload, as: UTF8.self)); seed \(random.seed)")
        }
    }
}
