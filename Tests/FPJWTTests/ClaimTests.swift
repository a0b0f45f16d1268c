import FPFormats
import FPHTTP
import FPJWT
import JWTKit
import Testing

@Suite("What a token must say")
struct ClaimTests {
    private let key = ES256PrivateKey()
    private let now = Int(TestClock.start)

    private func answer(_ claims: String, _ change: (inout JWTSettings) -> Void = { _ in }) async throws -> String {
        await (try authenticator(for: key, change)).answer(try await Signer(key).token(claims))
    }

    @Test("exp must be there and lie ahead, nbf and iat must not, each but for the leeway")
    func times() async throws {
        for (claims, text) in [
            ("\"sub\":\"a\"", "when it expires"), ("\"sub\":\"a\",\"exp\":\"\(now + 9)\"", "no number of seconds"),
            ("\"sub\":\"a\",\"exp\":null", "no number of seconds"),
            ("\"sub\":\"a\",\"exp\":1e999", "no number of seconds"),
            ("\"sub\":\"a\",\"exp\":\(now - 30)", "has expired"), ("\"sub\":\"a\",\"exp\":-1", "has expired"),
            ("\"sub\":\"a\",\"exp\":\(now - 29)", "a"), ("\"sub\":\"a\",\"exp\":\(now).5", "a"),
            ("\"sub\":\"a\",\"exp\":\(now + 60),\"nbf\":\(now + 31)", "not valid yet"),
            ("\"sub\":\"a\",\"exp\":\(now + 60),\"nbf\":\(now + 30)", "a"),
            ("\"sub\":\"a\",\"exp\":\(now + 60),\"nbf\":true", "no number of seconds"),
            ("\"sub\":\"a\",\"exp\":\(now + 60),\"iat\":\(now + 31)", "in the future"),
            ("\"sub\":\"a\",\"exp\":\(now + 60),\"iat\":\(now + 30)", "a"),
            ("\"sub\":\"a\",\"exp\":\(now + 60),\"iat\":{}", "no number of seconds"),
        ] {
            let answer = try await answer("{\(claims)}")
            #expect(text == "a" ? answer == "a" : answer.contains(text), "\(claims): \(answer)")
        }
        #expect(try await answer("{\"sub\":\"a\",\"exp\":\(now)}") { $0.leeway = .zero }.contains("has expired"))
        #expect(try await answer("{\"sub\":\"a\",\"exp\":\(now + 1)}") { $0.leeway = .zero } == "a")
    }

    @Test("iss must be the issuer, letter by letter")
    func issuers() async throws {
        let id = "https://id.example.org/"
        for (more, isGood) in [
            ("\"iss\":\"\(id)\"", true), ("\"iss\":\"https:\\/\\/id.example.org/\"", true),
            ("\"iss\":\"https://id.example.org\"", false), ("\"iss\":[\"\(id)\"]", false), ("", false),
            ("\"iss\":\"HTTPS://id.example.org/\"", false),
        ] {
            let answer = try await answer(Claims.of(more)) { $0.issuer = id }
            #expect(isGood ? answer == "alice" : answer.contains("not from the issuer"), "\(more)")
        }
        #expect(try await answer(Claims.of("\"iss\":\"anybody\"")) == "alice")
    }

    @Test("aud must name this server; a server without a name takes tokens without one only")
    func audiences() async throws {
        for (more, names, isGood) in [
            ("\"aud\":\"a\"", ["a"], true), ("\"aud\":[\"x\",\"b\"]", ["a", "b"], true),
            ("\"aud\":\"ab\"", ["a"], false),
            ("\"aud\":[]", ["a"], false), ("\"aud\":[1,null,[\"a\"]]", ["a"], false),
            ("\"aud\":{\"a\":1}", ["a"], false),
            ("", ["a"], false), ("", [], true), ("\"aud\":\"a\"", [], false), ("\"aud\":[]", [], false),
            ("\"aud\":null", [], false), ("\"aud\":\"A\"", ["a"], false),
        ] {
            let answer = try await answer(Claims.of(more)) { $0.audiences = names }
            #expect(isGood ? answer == "alice" : answer.contains("not meant for this server"), "\(more) \(names)")
        }
    }

