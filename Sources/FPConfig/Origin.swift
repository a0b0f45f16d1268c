/// Origins of web pages (RFC 6454) in the form in which browsers send them.
enum Origin {
    static func parse(_ text: String) -> Result<String, Complaint> {
        guard let scheme = URLSyntax.scheme(of: text) else {
            return .failure(Complaint("is not an origin such as https://app.example.org"))
        }
        let lower = scheme.lowercased()
        let authority = text.dropFirst(scheme.count + 3).prefix { !"/?#".contains($0) }
        let rest = text.dropFirst(scheme.count + 3 + authority.count)
        let canonical = "\(lower)://\(withoutDefaultPort(authority.lowercased(), of: lower))"
        guard !authority.isEmpty, isAuthority(canonical.dropFirst(lower.count + 3)) else {
            return .failure(Complaint("is not an origin: a host, in ASCII, and perhaps a port follow the ://"))
        }
        guard rest.isEmpty else {
            return .failure(Complaint("has a path, which no origin has; did you mean \(quoted(canonical))?"))
        }
        return .success(canonical)
    }

    private static func withoutDefaultPort(_ authority: String, of scheme: String) -> String {
        for (name, port) in [("http", ":80"), ("https", ":443")] where scheme == name && authority.hasSuffix(port) {
            return String(authority.dropLast(port.count))
        }
        return authority
    }

    private static func isAuthority(_ text: Substring) -> Bool {
        var host = text
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            let digits = text[text.index(after: colon)...]
            guard digits.utf8.allSatisfy(URLSyntax.isDigit), let port = UInt16(digits), port > 0 else { return false }
            host = text[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            return AddressBlock.bytes(of: String(host.dropFirst().dropLast()))?.count == 16
        }
        return HostName.isValid(String(host)) || AddressBlock.bytes(of: String(host))?.count == 4
    }
}

/// The path below which the FilePond endpoints are.
enum BasePath {
    /// The path of the application API, which the endpoints must not hide.
    private static let taken = "/api/v1"

    static func parse(_ text: String) -> Result<String, Complaint> {
        let segments = text.split(separator: "/", omittingEmptySubsequences: true)
        let path = "/" + segments.joined(separator: "/")
        guard !text.contains("//"), !segments.contains("."), !segments.contains("..") else {
            return .failure(Complaint("must be a path without empty, \".\" or \"..\" segments, not \(quoted(text))"))
        }
        guard path.utf8.allSatisfy(isPathByte) else {
            return .failure(
                Complaint("must be a path of letters, digits, -, ., _, ~ and /, such as /fp, not \(quoted(text))"))
        }
        guard path != taken, !path.hasPrefix(taken + "/") else {
            return .failure(Complaint("must not be below \(taken), which is the application API's"))
        }
        return .success(path)
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        URLSyntax.isLetter(byte) || URLSyntax.isDigit(byte) || "-._~/".utf8.contains(byte)
    }
}
