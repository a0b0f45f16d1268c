import Crypto
import FPFormats

/// A secret of a receiver's, as Standard Webhooks writes it: `whsec_` and 24 to 64 bytes in base64.
public struct WebhookSecret: Sendable {
    /// Why a text is no secret; the end of a sentence that does not show it.
    public struct Invalid: Error, Sendable {
        /// What is wrong and what to do.
        public let problem: String
    }

    private let key: SymmetricKey

    /// Reads a secret.
    public init(_ text: String) throws(Invalid) {
        guard let encoded = text.without(prefix: "whsec_"), let bytes = Base64.decoded(encoded.utf8) else {
            throw Invalid(
                problem: "is not whsec_ followed by base64; make one with: echo whsec_$(openssl rand -base64 32)")
        }
        guard (24...64).contains(bytes.count) else {
            throw Invalid(problem: "has \(bytes.count) bytes behind whsec_; Standard Webhooks wants 24 to 64")
        }
        key = SymmetricKey(data: bytes)
    }

    /// One signature of a delivery (Standard Webhooks, "Signature scheme"): `v1,` and base64 of HMAC-SHA256 over
    /// `ID.TIMESTAMP.BODY`.
    func signature(id: String, seconds: Int64, body: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array("\(id).\(seconds).\(body)".utf8), using: key)
        return "v1,\(Base64.encoded(Array(code)))"
    }
}
