import FPFormats
import FPPluginKit
import S3Signature

/// Where a bucket is, and how its keys become URLs.
struct Endpoint: Sendable, Equatable {
    let scheme: String
    /// Without a port; an IPv6 address in brackets. Nil for Amazon's own, which depends on the region.
    let host: String?
    let port: Int?
    /// What stands before the bucket; empty or "/base".
    let basePath: String
    let bucket: String
    /// True for "bucket.host/key", false for "host/bucket/key".
    let isVirtualHosted: Bool

    /// Amazon's own endpoint of the bucket's region.
    init(bucket: String, style: String, isSecure: Bool = true) {
        scheme = isSecure ? "https" : "http"
        host = nil
        port = nil
        basePath = ""
        self.bucket = bucket
        isVirtualHosted = style == "virtual" || (style == "auto" && Self.canBeHostName(bucket))
    }

    /// A service at `url`, "http(s)://host[:port][/base]".
    init(url: String, bucket: String, style: String) throws(PluginError) {
        let problem = PluginError(
            .config, "the option `endpoint_url` must be http(s)://host[:port], not \"\(url)\"")
        guard let colon = url.range(of: "://") else { throw problem }
        scheme = url[..<colon.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else { throw problem }
        let rest = url[colon.upperBound...]
        guard !rest.contains("?"), !rest.contains("#"), !rest.contains("@") else { throw problem }
        let authority = rest.prefix { $0 != "/" }
        var path = String(rest.dropFirst(authority.count))
        while path.hasSuffix("/") { path.removeLast() }
        basePath = PercentEncoding.encode(path, keepingSlashes: true)
        var name = authority
        var number: Int?
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            number = Int(authority[authority.index(after: colon)...])
            guard let number, (1...65535).contains(number) else { throw problem }
            name = authority[..<colon]
        }
        guard !name.isEmpty, !name.contains(" ") else { throw problem }
        host = name.lowercased()
        port = number == (scheme == "https" ? 443 : 80) ? nil : number
        self.bucket = bucket
        isVirtualHosted = style == "virtual"
    }

    /// Whether what is sent stays on this machine.
    var isLoopback: Bool {
        guard let host else { return false }
        let literal = host.without(prefix: "[")?.without(suffix: "]").map(String.init) ?? host
        return host == "localhost" || host.ends(with: ".localhost") || IPAddress(literal)?.isLoopback == true
    }

    var isSecure: Bool { scheme == "https" }

    /// The value of the field Host.
    func authority(region: String) -> String {
        let name = host ?? "s3.\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")"
        return (isVirtualHosted ? "\(bucket)." : "") + name + (port.map { ":\($0)" } ?? "")
    }

    /// The path of a key, or of the bucket itself.
    func path(of key: String?) -> String { path(of: key, below: basePath) }

    /// The path with another one before it than the endpoint's own.
    func path(of key: String?, below base: String) -> String {
        let start = base + (isVirtualHosted ? "" : "/" + PercentEncoding.encode(bucket, keepingSlashes: false))
        guard let key else { return start.isEmpty ? "/" : start }
        return start + "/" + PercentEncoding.encode(key, keepingSlashes: true)
    }

    /// A name that works as one label of a host's name, also under TLS.
    private static func canBeHostName(_ bucket: String) -> Bool {
        (3...63).contains(bucket.utf8.count)
            && bucket.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
            }
    }
}

extension StringProtocol {
    /// Where `text` stands first.
    func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
