import FPFormats

/// A request target (RFC 9112, section 3.2) taken apart.
package struct RequestTarget: Sendable {
    /// The path, decoded.
    package let path: RequestPath
    /// The query, decoded.
    package let query: RequestQuery

    /// Takes the origin form (`/path?query`), the absolute form (`http://host/path?query`) or `*`.
    /// - Throws: Why the path is refused.
    package init(_ target: String) throws(RequestPath.Refusal) {
        let bytes = Array(target.utf8)
        if bytes == [UInt8(ascii: "*")] {
            path = .asterisk
            query = RequestQuery(encoded: [])
            return
        }
        let hierarchy = Self.withoutAuthority(bytes[...])
        let end = hierarchy.firstIndex(of: UInt8(ascii: "#")) ?? hierarchy.endIndex
        let mark = hierarchy[..<end].firstIndex(of: UInt8(ascii: "?")) ?? end
        let encoded = hierarchy[..<mark]
        path = try RequestPath(encoded: encoded.isEmpty ? [UInt8(ascii: "/")] : encoded)
        query = RequestQuery(encoded: hierarchy[mark..<end].dropFirst())
    }

    /// The first segment of a target's path, decoded as far as it can be: for targets that may be no good.
    package static func firstSegment(of target: String) -> String {
        let path = withoutAuthority(Array(target.utf8)[...])
        let segment = path.drop { $0 == UInt8(ascii: "/") }.prefix { !"/?#".utf8.contains($0) }
        return String(decoding: PercentEncoding.decoded(segment).bytes, as: UTF8.self)
    }

    /// Strips `http://host:port` from the absolute form, which servers must accept even if only proxies are sent it.
    private static func withoutAuthority(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard bytes.first != UInt8(ascii: "/") else {
            return bytes
        }
        for scheme in ["http://", "https://"]
        where bytes.prefix(scheme.utf8.count).elementsEqual(scheme.utf8, by: { $0 | 0x20 == $1 | 0x20 }) {
            let rest = bytes.dropFirst(scheme.utf8.count)
            let delimiters = "/?#".utf8
            return rest[(rest.firstIndex { delimiters.contains($0) } ?? rest.endIndex)...]
        }
        return bytes
    }
}
