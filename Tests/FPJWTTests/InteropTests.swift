import FPFormats
import FPJWT
import Foundation
import Testing

/// Tokens and keys that another implementation, joserfc 1.6, has made, one of each algorithm.
struct Vectors: Decodable {
    var keys: [String: [String: String]]
    var pem: [String: String]
    var tokens: [String: String]

    static let joserfc: Vectors = {
        let file = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("Vectors/joserfc.json")
        guard let data = try? Data(contentsOf: file), let vectors = try? JSONDecoder().decode(Vectors.self, from: data)
        else { fatalError("\(file.path) is missing") }
        return vectors
    }()

    static let algorithms = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
        "EdDSA",
    ]

    static func kind(of algorithm: String) -> String {
        switch algorithm {
        case "ES256": "P-256"
        case "ES384": "P-384"
        case "ES512": "P-521"
        case "EdDSA": "Ed25519"
        default: algorithm.hasPrefix("HS") ? "oct" : "RSA"
        }
    }

    /// A key set with that key, and what else its entry says.
    func keySet(_ kind: String, _ more: [String: String] = [:]) throws -> String {
        let entry = try #require(keys[kind]).merging(more) { $1 }
        return String(decoding: try JSONEncoder().encode(["keys": [entry]]), as: UTF8.self)
    }
}

@Suite("Tokens of another implementation")
struct InteropTests {
    private let vectors = Vectors.joserfc

    private func accepting(_ change: (inout JWTSettings) -> Void) throws -> JWTAuthenticator {
        try authenticator { settings in
            settings.issuer = "https://id.example.org"
            settings.audiences = ["fphost"]
            settings.rolesClaim = "realm_access.roles"
            change(&settings)
        }
    }

    @Test("a token is good with its key from a key set, and says who the caller is", arguments: Vectors.algorithms)
    func keySets(algorithm: String) async throws {
        let file = try TextFile(try vectors.keySet(Vectors.kind(of: algorithm)))
        let caller = try await accepting { $0.keySetFile = file.path }.caller(
            Array(try #require(vectors.tokens[algorithm]).utf8))
        #expect(caller.kind == "jwt")
        #expect(caller.owner == "Zoë")
        #expect(caller.scopes == ["upload", "read"])
        #expect(caller.roles == ["staff"])
        #expect(!caller.isAmbient && caller.isAuthenticated)
    }

    @Test("a token is good with its key from a PEM file", arguments: Vectors.algorithms.dropFirst(3))
    func pem(algorithm: String) async throws {
        let others = vectors.pem.filter { $0.key != Vectors.kind(of: algorithm) }.values.joined()
        let file = try TextFile(others + "\r\n" + (try #require(vectors.pem[Vectors.kind(of: algorithm)])))
        let token = try #require(vectors.tokens[algorithm])
        #expect(await (try accepting { $0.publicKeyFile = file.path }).answer(token) == "Zoë")
    }

    @Test("no token is good with a key of another kind, nor with another key of its kind")
    func otherKeys() async throws {
        for (kind, _) in vectors.keys {
            let file = try TextFile(try vectors.keySet(kind))
            let keeper = try accepting { $0.keySetFile = file.path }
            for (algorithm, token) in vectors.tokens where Vectors.kind(of: algorithm) != kind {
                #expect(
                    await keeper.answer(token).hasSuffix("none of this server's keys is for."), "\(algorithm) \(kind)")
            }
        }
        let secret = try accepting { $0.secret = String(repeating: "x", count: 64) }
        #expect(await secret.answer(try #require(vectors.tokens["HS256"])).contains("not signed with one of the keys"))
    }

    @Test("a key that is said to be for one algorithm, for encryption or for signing alone is for nothing else")
    func restrictedKeys() async throws {
        for (algorithm, more, isGood) in [
            ("RS256", ["alg": "RS256"], true), ("RS512", ["alg": "RS256"], false), ("PS256", ["alg": "RS256"], false),
            ("RS256", ["use": "sig"], true), ("HS256", ["alg": "HS512"], false), ("HS512", ["alg": "HS512"], true),
        ] {
            let file = try TextFile(try vectors.keySet(Vectors.kind(of: algorithm), more))
            let answer = await (try accepting { $0.keySetFile = file.path }).answer(
                try #require(vectors.tokens[algorithm]))
            #expect((answer == "Zoë") == isGood, "\(algorithm) \(more): \(answer)")
        }
        for more in [["use": "enc"], ["alg": "RSA-OAEP"], ["alg": "ES256"], ["kty": "RSA2"]] {
            let file = try TextFile(try vectors.keySet("RSA", more))
            #expect(throws: JWTKeyError.self) { try accepting { $0.keySetFile = file.path } }
        }
    }
}
