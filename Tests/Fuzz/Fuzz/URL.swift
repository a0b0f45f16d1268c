import RemoteNames

extension FuzzTarget {
    /// A URL to fetch: what it is checked as is what it is requested as, and stays so when it is read anew; so does what
    /// a redirect leads to. The input is a URL, and a `Location` behind a line feed.
    static let url = FuzzTarget("url") { input in
        let parts = input.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let url = RemoteAddress(String(decoding: parts[0], as: UTF8.self)) else { return }
        check(url)
        if parts.count > 1, let next = url.following(location: Array(parts[1])) { check(next) }
    }

    private static func check(_ url: RemoteAddress) {
        let text = url.text
        require(text.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "not printable: \(text)")
        // The limit of length is that of what comes from outside.
        guard text.utf8.count <= RemoteAddress.longest else { return }
        guard let again = RemoteAddress(text) else { return require(false, "refused anew: \(text)") }
        require(again.text == text && again.host == url.host, "another URL when read anew: \(text)")
    }
}
