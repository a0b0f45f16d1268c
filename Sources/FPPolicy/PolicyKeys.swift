import Crypto
public import FPFormats

/// The keys that policies are signed with, by their ids. Several, so that one can take another's place.
public struct PolicyKeys: Sendable {
    /// The fewest bytes of a key: as many as the hash has (RFC 2104, section 3).
    public static let minimumLength = 32
    /// The longest id.
    public static let longestID = 64

    private var keys: [String: SymmetricKey] = [:]

    /// No keys at all.
    public init() {}

    /// Adds a key: its bytes are those of the text.
    /// - Throws: A complaint about the id or the key, as the end of a sentence.
    public mutating func add(_ id: String, secret: String) throws(Complaint) {
        guard Self.isID(id) else {
            throw Complaint("must have a name of 1 to \(Self.longestID) letters, digits, - and _, not \(quoted(id))")
        }
        let length = secret.utf8.count
        guard length >= Self.minimumLength else {
            throw Complaint(
                "is a key of \(length) bytes, which can be guessed; make one of at least \(Self.minimumLength): "
                    + "openssl rand -base64 32")
        }
        keys[id] = SymmetricKey(data: Array(secret.utf8))
    }

    /// The ids, in the order of their letters.
    public var ids: [String] { keys.keys.sorted() }

    /// The tag of a text; `nil` if there is no such key.
    func tag(of text: Substring, key id: String) -> [UInt8]? {
        keys[id].map { Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: $0)) }
    }

    /// Whether a tag is that of a text, found in constant time; `nil` if there is no such key.
    func isTag(_ tag: [UInt8], of text: Substring, key id: String) -> Bool? {
        keys[id].map { HMAC<SHA256>.isValidAuthenticationCode(tag, authenticating: Array(text.utf8), using: $0) }
    }

    /// Whether a text can be the id of a key. A dot would end it.
    static func isID(_ text: some StringProtocol) -> Bool {
        (1...longestID).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || "-_".utf8.contains($0) }
    }
}
