import FPFormats

/// A policy as text, `fp1.<key id>.<payload>.<signature>`: the payload is the policy's JSON, the signature HMAC-SHA-256
/// (RFC 2104) over everything before its dot, both in base64url.
public struct SignedPolicy: Sendable {
    /// The most bytes of the text.
    public static let maximumLength = 8 << 10
    /// The version of the format.
    private static let version = "fp1"

    /// The id of the key that signed it.
    public let keyID: String
    /// The policy.
    public let policy: UploadPolicy

    /// Signs a policy.
    /// - Throws: ``PolicyError`` if there is no such key, or what the policy says could not be read again.
    public static func text(of policy: UploadPolicy, key id: String, in keys: PolicyKeys) throws(PolicyError) -> String
    {
        let signed = "\(version).\(id).\(Base64URL.encoded(policy.json.text.utf8))"
        guard let tag = keys.tag(of: signed[...], key: id) else { throw unknownKey(id) }
        let text = "\(signed).\(Base64URL.encoded(tag))"
        _ = try SignedPolicy(text, keys: keys)
        return text
    }

    /// Reads a policy that one of the keys has signed. Nothing of the payload is looked at before that is certain.
    /// Whether it holds at the moment is for ``UploadPolicy/check(at:)`` to say.
    /// - Throws: ``PolicyError``.
    public init(_ text: String, keys: PolicyKeys) throws(PolicyError) {
        guard text.utf8.count <= Self.maximumLength else {
            throw .malformed("it is longer than \(Self.maximumLength) bytes")
        }
        let parts = text.parts(at: ".")
        guard parts[0] == Self.version else { throw .malformed("it does not begin with \(Self.version)") }
        guard parts.count == 4, PolicyKeys.isID(parts[1]) else {
            throw .malformed("it is not of the form \(Self.version).<key id>.<payload>.<signature>")
        }
        keyID = String(parts[1])
        guard let tag = Base64URL.decoded(parts[3]) else { throw .malformed("its signature is not base64url") }
        guard let isSigned = keys.isTag(tag, of: text[..<parts[2].endIndex], key: keyID) else {
            throw Self.unknownKey(keyID)
        }
        guard isSigned else {
            throw PolicyError("The upload policy's signature is not that of the key \"\(keyID)\".")
        }
        guard let payload = Base64URL.decoded(parts[2]) else { throw .malformed("its payload is not base64url") }
        policy = try UploadPolicy(payload)
    }

    private static func unknownKey(_ id: String) -> PolicyError {
        PolicyError("The upload policy is signed with the key \(quoted(id)), which this server does not have.")
    }
}
