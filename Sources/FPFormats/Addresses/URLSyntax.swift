/// The beginning of an absolute URL (RFC 3986, section 3.1), which is all that settings look at.
public enum URLSyntax {
    /// Whether the text is a scheme, `://` and something after it, all in printable ASCII without spaces.
    public static func isAbsolute(_ text: String) -> Bool {
        guard let scheme = scheme(of: text) else { return false }
        let rest = text.utf8.dropFirst(scheme.utf8.count + 3)
        return !rest.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// What stands before `://`, if that is the form of a scheme.
    public static func scheme(of text: String) -> String? {
        let scheme = text.utf8.prefix { $0 != UInt8(ascii: ":") }
        guard text.utf8.dropFirst(scheme.count).starts(with: "://".utf8), let first = scheme.first,
            first.isASCIILetter,
            scheme.allSatisfy({ $0.isASCIILetter || $0.isASCIIDigit || "+-.".utf8.contains($0) })
        else { return nil }
        return String(Substring(scheme))
    }
}
