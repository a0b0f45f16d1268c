import FPFormats
public import FPHTTP
import HTTPTypes

/// Recognises the application by a bearer token (RFC 6750, sections 2.1 and 3).
public struct BearerAuthenticator: Authenticator {
    private let tokens: BearerTokens

    /// Accepts these tokens.
    public init(_ tokens: BearerTokens) {
        self.tokens = tokens
    }

    /// - Throws: A 401 if there is an `Authorization` field of this scheme that does not carry one accepted token.
    public func caller(of request: Request, for access: Access) throws(Problem) -> Caller? {
        let lines = request.headers[values: .authorization]
        guard let line = lines.first else { return nil }
        guard lines.count == 1, tokens.accepts(authorization: line) else {
            throw Problem(
                .unauthorized, "The bearer token is not one of those that this server accepts.",
                headers: [.wwwAuthenticate: "Bearer realm=\"fphost\", error=\"invalid_token\""])
        }
        return Caller(kind: "token", scopes: [Caller.applicationScope])
    }

    /// Any word can be a token here.
    public var knowsItsOwn: Bool { false }

    /// A 401 that asks for a bearer token.
    public var challenge: Problem? {
        Problem(
            .unauthorized, "This address needs a bearer token: send the header Authorization: Bearer <token>.",
            headers: [.wwwAuthenticate: "Bearer realm=\"fphost\""])
    }
}