    @Test("claims that are required must be there with exactly these values")
    func required() async throws {
        for (more, required, isGood) in [
            ("\"token_type\":\"access\"", ["token_type": "access"], true),
            ("\"token_type\":\"refresh\"", ["token_type": "access"], false), ("", ["token_type": "access"], false),
            ("\"token_type\":[\"access\"]", ["token_type": "access"], false),
            ("\"token_type\":\"Access\"", ["token_type": "access"], false), ("\"ok\":true", ["ok": "true"], true),
            ("\"ok\":false", ["ok": "true"], false), ("\"ok\":null", ["ok": "null"], false),
            ("\"n\":1", ["n": "1"], true),
            ("\"n\":10", ["n": "1"], false), ("\"a\":{\"b\":\"c\"}", ["a.b": "c"], true),
            ("\"a\":{\"b\":\"c\"},\"x\":\"y\"", ["a.b": "c", "x": "z"], false),
        ] as [(String, [String: String], Bool)] {
            let answer = try await answer(Claims.of(more)) { $0.required = required }
            #expect(
                isGood ? answer == "alice" : answer.contains("for another purpose"), "\(more) \(required): \(answer)")
        }
    }

    @Test("the owner is a text, or the number of a row, from the claim that is set; without one there is no caller")
    func owners() async throws {
        for (claim, owner) in [
            ("\"bob\"", "bob" as String?), ("\"a|b:c/d@e\"", "a|b:c/d@e"), ("\"Zo\\u00eb\"", "Zoë"), ("42", "42"),
            ("\"\"", nil), ("\" \"", nil), ("null", nil), ("[\"bob\"]", nil), ("true", nil), ("-1", nil), ("1.5", nil),
            ("1e3", nil), ("\"a\\nb\"", nil), ("\"a\\u202eb\"", nil), ("\"a\\u0000\"", nil),
            ("\"\(String(repeating: "x", count: 255))\"", String(repeating: "x", count: 255)),
            ("\"\(String(repeating: "x", count: 256))\"", nil),
        ] {
            let claims = "{\"exp\":\(now + 60),\"user_id\":\(claim),\"sub\":\"alice\"}"
            let answer = try await answer(claims) { $0.ownerClaim = "user_id" }
            #expect(owner.map { answer == $0 } ?? answer.contains("whose it is"), "\(claim): \(answer)")
        }
        #expect(try await answer("{\"exp\":\(now + 60)}").contains("whose it is"))
    }

    @Test("scopes and roles are words or a list, from the claims that are set, also within objects")
    func words() async throws {
        for (scopes, roles, claims, wantedScopes, wantedRoles) in [
            ("scope", "roles", "\"scope\":\"a  b a\",\"roles\":[\"x\",\"y z\"]", ["a", "b"], ["x", "y z"]),
            ("scp", "realm_access.roles", "\"scp\":[\"a\"],\"realm_access\":{\"roles\":[\"x\",1,\"\"]}", ["a"], ["x"]),
            (
                "https://x.org/scopes", "a.b.c", "\"https://x.org/scopes\":\"a\",\"a\":{\"b\":{\"c\":\"x\"}}", ["a"],
                ["x"]
            ),
            ("scope", "a.b", "\"scope\":1,\"a.b\":\"x\",\"a\":{\"b\":\"y\"}", [], ["x"]),
            ("scope", "a.b", "\"scope\":null,\"a\":[{\"b\":\"y\"}]", [], []), ("scope", "roles", "\"x\":1", [], []),
        ] as [(String, String, String, Set<String>, Set<String>)] {
            let keeper = try authenticator(for: key) { settings in
                settings.scopesClaim = scopes
                settings.rolesClaim = roles
            }
            let caller = try await keeper.caller(Array(try await Signer(key).token(Claims.of(claims)).utf8))
            #expect(caller.scopes == wantedScopes, "\(claims)")
            #expect(caller.roles == wantedRoles, "\(claims)")
        }
    }
}
