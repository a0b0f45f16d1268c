import FPFormats

/// Origins of web pages (RFC 6454) in the form in which browsers send them.
enum Origin {
    static func parse(_ text: String) -> Result<String, Complaint> {
        guard let scheme = URLSyntax.scheme(of: text) else {
            return .failure(Complaint("is not an origin such as https://app.example.org"))
        }
        let lower = scheme.asciiLowercased()
        let behind = text.utf8.dropFirst(scheme.utf8.count + 3)
        let authority = Substring(behind.prefix { !"/?#".utf8.contains($0) })
        let rest = behind.dropFirst(authority.utf8.count)
        let canonical = "\(lower)://\(withoutDefaultPort(authority.asciiLowercased(), of: lower))"
        guard !authority.isEmpty, isAuthority(Substring(canonical.utf8.dropFirst(lower.utf8.count + 3))) else {
            return .failure(Complaint("is not an origin: a host, in ASCII, and perhaps a port follow the ://"))
        }
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

    private static func isAuthority(_ text: Substring) -> Bool {
        var host = text
        if let (name, digits) = text.cutAtLast(":"), !text.ends(with: "]") {
            guard digits.utf8.allSatisfy(\.isASCIIDigit), let port = UInt16(digits), port > 0 else { return false }
            host = name
        }
        if let literal = host.without(prefix: "[")?.without(suffix: "]") {
            return AddressBlock.bytes(of: String(literal))?.count == 16
        }
        return HostName.isValid(String(host)) || AddressBlock.bytes(of: String(host))?.count == 4
    }
}

/// The path below which the FilePond endpoints are.
enum BasePath {
    /// The path of the application API, which the endpoints must not hide.
    private static let taken = "/api/v1"

    static func parse(_ text: String) -> Result<String, Complaint> {
        let segments = text.parts(at: "/").filter { !$0.isEmpty }
        let path = "/" + segments.joined(separator: "/")
        guard !text.holds("//"), !segments.contains("."), !segments.contains("..") else {
            return .failure(Complaint("must be a path without empty, \".\" or \"..\" segments, not \(quoted(text))"))
        }
        guard path.utf8.allSatisfy(isPathByte) else {
            return .failure(
                Complaint("must be a path of letters, digits, -, ., _, ~ and /, such as /fp, not \(quoted(text))"))
        }
        guard path != taken, !path.begins(with: taken + "/") else {
            return .failure(Complaint("must not be below \(taken), which is the application API's"))
        }
        return .success(path)
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || "-._~/".utf8.contains(byte)
    }
}
