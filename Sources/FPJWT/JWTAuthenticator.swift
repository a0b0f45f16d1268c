import Crypto
import FPFormats
public import FPHTTP
import HTTPTypes
public import Logging

/// Recognises a visitor by a JSON Web Token (RFC 7519) that comes as a bearer token (RFC 6750, section 2.1) and is signed
/// with a key that the settings name.
public struct JWTAuthenticator: Authenticator {
    private let keys: KeyRing
    private let rules: ClaimRules
    private let clock: JWTClock
    private let cache = TokenCache(capacity: 4096)

    /// Reads the keys that are on this machine, and begins to get those that are not.
    /// - Parameters:
    ///   - userAgent: How this server calls itself when it gets keys.
    ///   - logger: Hears when keys change, or cannot be had.
    /// - Throws: ``JWTKeyError`` if keys on this machine are no good.
    public init(_ settings: JWTSettings, userAgent: String, logger: Logger) throws(JWTKeyError) {
        try self.init(
            settings, download: settings.keySetURL.map { .from($0, userAgent: userAgent) }, clock: .system,
            logger: logger)
    }

    /// The same with another way to get keys, and another clock.
    package init(
        _ settings: JWTSettings, download: KeyDownload?, clock: JWTClock, logger: Logger
    ) throws(JWTKeyError) {
        keys = try settings.keyRing(download: download, logger: logger, clock: clock)
        rules = settings.claimRules
        self.clock = clock
        keys.server?.start()
    }

    /// How many tokens need not be verified again.
    package var rememberedTokens: Int { cache.count }

    /// A 401 that asks for a bearer token.
    public var challenge: Problem? {
        Problem(
            .unauthorized, "This address needs a token: send the header Authorization: Bearer <token>.",
            headers: [.wwwAuthenticate: "Bearer realm=\"fphost\""])
    }

    /// - Throws: A 401 for a bearer token that is no good; a 503 if that cannot be told, because the keys cannot be had.
    public func caller(of request: Request, for access: Access) async throws(Problem) -> Caller? {
        let lines = request.headers[values: .authorization]
        guard let text = lines.lazy.compactMap(Self.bearer).first else { return nil }
        guard lines.count == 1 else { throw TokenFault.severalFields.problem }
        return try await caller(Array(text.utf8))
    }

    /// What is behind the scheme, if that is Bearer (RFC 9110, section 11.4): the scheme in any letter case, one or more
    /// spaces, the token.
    private static func bearer(_ line: String) -> Substring? {
        guard let (scheme, rest) = line.cut(at: " "), scheme.asciiLowercased().isSame(as: "bearer") else { return nil }
        return rest.trimmingBlanks()
    }

    /// Who sent that token.
    package func caller(_ text: [UInt8]) async throws(Problem) -> Caller {
        let now = clock.now()
        guard text.count <= SignedToken.longest else { throw TokenFault.tooLong.problem }
        let view = await keys.current(now.steady)
        let digest = SHA256.hash(data: text)
        if let known = cache.caller(digest, keys: view.revision, at: now) { return known }
        return try await verify(text, digest, view)
    }

    private func verify(_ text: [UInt8], _ digest: SHA256Digest, _ view: KeyRing.View) async throws(Problem) -> Caller {
        do throws(TokenFault) {
            let token = try SignedToken(text)
            var view = view
            var isSigned = try await isSigned(token, view)
            if !isSigned, let newer = await keys.renewed(for: token, view, clock.now().steady) {
                view = newer
                isSigned = try await self.isSigned(token, newer)
            }
            if !isSigned, view.cannotTell(token) { throw .unavailable }
            guard isSigned else { throw view.hasUse(for: token.algorithm) ? .signature : .algorithm }
            let now = clock.now()
            let (caller, expiry) = try rules.caller(token.claims, now: now.seconds)
            cache.remember(digest, caller, expiry: expiry, keys: view.revision, at: now)
            return caller
        } catch {
            throw error.problem
        }
    }

    private func isSigned(_ token: SignedToken, _ view: KeyRing.View) async throws(TokenFault) -> Bool {
        for key in try view.candidates(for: token) {
            if await key.verifies(token.signature, of: token.input, by: token.algorithm) { return true }
        }
        return false
    }
}
