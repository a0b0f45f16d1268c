/// Bytes as text for URLs: base64url without padding (RFC 4648, section 5).
public enum Base64URL {
    /// The text for bytes.
    public static func encoded(_ bytes: some Collection<UInt8>) -> String {
        Base64Alphabet.url.encoded(bytes)
    }

    /// The bytes of a text; `nil` if ``encoded(_:)`` would not have made it: each sequence of bytes has one text.
    public static func decoded(_ text: some StringProtocol) -> [UInt8]? {
        Base64Alphabet.url.decoded(text.utf8)
    }
}
