import Crypto
import FPFormats
import FPHTTP
import FPJWT
import Foundation
import JWTKit
import Support
import Testing

@Suite("Tokens that are refused")
struct RefusalTests {
    private let key = ES256PrivateKey()

    private func header(_ more: String) -> String { "{\"alg\":\"ES256\",\(more)}" }

    @Test("a good token passes, whatever the case of the scheme's letters; the tests below change one thing of it")
    func good() async throws {
        #expect(await (try authenticator(for: key)).answer(try await Signer(key).token()) == "alice")
    }

    @Test("algorithm confusion: an HMAC made with a public key is no signature")
    func confusion() async throws {
        let vectors = Vectors.joserfc
        for (kind, pem) in vectors.pem {
            let set = try TextFile(try vectors.keySet(kind))
            let file = try TextFile(pem)
            let keeper = try authenticator { settings in
                settings.publicKeyFile = file.path
                settings.keySetFile = set.path
            }
            let lines = pem.split(separator: "\n").dropFirst().dropLast().joined()
            let secrets: [[UInt8]] = [
                Array(pem.utf8), Array(pem.dropLast().utf8), Array(try #require(Data(base64Encoded: lines))),
                Array(try vectors.keySet(kind).utf8),
            ]
            for secret in secrets {
                let token = try await Signer(secret: secret).token()
                #expect(await keeper.answer(token).contains("by an algorithm that none"), "\(kind)")
            }
        }
    }

    @Test("alg none, in any spelling, with and without a signature")
    func none() async throws {
        let keeper = try authenticator(for: key) { $0.secret = String(repeating: "s", count: 64) }
        let signer = try await Signer(key)
        for name in ["none", "None", "NONE", "nOnE", "", "es256", "ES256 ", "HS256\\u0000"] {
            let signed = try signer.token(header: "{\"alg\":\"\(name)\"}")
            let unsigned = signed.split(separator: ".").dropLast().joined(separator: ".") + "."
            for token in [signed, unsigned] {
                #expect(await keeper.answer(token).contains("by an algorithm that none"), "\(name)")
            }
        }
        for header in ["{}", "{\"alg\":null}", "{\"alg\":[\"ES256\"]}", "{\"alg\":1}"] {
            #expect(await keeper.answer(try signer.token(header: header)).contains("by an algorithm"), "\(header)")
        }
    }

    @Test("a wrong kid: of no key, of another key, or no text")
    func keyIDs() async throws {
        let other = ES256PrivateKey()
        let file = try TextFile(keySet((key, "one"), (other, "two")))
        let keeper = try authenticator { $0.keySetFile = file.path }
        let signer = try await Signer(key)
        #expect(await keeper.answer(try signer.token(header: header("\"kid\":\"one\""))) == "alice")
        #expect(await keeper.answer(try signer.token()) == "alice")
        for id in ["two", "three", "", "One", "one ", "../one", "o\\u006ee2"] {
            let answer = await keeper.answer(try signer.token(header: header("\"kid\":\"\(id)\"")))
            #expect(answer.contains("not signed with one of the keys"), "\(id)")
        }
        #expect(await keeper.answer(try signer.token(header: header("\"kid\":1"))).contains("does not say which"))
    }

    @Test("a token without kid is not tried with more than eight keys")
    func manyKeys() async throws {
        let keys = (0..<9).map { _ in ES256PrivateKey() }
        let entries = keys.map { String(keySet(($0, nil)).dropFirst(9).dropLast(2)) }
        let file = try TextFile("{\"keys\":[\(entries.joined(separator: ","))]}")
        let keeper = try authenticator { $0.keySetFile = file.path }
        #expect(await keeper.answer(try await Signer(keys[0]).token()).contains("does not say which"))
        #expect(await keeper.answer(try await Signer(keys[8]).token(header: header("\"kid\":\"any\""))) == "alice")
    }

    @Test("an unknown critical extension, and one that changes what is signed")
    func critical() async throws {
        let keeper = try authenticator(for: key)
        let signer = try await Signer(key)
        for more in ["\"crit\":[\"x\"],\"x\":1", "\"crit\":[]", "\"crit\":null", "\"crit\":[\"exp\"]", "\"b64\":false"]
        {
            #expect(
                await keeper.answer(try signer.token(header: header(more))).contains("demands an extension"), "\(more)")
        }
    }

