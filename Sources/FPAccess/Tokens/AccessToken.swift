import Crypto
import FPFormats

/// A bearer token that fphost made: `fp_`, an id that finds its line in the file, `_`, and 43 letters of base64url with
/// 256 random bits. The form is one that scanners for leaked secrets can look for.
public struct AccessToken: Sendable {
    /// What names it, in lists and to revoke it. No secret.
    public let id: String
    /// What the client sends. The secret.
    public let text: String

    private static let prefix = "fp_"
    /// Without what is easily taken for something else.
    private static let letters = Array("abcdefghijkmnpqrstuvwxyz23456789".utf8)
    private static let idLength = 10
    private static let secretLength = 43

    /// A new one, from the system's generator.
    public static func random() -> AccessToken {
        var generator = SystemRandomNumberGenerator()
        let id = (0..<idLength).map { _ in letters[Int(generator.next(upperBound: UInt(letters.count)))] }
        let name = String(decoding: id, as: UTF8.self)
        return AccessToken(id: name, text: "\(prefix)\(name)_\(TokenFile.random())")
    }

    /// Reads what a client sent; `nil` if it has not the form.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == Self.prefix.utf8.count + Self.idLength + 1 + Self.secretLength,
            let rest = Substring(text).without(prefix: Self.prefix), let (id, secret) = rest.cut(at: "_"),
            Self.isID(id), secret.utf8.allSatisfy(Self.isBase64URL)
        else { return nil }
        self.init(id: String(id), text: String(text))
    }

    private init(id: String, text: String) {
        self.id = id
        self.text = text
    }

    /// Whether a text has the form of an id.
    static func isID(_ text: some StringProtocol) -> Bool {
        text.utf8.count == idLength && text.utf8.allSatisfy(letters.contains)
    }

    private static func isBase64URL(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    /// What is kept of it.
    var digest: SHA256Digest { SHA256.hash(data: Array(text.utf8)) }
}

extension AccessToken: CustomStringConvertible, CustomReflectable {
    /// Only the id, whoever prints it.
    public var description: String { "token \(id)" }
    /// Only the id, whoever prints it.
    public var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
