/// Origins of web pages (RFC 6454) in the form in which browsers send them.
public enum Origin {
    /// The canonical form of an origin such as `https://app.example.org`.
    public static func parse(_ text: String) -> Result<String, Complaint> {
        guard let scheme = URLSyntax.scheme(of: text) else {
            return .failure(Complaint("is not an origin such as https://app.example.org"))
        }
        let lower = scheme.asciiLowercased()
        let behind = text.utf8.dropFirst(scheme.utf8.count + 3)
        let authority = Substring(behind.prefix { !"/?#".utf8.contains($0) }).asciiLowercased()
        let rest = behind.dropFirst(authority.utf8.count)
        // Before the port may go: what is left of two ports is a host with one.
        guard !authority.isEmpty, isAuthority(authority[...]) else {
            return .failure(Complaint("is not an origin: a host, in ASCII, and perhaps a port follow the ://"))
        }
        let canonical = "\(lower)://\(withoutDefaultPort(authority, of: lower))"
        guard rest.isEmpty else {
            return .failure(Complaint("has a path, which no origin has; did you mean \(quoted(canonical))?"))
        }
        return .success(canonical)
    }

    private static func withoutDefaultPort(_ authority: String, of scheme: String) -> String {
        for (name, port) in [("http", ":80"), ("https", ":443")] where scheme == name {
            if let bare = authority.without(suffix: port) { return String(bare) }
        }
        return authority
    }

    /// Whether a text is a host, and perhaps a port: what stands in `Host` and behind the `//` of an origin.
    public static func isAuthority(_ text: Substring) -> Bool {
        var host = text
        if let (name, digits) = text.cutAtLast(":"), !text.ends(with: "]") {
            guard digits.utf8.allSatisfy(\.isASCIIDigit), let port = UInt16(digits), port > 0 else { return false }
            host = name
        }
        if let literal = host.without(prefix: "[")?.without(suffix: "]") {
            return IPAddress.isIPv6(String(literal))
        }
        return HostName.isValid(String(host)) || !host.has(":") && IPAddress(String(host)) != nil
    }
}
