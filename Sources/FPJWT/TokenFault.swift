import FPHTTP
import HTTPTypes

/// Why a token does not tell who sent it, in words for whoever did. Nothing of the token itself is in them.
enum TokenFault: Error, Equatable {
    case severalFields
    case tooLong
    case notCompact
    case notJSON
    case duplicateMember
    case algorithm
    case critical
    case type
    case keyID
    case signature
    case expired
    case noExpiry
    case notYet
    case issuedLater
    case time
    case issuer
    case audience
    case claim
    case owner
    /// No fault of the token's: its key cannot be had.
    case unavailable

    private var sentence: String {
        switch self {
        case .severalFields: "A request carries one Authorization field, with one token."
        case .tooLong: "The token is longer than \(SignedToken.longest) bytes."
        case .notCompact: "The token is no signed JSON Web Token: three parts in base64url with dots between them."
        case .notJSON: "The token's header and claims are not both JSON objects."
        case .duplicateMember: "The token names a member of its header or claims twice."
        case .algorithm: "The token is signed by an algorithm that none of this server's keys is for."
        case .critical: "The token demands an extension that this server does not know."
        case .type: "The token is of a type that is no access token."
        case .keyID: "The token does not say which of this server's keys it is signed with."
        case .signature: "The token is not signed with one of the keys that this server trusts."
        case .expired: "The token has expired."
        case .noExpiry: "The token does not say when it expires."
        case .notYet: "The token is not valid yet."
        case .issuedLater: "The token was issued in the future."
        case .time: "The token names a time that is no number of seconds."
        case .issuer: "The token is not from the issuer that this server trusts."
        case .audience: "The token is not meant for this server."
        case .claim: "The token is for another purpose, or lacks what this server requires."
        case .owner: "The token does not name whose it is."
        case .unavailable:
            "The keys that this server checks tokens with cannot be had at the moment; try again shortly."
        }
    }

    /// A 401 as RFC 6750, section 3, has it, or a 503.
    var problem: Problem {
        if self == .unavailable {
            return Problem(.serviceUnavailable, sentence, code: "unavailable", headers: [.retryAfter: "5"])
        }
        let description = sentence.utf8.dropLast()
        return Problem(
            .unauthorized, sentence,
            headers: [
                .wwwAuthenticate:
                    "Bearer realm=\"fphost\", error=\"invalid_token\", error_description=\"\(Substring(description))\""
            ])
    }
}
