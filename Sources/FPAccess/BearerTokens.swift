import Crypto
import FPFormats

/// The bearer tokens that open the application API (RFC 6750, section 2.1).
///
/// Only digests are kept, so that neither a core dump nor a stray log line of this value gives a token away.
public struct BearerTokens: Sendable {
    private let digests: [SHA256Digest]

    /// Accepts exactly the tokens given; empty ones are left out. Without any, nothing is accepted: the API is closed
    /// then, not open.
    public init(_ tokens: [String]) {
        digests = tokens.filter { !$0.isEmpty }.map { SHA256.hash(data: Array($0.utf8)) }
    }

    /// Whether no token can ever be accepted.
    public var isEmpty: Bool { digests.isEmpty }

    /// Whether the token is one of these.
    ///
    /// The time taken tells nothing about the tokens: what is compared are digests of equal length, in constant time,
    /// and always all of them.
    public func accepts(_ token: String) -> Bool {
        let digest = SHA256.hash(data: Array(token.utf8))
        var isKnown = false
        for known in digests {
            let isSame = known == digest
            isKnown = isKnown || isSame
        }
        return isKnown
    }

    /// Whether the value of an `Authorization` field carries one of these tokens (RFC 9110, section 11.4): the scheme
    /// in any letter case, one or more spaces, the token.
    public func accepts(authorization: String) -> Bool {
        guard let (scheme, rest) = authorization.cut(at: " "), scheme.asciiLowercased() == "bearer" else {
            return false
        }
        let token = Substring(rest.utf8.drop { $0 == UInt8(ascii: " ") })
        return !token.isEmpty && accepts(String(token))
    }
}