    @Test("keys that a token brings along, or says where to get, are not used")
    func broughtAlong() async throws {
        let thief = ES256PrivateKey()
        let set = keySet((thief, nil))
        let keeper = try authenticator(for: key)
        for more in [
            "\"jwk\":\(set.dropFirst(9).dropLast(2))", "\"jku\":\"http://127.0.0.1:1/\"",
            "\"x5u\":\"http://127.0.0.1:1/\"",
            "\"x5c\":[\"MIIB\"]",
        ] {
            let answer = await keeper.answer(try await Signer(thief).token(header: header(more)))
            #expect(answer.contains("not signed with one of the keys"), "\(more)")
        }
    }

    @Test("two signatures, parts too many or too few, and the JSON forms of a signature")
    func shapes() async throws {
        let keeper = try authenticator(for: key)
        let token = try await Signer(key).token()
        let parts = token.split(separator: ".")
        let general =
            "{\"payload\":\"\(parts[1])\",\"signatures\":[{\"protected\":\"\(parts[0])\",\"signature\":\"\(parts[2])\"}]}"
        let (head, claims, signature) = (String(parts[0]), String(parts[1]), String(parts[2]))
        let others: [String] = [
            "\(token).\(signature)", "\(token).", ".\(token)", "..", "", ".", "\(head).\(claims)",
            "\(head)..\(signature)",
            "\(head).\(claims).a.b.c", general, "\(token)=", "\(token)\n", " \(token)",
            "\(head)..\(claims).\(signature)",
            "\(token)\u{0}", "\(token)é",
        ]
        for other in others {
            #expect(await keeper.answer(other).hasPrefix("The token"), "\(other)")
            #expect(await keeper.answer(other) != "alice", "\(other)")
        }
    }

