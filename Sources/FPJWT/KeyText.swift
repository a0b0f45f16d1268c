import FPFormats
import JWTKit

/// Keys as files and servers write them.
enum KeyText {
    /// More keys than an identity provider rotates through.
    static let mostKeys = 100
    /// The largest text that is read, in bytes.
    static let longest = 256 << 10

    private static let kinds = "RSA of 2048 bits or more, EC on P-256, P-384 or P-521, and Ed25519"

    /// The keys of a JSON Web Key Set (RFC 7517, section 5), of which those that are not for signatures, or of a kind that
    /// is not known here, are left out.
    /// - Parameter takesSecrets: whether symmetric keys are among them. In what anybody may read they are none.
    static func keySet(_ text: [UInt8], takesSecrets: Bool) throws(Complaint) -> [VerificationKey] {
        let set: JSON
        do throws(JSONError) {
            set = try JSON(parsing: text)
        } catch {
            throw Complaint("is no JSON: it \(error.reason), at byte \(error.offset)")
        }
        guard !set.hasDuplicates else { throw Complaint("names a member twice") }
        guard case .array(let entries)? = set["keys"] else {
            throw Complaint("is no JSON Web Key Set, an object with a list \"keys\"")
        }
        guard entries.count <= mostKeys else { throw Complaint("has more than \(mostKeys) keys") }
        let keys = entries.compactMap { key($0, takesSecrets: takesSecrets) }
        guard !keys.isEmpty else {
            throw Complaint(
                "has no key for signatures that can be used among its \(entries.count); \(kinds) can"
                    + (takesSecrets ? ", and a secret of 32 bytes or more" : ""))
        }
        return keys
    }

    /// The public keys of a PEM file (RFC 7468, section 13).
    static func pem(_ text: [UInt8]) throws(Complaint) -> [VerificationKey] {
        guard let text = String(validating: text, as: UTF8.self) else { throw Complaint("is no text") }
        var keys: [VerificationKey] = []
        for block in blocks(text) {
            let label = block.without(prefix: "-----BEGIN ")?.cut(at: "-")?.before ?? ""
            switch String(label) {
            case "PUBLIC KEY", "RSA PUBLIC KEY": break
            case "CERTIFICATE":
                throw Complaint("has a certificate; make a key of it: openssl x509 -in FILE -pubkey -noout")
            case let other where other.ends(with: "PRIVATE KEY"):
                throw Complaint(
                    "has a private key, which only the issuer needs; make a public one: openssl pkey -pubout")
            default: throw Complaint("has a block that is no public key: \(quoted(String(label)))")
            }
            guard let material = material(block + "\n"), let key = VerificationKey(material, id: nil) else {
                throw Complaint("has a public key that cannot be used; \(kinds) can")
            }
            keys.append(key)
        }
        guard !keys.isEmpty else { throw Complaint("has no -----BEGIN PUBLIC KEY-----") }
        guard keys.count <= mostKeys else { throw Complaint("has more than \(mostKeys) keys") }
        return keys
    }

    /// The lines from each `-----BEGIN` to the `-----END` behind it.
    private static func blocks(_ text: String) -> [String] {
        var blocks: [String] = []
        var lines: [Substring]?
        for line in text.parts(at: "\n").map({ $0.trimmingSpace() }) {
            if line.begins(with: "-----BEGIN ") { lines = [] }
            lines?.append(line)
            guard line.begins(with: "-----END "), let block = lines else { continue }
            blocks.append(block.joined(separator: "\n"))
            lines = nil
        }
        return blocks
    }

    private static func material(_ pem: String) -> VerificationKey.Material? {
        if let key = try? Insecure.RSA.PublicKey(pem: pem) { return .rsa(key) }
        if let key = try? ES256PublicKey(pem: pem) { return .p256(key) }
        if let key = try? ES384PublicKey(pem: pem) { return .p384(key) }
        if let key = try? ES512PublicKey(pem: pem) { return .p521(key) }
        return (try? EdDSA.PublicKey(pem: pem)).map { .ed25519($0) }
    }

    /// One JSON Web Key (RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2); nil for one that is of no use here.
    /// Of a private key the public part counts.
    private static func key(_ entry: JSON, takesSecrets: Bool) -> VerificationKey? {
        if let use = entry["use"], use != .string("sig") { return nil }
        if case .array(let operations)? = entry["key_ops"], !operations.contains(.string("verify")) { return nil }
        var only: SignatureAlgorithm?
        if case .string(let name)? = entry["alg"] {
            only = SignatureAlgorithm(named: name)
            if only == nil { return nil }
        }
        var id: String?
        if case .string(let kid)? = entry["kid"] { id = kid }
        guard case .string(let type)? = entry["kty"] else { return nil }
        if type.isSame(as: "oct") {
            guard takesSecrets, let secret = bytes(entry["k"]) else { return nil }
            return VerificationKey(secret: secret, id: id, only: only)
        }
        guard let material = material(entry, type) else { return nil }
        return VerificationKey(material, id: id, only: only)
    }

    private static func material(_ entry: JSON, _ type: String) -> VerificationKey.Material? {
        switch type {
        case "RSA":
            guard let n = number(entry["n"]), let e = number(entry["e"]) else { return nil }
            return (try? Insecure.RSA.PublicKey(modulus: n, exponent: e)).map { .rsa($0) }
        case "EC":
            guard let x = number(entry["x"]), let y = number(entry["y"]) else { return nil }
            return switch entry["crv"] {
            case .string("P-256"): (try? ES256PublicKey(parameters: (x, y))).map { .p256($0) }
            case .string("P-384"): (try? ES384PublicKey(parameters: (x, y))).map { .p384($0) }
            case .string("P-521"): (try? ES512PublicKey(parameters: (x, y))).map { .p521($0) }
            default: nil
            }
        case "OKP":
            guard entry["crv"] == .string("Ed25519"), let x = number(entry["x"]) else { return nil }
            return (try? EdDSA.PublicKey(x: x, curve: .ed25519)).map { .ed25519($0) }
        default: return nil
        }
    }

    /// A text in base64url, as it is; nil for anything else.
    private static func number(_ value: JSON?) -> String? {
        guard case .string(let text)? = value, let bytes = Base64URL.decoded(text), !bytes.isEmpty else {
            return nil
        }
        return text
    }

    private static func bytes(_ value: JSON?) -> [UInt8]? {
        guard case .string(let text)? = value else { return nil }
        return Base64URL.decoded(text)
    }
}
