import FPFormats

/// The signature algorithms that are taken (RFC 7518, section 3.1; RFC 8037, section 3.1; RFC
/// 9864, section 2.2). There is no `none`.
enum SignatureAlgorithm: String, CaseIterable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"
    case ed25519 = "Ed25519"

    static let secret: [SignatureAlgorithm] = [.hs256, .hs384, .hs512]
    static let rsa: [SignatureAlgorithm] = [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]

    /// The algorithm of that name, letter by letter (RFC 7515, section 4.1.1).
    init?(named name: String) {
        guard let known = Self.allCases.first(where: { name.isSame(as: $0.rawValue) }) else { return nil }
        self = known
    }

    /// Whether the key that verifies could sign as well.
    var isSymmetric: Bool { Self.secret.contains(self) }
}
