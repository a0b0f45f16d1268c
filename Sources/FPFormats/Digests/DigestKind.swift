/// A digest that clients name, the strongest first.
public enum DigestKind: CaseIterable, Sendable, Hashable {
    case sha512, sha256, sha1, md5, crc32c

    /// The bytes of a digest.
    public var length: Int {
        switch self {
        case .sha512: 64
        case .sha256: 32
        case .sha1: 20
        case .md5: 16
        case .crc32c: 4
        }
    }

    /// The key in digest fields (RFC 9530, section 5). CRC-32C has one too, but nothing says in which order its bytes
    /// come; it is for dialects that do.
    public var fieldKey: String? {
        switch self {
        case .sha512: "sha-512"
        case .sha256: "sha-256"
        case .sha1: "sha"
        case .md5: "md5"
        case .crc32c: nil
        }
    }

    /// The name in tus (tus 1.0.0, "Checksum": at least `sha1`; the rest is by agreement).
    public var tusName: String {
        switch self {
        case .sha512: "sha512"
        case .sha256: "sha256"
        case .sha1: "sha1"
        case .md5: "md5"
        case .crc32c: "crc32c"
        }
    }
}