    @Test("a member twice, in the header, in the claims, and deep in them")
    func duplicates() async throws {
        let keeper = try authenticator(for: key)
        let signer = try await Signer(key)
        for (header, claims) in [
            (self.header("\"alg\":\"ES256\""), Claims.good), (self.header("\"a\\u006cg\":\"none\""), Claims.good),
            (self.header("\"kid\":\"a\",\"kid\":\"b\""), Claims.good),
            (self.header("\"typ\":\"JWT\""), Claims.of("\"sub\":\"bob\"")),
            (self.header("\"typ\":\"JWT\""), Claims.of("\"x\":[{\"a\":1,\"a\":2}]")),
            (self.header("\"typ\":\"JWT\""), Claims.of("\"exp\":9999999999")),
        ] {
            #expect(
                await keeper.answer(try signer.token(header: header, claims)).contains("twice"), "\(header) \(claims)")
        }
    }

    @Test("a huge token, before anything of it is looked at, and one that nests deep")
    func huge() async throws {
        let keeper = try authenticator(for: key)
        let signer = try await Signer(key)
        let long = try signer.token(Claims.of("\"x\":\"\(String(repeating: "x", count: 16 << 10))\""))
        #expect(await keeper.answer(long).contains("longer than 16384 bytes"))
        let large = try signer.token(Claims.of("\"x\":\"\(String(repeating: "x", count: 11 << 10))\""))
        #expect(await keeper.answer(large) == "alice")
        let deep = String(repeating: "[", count: 4000) + String(repeating: "]", count: 4000)
        #expect(await keeper.answer(try signer.token(Claims.of("\"x\":\(deep)"))).contains("not both JSON objects"))
    }

    @Test("a header or claims that are no JSON object")
    func notJSON() async throws {
        let keeper = try authenticator(for: key)
        let signer = try await Signer(key)
        for text in ["[]", "1", "\"x\"", "", "{", "{\"alg\":\"ES256\"}x", "null", "{'alg':'ES256'}"] {
            #expect(await keeper.answer(try signer.token(header: text)).contains("not both JSON objects"), "\(text)")
            #expect(await keeper.answer(try signer.token(text)).contains("not both JSON objects"), "\(text)")
        }
    }

    @Test("a token of a type that is made for something else")
    func types() async throws {
        let keeper = try authenticator(for: key)
        let signer = try await Signer(key)
        for type in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
            #expect(await keeper.answer(try signer.token(header: header("\"typ\":\"\(type)\""))) == "alice")
        }
        for type in ["logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "", "application/"] {
            #expect(
                await keeper.answer(try signer.token(header: header("\"typ\":\"\(type)\""))).contains("no access token")
            )
        }
    }

    @Test("a signature of zeros, a cut one, one in another encoding, and somebody else's")
    func signatures() async throws {
        let keeper = try authenticator(for: key)
        let token = try await Signer(key).token()
        let cut = try #require(token.lastIndex(of: "."))
        let input = token[...cut]
        let signature = try #require(Base64URL.decoded(token[token.index(after: cut)...]))
        let der = try #require(try? P256.Signing.ECDSASignature(rawRepresentation: signature)).derRepresentation
        for other in [
            [UInt8](repeating: 0, count: 64), Array(signature.dropLast()), signature + [0], [], Array(der),
            Array(signature.suffix(32) + signature.prefix(32)), [UInt8](repeating: 0xFF, count: 64),
        ] {
            #expect(await keeper.answer(input + Base64URL.encoded(other)).contains("not signed with one of the keys"))
        }
        let thief = try await Signer(ES256PrivateKey()).token()
        #expect(await keeper.answer(thief).contains("not signed with one of the keys"))
    }

    @Test("random changes of good tokens never crash and never pass")
    func mutations() async throws {
        var random = SeededGenerator()
        let vectors = Vectors.joserfc
        let set = try TextFile(
            String(decoding: try JSONEncoder().encode(["keys": Array(vectors.keys.values)]), as: UTF8.self))
        let keeper = try authenticator { settings in
            settings.keySetFile = set.path
            settings.audiences = ["fphost"]
        }
        let tokens = ["HS256", "ES256", "EdDSA", "RS256"].compactMap { vectors.tokens[$0].map { Array($0.utf8) } }
        for round in 0..<4000 {
            let token = tokens[round % tokens.count]
            var changed = token
            for _ in 0..<Int.random(in: 1...3, using: &random) { change(&changed, &random) }
            guard changed != token else { continue }
            let caller = try? await keeper.caller(changed)
            #expect(caller == nil, "seed \(random.seed), round \(round): \(String(decoding: changed, as: UTF8.self))")
        }
        for token in tokens { _ = try await keeper.caller(token) }
    }

    private func change(_ token: inout [UInt8], _ random: inout SeededGenerator) {
        guard !token.isEmpty else { return }
        let place = Int.random(in: 0..<token.count, using: &random)
        switch Int.random(in: 0..<7, using: &random) {
        case 0: token[place] = UInt8.random(in: .min ... .max, using: &random)
        case 1: token[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: token.remove(at: place)
        case 3: token.insert("ABab09-_.=+/".utf8.randomElement(using: &random)!, at: place)
        case 4: token.removeSubrange(place...)
        case 5: token += token[place...]
        default: changeContent(&token, &random)
        }
    }

    /// Changes a byte of what a part stands for, and writes it down well again.
    private func changeContent(_ token: inout [UInt8], _ random: inout SeededGenerator) {
        var parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(Array.init)
        let part = Int.random(in: 0..<parts.count, using: &random)
        guard var content = Base64URL.decoded(String(decoding: parts[part], as: UTF8.self)), !content.isEmpty else {
            return
        }
        content[Int.random(in: 0..<content.count, using: &random)] = UInt8.random(in: 0x20..<0x7F, using: &random)
        parts[part] = Array(Base64URL.encoded(content).utf8)
        token = Array(parts.joined(separator: [UInt8(ascii: ".")]))
    }
}
