import FPFormats
import JWTKit

/// A key that signatures are checked with, and the algorithms that it is for. Those follow from the key and never from a
/// token (RFC 8725, section 3.1): a public key verifies no HMAC, whatever a token's header says.
struct VerificationKey: Sendable {
    enum Material: Sendable {
        case secret(HMACKey)
        case rsa(Insecure.RSA.PublicKey)
        case p256(ES256PublicKey)
        case p384(ES384PublicKey)
        case p521(ES512PublicKey)
        case ed25519(EdDSA.PublicKey)
    }

    /// `kid`; nil for a key that has no name, which may have signed a token of any.
    let id: String?
    let algorithms: [SignatureAlgorithm]
    private let material: Material

    /// A public key.
    /// - Parameter only: the one algorithm that it is for, if its owner says so.
    /// - Returns: nil if that algorithm is none of such a key's.
    init?(_ material: Material, id: String?, only: SignatureAlgorithm? = nil) {
        let possible: [SignatureAlgorithm] =
            switch material {
            case .secret: SignatureAlgorithm.secret
            case .rsa: SignatureAlgorithm.rsa
            case .p256: [.es256]
            case .p384: [.es384]
            case .p521: [.es512]
            case .ed25519: [.edDSA, .ed25519]
            }
        algorithms = possible.filter { only == nil || $0 == only }
        guard !algorithms.isEmpty else { return nil }
        self.id = id
        self.material = material
    }

    /// A secret, for the HMACs whose hash is no longer than it is (RFC 7518, section 3.2).
    /// - Returns: nil if it is too short for that algorithm, or for any.
    init?(secret: [UInt8], id: String?, only: SignatureAlgorithm? = nil) {
        let lengths: [(SignatureAlgorithm, Int)] = [(.hs256, 32), (.hs384, 48), (.hs512, 64)]
        algorithms = lengths.filter { secret.count >= $0.1 && (only == nil || $0.0 == only) }.map(\.0)
        guard !algorithms.isEmpty else { return nil }
        self.id = id
        material = .secret(HMACKey(from: secret))
    }

    /// Whether the signature is this key's. What cannot be a signature at all is not.
    func verifies(_ signature: [UInt8], of input: [UInt8], by algorithm: SignatureAlgorithm) async -> Bool {
        guard algorithms.contains(algorithm) else { return false }
        // JWTKit gives an algorithm out of its collections only. Here it holds one key, so that none is chosen by a token.
        let keys = JWTKeyCollection()
        switch material {
        case .secret(let key): await keys.add(hmac: key, digestAlgorithm: algorithm.digest)
        case .rsa(let key) where algorithm.isPSS: await keys.add(pss: key, digestAlgorithm: algorithm.digest)
        case .rsa(let key): await keys.add(rsa: key, digestAlgorithm: algorithm.digest)
        case .p256(let key): await keys.add(ecdsa: key)
        case .p384(let key): await keys.add(ecdsa: key)
        case .p521(let key): await keys.add(ecdsa: key)
        case .ed25519(let key): await keys.add(eddsa: key)
        }
        guard let key = try? await keys.getKey() else { return false }
        return (try? key.verify(signature, signs: input)) ?? false
    }
}

extension SignatureAlgorithm {
    fileprivate var isPSS: Bool { [.ps256, .ps384, .ps512].contains(self) }

    fileprivate var digest: DigestAlgorithm {
        switch self {
        case .hs256, .rs256, .ps256, .es256: .sha256
        case .hs384, .rs384, .ps384, .es384: .sha384
        case .hs512, .rs512, .ps512, .es512, .edDSA, .ed25519: .sha512
        }
    }
}
