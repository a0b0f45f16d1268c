import FPFormats

extension Settings {
    /// `authentication.jwt`: visitors who bring a JSON Web Token.
    public struct JWT: Sendable, Equatable {
        /// The secret of HMACs, 32 bytes or more.
        public var secret: Secret?
        /// A PEM file with public keys; an absolute path.
        public var publicKey: String?
        /// A JSON Web Key Set; an absolute path.
        public var jwksFile: String?
        /// The URL of a JSON Web Key Set.
        public var jwksURL: String?
        /// How old the set of the URL may become.
        public var refresh: Duration
        /// What `iss` must be; nil for anything.
        public var issuer: String?
        /// Of what `aud` must name one.
        public var audience: [String]
        /// Claims that must have these values, by their names.
        public var required: [String: String]
        /// How far the issuer's clock may be from this one's.
        public var leeway: Duration
        /// The claim that names the owner of uploads.
        public var ownerClaim: String
        /// The claim with the scopes.
        public var scopesClaim: String
        /// The claim with the roles.
        public var rolesClaim: String
    }

    static let jwtKeys: [OptionSchema] = [
        OptionSchema(
            "authentication.jwt.secret", .string, .secret,
            help:
                "Accept JSON Web Tokens signed with this secret of 32 bytes or more: `HS256`; of 48, `HS384` too; of 64, "
                + "`HS512` too."),
        OptionSchema(
            "authentication.jwt.public_key", .path,
            help:
                "Accept tokens signed with the private key of one of these public keys, a PEM file: RSA, EC or Ed25519. It "
                + "is read again when it changes."),
        OptionSchema(
            "authentication.jwt.jwks_file", .path,
            help: "Accept tokens signed with a key of this JSON Web Key Set, a file. It is read again when it changes."),
        OptionSchema(
            "authentication.jwt.jwks_url", .url,
            help:
                "Accept tokens signed with a key of the JSON Web Key Set at this `https` URL, as identity providers have "
                + "it. While it cannot be had and never was, tokens are answered with 503."),
        OptionSchema(
            "authentication.jwt.refresh", .duration, default: "10m", min: 10_000, max: 86_400_000,
            help:
                "How old the set of the URL may become. A token that names a key which is not in it has the URL asked at "
                + "once, every 10 seconds at most."),
        OptionSchema(
            "authentication.jwt.issuer", .string,
            help: "What a token's `iss` must be, letter by letter. Without it, anything."),
        OptionSchema(
            "authentication.jwt.audience", .stringList,
            help: "Names of this server, of which a token's `aud` must have one. Without it, only tokens that name no "
                + "audience are good."),
        OptionSchema(
            "authentication.jwt.require", .stringMap,
            help:
                "Claims that must have exactly these values, as in `{token_type: access}`, so that the issuer's tokens for "
                + "other purposes are no good here. Dots lead into objects."),
        OptionSchema(
            "authentication.jwt.leeway", .duration, default: "30s", max: 600_000,
            help: "How far the issuer's clock may be from this server's."),
        OptionSchema(
            "authentication.jwt.owner_claim", .string, default: "sub",
            help: "The claim that names the owner of uploads. A token without it is refused."),
        OptionSchema(
            "authentication.jwt.scopes_claim", .string, default: "scope",
            help: "The claim with the scopes: words, or a list. Dots lead into objects."),
        OptionSchema(
            "authentication.jwt.roles_claim", .string, default: "roles",
            help: "The claim with the roles: words, or a list. Dots lead into objects, as in `realm_access.roles`."),
    ]
}

extension SettingsDecoder {
    /// A secret that may be guessed by trying is none: whoever guesses it makes tokens (RFC 7518, section 3.2).
    private static let shortestSecret = 32

    func jwt() -> Settings.JWT? {
        let sources = ["secret", "public_key", "jwks_file", "jwks_url"].map { "authentication.jwt." + $0 }
        guard let source = sources.compactMap({ values[$0] }).first else {
            let others = Settings.jwtKeys.map(\.key).compactMap { values[$0] }
            if let other = others.first(where: { !$0.isDefaulted }) {
                complain(
                    other,
                    "\"authentication.jwt\" has no key that tokens are checked with; give secret, public_key, jwks_file or "
                        + "jwks_url")
            }
            return nil
        }
        if values["authentication.jwt.audience"] == nil, values["authentication.jwt.jwks_url"] != nil,
            let position = source.position
        {
            problems.warning(
                at: position,
                "\"authentication.jwt\" has no audience, so that tokens of its provider which name none are good here, "
                    + "whatever they were made for; name this server")
        }
        return Settings.JWT(
            secret: jwtSecret(),
            publicKey: values["authentication.jwt.public_key"]?.text,
            jwksFile: values["authentication.jwt.jwks_file"]?.text,
            jwksURL: jwksURL(),
            refresh: values.duration("authentication.jwt.refresh"),
            issuer: values["authentication.jwt.issuer"]?.text,
            audience: values.items("authentication.jwt.audience").map(\.text),
            required: requiredClaims(),
            leeway: values.duration("authentication.jwt.leeway"),
            ownerClaim: claim("authentication.jwt.owner_claim"),
            scopesClaim: claim("authentication.jwt.scopes_claim"),
            rolesClaim: claim("authentication.jwt.roles_claim"))
    }

    private func jwtSecret() -> Secret? {
        guard let node = values["authentication.jwt.secret"] else { return nil }
        guard node.text.utf8.count >= Self.shortestSecret else {
            complain(
                node,
                "\"authentication.jwt.secret\" is shorter than \(Self.shortestSecret) bytes and may be guessed; make a "
                    + "longer one: openssl rand -base64 48")
            return nil
        }
        return Secret(node.text)
    }

    /// Whoever can change the answer on its way makes tokens, so it is https, or does not leave this machine.
    private func jwksURL() -> String? {
        guard let node = values["authentication.jwt.jwks_url"] else { return nil }
        let (scheme, rest) = node.text.cut(at: ":") ?? ("", "")
        let authority = rest.without(prefix: "//")?.parts(at: "/")[0] ?? ""
        guard !authority.has("@") else {
            complain(node, "\"authentication.jwt.jwks_url\" has a user name, which is not sent; leave it out")
            return nil
        }
        let isHere = ["127.0.0.1", "[::1]", "localhost"].contains { host in
            authority.without(prefix: host).map { $0.isEmpty || $0.begins(with: ":") } ?? false
        }
        guard scheme.isSame(as: "https") || (scheme.isSame(as: "http") && isHere) else {
            complain(
                node,
                "\"authentication.jwt.jwks_url\" must be an https URL, or an http URL of this machine (127.0.0.1), so that "
                    + "nobody can put keys in on the way")
            return nil
        }
        return node.text
    }

    private func requiredClaims() -> [String: String] {
        let claims = values.items("authentication.jwt.require").map { ($0.key ?? "", $0.text) }
        return Dictionary(claims) { first, _ in first }
    }

    private func claim(_ key: String) -> String {
        if let node = values[key], node.text.isEmpty {
            complain(node, "\(quoted(key)) is empty; name a claim, or leave the key out")
        }
        return values.text(key)
    }
}
