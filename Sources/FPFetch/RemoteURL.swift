import FPFormats

/// An http or https URL without user information and fragment (RFC 3986), in the one spelling that libcurl is given.
///
/// Bytes that have no place in a URL are percent-encoded, as browsers do; control characters are refused, so that
/// nothing can break out of the request.
package struct RemoteURL: Hashable, Sendable {
    /// Why a text is not such a URL, for the operator's log.
    package struct Invalid: Error {
        /// What is wrong with it.
        package let problem: String
    }

    let scheme: WebScheme
    let host: Host
    /// Nil for the scheme's own port.
    let port: UInt16?
    /// Never empty, dot segments removed.
    let path: String
    let query: String?

    /// Reads an absolute URL.
    package init(_ text: String) throws(Invalid) {
        let reference = try URLReference(Array(text.utf8))
        guard let scheme = reference.scheme else { throw Invalid(problem: "it has no scheme") }
        try self.init(scheme: scheme, reference)
    }

    /// Resolves a reference, such as a `Location` (RFC 9110 section 10.2.2), against this URL: RFC 3986 section 5.2.
    func resolving(_ bytes: [UInt8]) throws(Invalid) -> RemoteURL {
        let reference = try URLReference(bytes)
        if let scheme = reference.scheme {
            return try RemoteURL(scheme: scheme, reference)
        }
        if reference.authority != nil {
            return try RemoteURL(scheme: Array(scheme.rawValue.utf8)[...], reference)
        }
        let base = Array(path.utf8)
        var query = reference.query
        let resolved: [UInt8]
        if reference.path.isEmpty {
            resolved = base
            query = query ?? self.query.map { Array($0.utf8)[...] }
        } else if reference.path.first == UInt8(ascii: "/") {
            resolved = Array(reference.path)
        } else {
            let slash = base.lastIndex(of: UInt8(ascii: "/")) ?? base.startIndex
            resolved = Array(base[...slash] + reference.path)
        }
        let url = RemoteURL(scheme: scheme, host: host, port: port, path: resolved, query: query)
        // A chain of relative redirects must not make it grow without end.
        guard url.description.utf8.count <= 2 * URLReference.longest else { throw Invalid(problem: "it is too long") }
        return url
    }

    /// The path's last segment, percent-decoded.
    var lastSegment: [UInt8] {
        PercentEncoding.decoded(Array((path.parts(at: "/").last ?? "").utf8)).bytes
    }

    private init(scheme: ArraySlice<UInt8>, _ reference: URLReference) throws(Invalid) {
        guard let scheme = WebScheme(rawValue: String(decoding: scheme, as: UTF8.self).asciiLowercased()) else {
            throw Invalid(problem: "its scheme is neither http nor https")
        }
        guard let authority = reference.authority else { throw Invalid(problem: "it has no //host") }
        let (host, port) = try Self.hostAndPort(authority)
        self.init(scheme: scheme, host: host, port: port, path: reference.path, query: reference.query)
    }

    private init(
        scheme: WebScheme,
        host: Host,
        port: UInt16?,
        path: some Collection<UInt8>,
        query: ArraySlice<UInt8>?
    ) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = URLBytes.path(path)
        self.query = query.map(URLBytes.query)
    }

    private static func hostAndPort(_ authority: ArraySlice<UInt8>) throws(Invalid) -> (Host, UInt16?) {
        guard !authority.contains(UInt8(ascii: "@")) else { throw Invalid(problem: "it has a user name") }
        guard authority.first != UInt8(ascii: "[") else { return try literalAndPort(authority.dropFirst()) }
        let colon = authority.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
        guard let host = URLHost.parse(Array(authority[..<colon])) else {
            throw Invalid(problem: "it has no valid host")
        }
        return (host, try number(authority[colon...]))
    }

    /// An IPv6 address behind its opening bracket. Zones (RFC 6874) name interfaces of this host: they are refused.
    private static func literalAndPort(_ rest: ArraySlice<UInt8>) throws(Invalid) -> (Host, UInt16?) {
        guard let end = rest.firstIndex(of: UInt8(ascii: "]")), rest[..<end].contains(UInt8(ascii: ":")),
            let address = IPAddress(String(decoding: rest[..<end], as: UTF8.self))
        else { throw Invalid(problem: "what is in its [] is no IPv6 address") }
        return (.address(address), try number(rest[(end + 1)...]))
    }

    /// A port with its colon, or nothing.
    private static func number(_ port: ArraySlice<UInt8>) throws(Invalid) -> UInt16? {
        if port.isEmpty || port.elementsEqual(":".utf8) { return nil }
        let digits = port.dropFirst()
        guard port.first == UInt8(ascii: ":"), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt16(String(decoding: digits, as: UTF8.self)), number > 0
        else { throw Invalid(problem: "its port is no number from 1 to 65535") }
        return number
    }
}

extension RemoteURL: CustomStringConvertible {
    /// The URL as it is requested.
    package var description: String {
        withoutQuery + (query.map { "?" + $0 } ?? "")
    }

    /// The URL as it may be logged: queries carry signatures and tokens.
    var withoutQuery: String {
        "\(scheme)://\(host)\(port.map { ":\($0)" } ?? "")\(path)"
    }
}

extension Host: CustomStringConvertible {
    /// As in a URL: IPv6 addresses in brackets.
    var description: String {
        switch self {
        case .name(let name): name
        case .address(let address): address.family == .v6 ? "[\(address)]" : "\(address)"
        }
    }
}
