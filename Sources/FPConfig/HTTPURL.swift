import FPFormats

/// The URLs that the host itself sends requests to.
enum HTTPURL {
    /// What speaks against a URL, as the end of a sentence that does not show it; `nil` if nothing does.
    static func complaint(about url: String) -> String? {
        let scheme = URLSyntax.scheme(of: url) ?? ""
        guard ["http", "https"].contains(scheme.asciiLowercased()) else {
            return "must begin with http:// or https://"
        }
        if url.has("#") { return "has a fragment (#…), which is never sent; remove it" }
        let authority = url.utf8.dropFirst(scheme.utf8.count + 3).prefix { !"/?".utf8.contains($0) }
        if authority.contains(UInt8(ascii: "@")) {
            return "has a user name or password, but none is ever sent to it; remove them"
        }
        return authority.isEmpty ? "has no host" : nil
    }
}
