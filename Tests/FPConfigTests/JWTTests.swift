import FPConfig
import Testing

struct JWTTests {
    private func settings(_ jwt: String) -> String { oneStore + "authentication: {jwt: {\(jwt)}}\n" }

    @Test func `without a key there are no tokens, and with one the rest has defaults`() throws {
        #expect(try load(oneStore).authentication.jwt == nil)
        #expect(try load(oneStore).authentication.isEmpty)
        let loaded = try load(settings("public_key: keys/jwt.pem"))
        let jwt = try #require(loaded.authentication.jwt)
        #expect(!loaded.authentication.isEmpty)
        #expect(jwt.publicKey == "/srv/fp/keys/jwt.pem")
        #expect(jwt.secret == nil && jwt.jwksFile == nil && jwt.jwksURL == nil && jwt.issuer == nil)
        #expect(jwt.audience == [])
        #expect(jwt.refresh == .seconds(600) && jwt.leeway == .seconds(30))
        #expect(jwt.ownerClaim == "sub" && jwt.scopesClaim == "scope" && jwt.rolesClaim == "roles")
    }

    @Test func `every key is read`() throws {
        let secret = String(repeating: "s", count: 32)
        let jwt = try #require(
            try load(
                settings(
                    "secret: env:KEY, jwks_file: /k.json, jwks_url: 'https://id.example.org/keys', refresh: 1m, "
                        + "issuer: me, audience: [a, b], require: {token_type: access, a.b: 'true'}, leeway: 0s, owner_claim: user_id, scopes_claim: scp, "
                        + "roles_claim: realm_access.roles"),
                environment: ["KEY": secret]
            ).authentication.jwt)
        #expect(
            jwt.secret == Secret(secret) && jwt.jwksFile == "/k.json" && jwt.jwksURL == "https://id.example.org/keys")
        #expect(jwt.refresh == .seconds(60) && jwt.leeway == .zero && jwt.issuer == "me" && jwt.audience == ["a", "b"])
        #expect(jwt.required == ["token_type": "access", "a.b": "true"])
        #expect(jwt.ownerClaim == "user_id" && jwt.scopesClaim == "scp" && jwt.rolesClaim == "realm_access.roles")
    }

    @Test func `a secret is not shown, and one that can be guessed is refused without being shown`() throws {
        let secret = String(repeating: "geheim", count: 6)
        let loaded = try load(settings("secret: \(secret)"))
        #expect(loaded.effective.first { $0.key == "authentication.jwt.secret" }?.text == "***")
        let found = complaints(settings("secret: geheim"))
        #expect(
            found.count == 1 && found[0].contains("shorter than 32 bytes") && !found[0].contains("geheim"), "\(found)")
    }

    @Test func `keys come by https, or from this machine`() throws {
        for url in [
            "https://id.example.org/keys", "http://127.0.0.1:8080/keys", "http://localhost/keys",
            "http://[::1]:8080/keys",
            "http://[::1]/keys",
        ] {
            #expect(complaints(settings("jwks_url: '\(url)'")) == [], "\(url)")
        }
        for (url, complaint) in [
            ("http://id.example.org/keys", "must be an https URL"),
            ("http://127.0.0.1.example.org/", "must be an https"),
            ("http://localhost.example.org/", "must be an https"), ("http://[::1].example.org/", "must be an https"),
            ("ftp://127.0.0.1/keys", "must be an https"), ("https://u:p@id.example.org/", "has a user name"),
            ("http://127.0.0.1@evil.example.org/", "has a user name"), ("/keys.json", "must be a URL"),
        ] {
            let found = complaints(settings("jwks_url: '\(url)'"))
            #expect(found.count == 1 && found[0].contains(complaint), "\(url): \(found)")
        }
    }

    @Test func `settings of tokens without a key, and names of claims that are empty, are refused`() {
        for (jwt, complaint) in [
            ("issuer: me", "has no key that tokens are checked with"), ("leeway: 1s", "has no key"),
            ("public_key: a.pem, owner_claim: ''", "is empty; name a claim"),
            ("public_key: a.pem, leeway: 11m", "must be from"),
            ("public_key: a.pem, refresh: 1s", "must be from 10s"), ("algorithms: [none]", "unknown key"),
        ] {
            let found = complaints(settings(jwt))
            #expect(found.count == 1 && found[0].contains(complaint), "\(jwt): \(found)")
        }
    }

    @Test func `keys of a provider without an audience are a warning`() throws {
        #expect(try load(settings("jwks_url: 'https://id.example.org/'")).warnings.count == 1)
        #expect(try load(settings("jwks_url: 'https://id.example.org/', audience: me")).warnings == [])
        #expect(try load(settings("public_key: a.pem")).warnings == [])
    }
}
