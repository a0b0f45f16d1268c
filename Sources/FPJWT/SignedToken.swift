import FPFormats

/// A JSON Web Token in the compact form of a JSON Web Signature (RFC 7515, section 7.1; RFC 7519), taken apart and not
/// verified.
struct SignedToken {
    /// More bytes than a token has in which an identity provider lists hundreds of roles.
    static let longest = 16 << 10

    /// What the header says it is signed with. A hint to find the key, never the reason to trust one.
    let algorithm: SignatureAlgorithm
    /// `kid`.
    let keyID: String?
    /// The claims: an object.
    let claims: JSON
    /// What is signed.
    let input: [UInt8]
    let signature: [UInt8]

    /// Takes a token apart.
    ///
    /// Fields of the header that would bring a key along or say where one is (`jwk`, `jku`, `x5c`, `x5u`) have no effect.
    init(_ text: [UInt8]) throws(TokenFault) {
        guard text.count <= Self.longest else { throw .tooLong }
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.bytes(parts[0]), let payload = Self.bytes(parts[1]),
            let signature = Self.bytes(parts[2])
        else { throw .notCompact }
        let fields = try Self.object(header)
        (algorithm, keyID) = try Self.read(fields)
        claims = try Self.object(payload)
        input = Array(text[..<parts[1].endIndex])
        self.signature = signature
    }

    private static func read(_ header: JSON) throws(TokenFault) -> (SignatureAlgorithm, String?) {
        // This server knows no extension, so whatever is critical is unknown to it (RFC 7515, section 4.1.11). One that
        // changes what is signed (RFC 7797) must be critical.
        guard header["crit"] == nil, header["b64"] == nil else { throw .critical }
        guard case .string(let name)? = header["alg"], let algorithm = SignatureAlgorithm(named: name) else {
            throw .algorithm
        }
        if let type = header["typ"] {
            guard case .string(let type) = type, isAccessToken(type) else { throw .type }
        }
        switch header["kid"] {
        case nil: return (algorithm, nil)
        case .string(let id)?: return (algorithm, id)
        default: throw .keyID
        }
    }

    /// Tokens for other purposes have types of their own (RFC 8725, section 3.11): a logout token, a security event, a
    /// proof of possession. `application/` may be left out (RFC 7515, section 4.1.9).
    private static func isAccessToken(_ type: String) -> Bool {
        let type = type.asciiLowercased()
        let name = type.without(prefix: "application/") ?? type[...]
        return name.isSame(as: "jwt") || name.isSame(as: "at+jwt")
    }

    /// What is no UTF-8 becomes a letter that base64url does not have.
    private static func bytes(_ part: ArraySlice<UInt8>) -> [UInt8]? {
        Base64URL.decoded(String(decoding: part, as: UTF8.self))
    }

    private static func object(_ bytes: [UInt8]) throws(TokenFault) -> JSON {
        guard let value = try? JSON(parsing: bytes), case .object = value else { throw .notJSON }
        guard !value.hasDuplicates else { throw .duplicateMember }
        return value
    }
}

extension JSON {
    /// The value of a member, by the bytes of its name; nil without one, or in what is no object.
    subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.isSame(as: name) }?.value
    }

    /// Whether any object in it names a member twice. Two readers of such a text may see different things.
    var hasDuplicates: Bool {
        switch self {
        case .object(let members):
            Set(members.map { TextKey($0.name) }).count < members.count || members.contains { $0.value.hasDuplicates }
        case .array(let values): values.contains { $0.hasDuplicates }
        default: false
        }
    }
}
