import FPFormats

/// A URL reference cut at its delimiters (RFC 3986 appendix B), as bytes: what a `Location` field holds need not
/// be UTF-8. The fragment is dropped, it is never sent.
struct URLReference {
    private(set) var scheme: ArraySlice<UInt8>?
    private(set) var authority: ArraySlice<UInt8>?
    private(set) var path: ArraySlice<UInt8>
    private(set) var query: ArraySlice<UInt8>?

    /// Longer than any presigned URL, short enough to keep and log.
    static let longest = 8192

    init(_ bytes: [UInt8]) throws(RemoteURL.Invalid) {
        // People paste URLs with the blanks around them.
        var rest = bytes.drop(while: Self.isBlank)
        while let last = rest.last, Self.isBlank(last) { rest.removeLast() }
        guard rest.count <= Self.longest else { throw RemoteURL.Invalid(problem: "it is too long") }
        guard !rest.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
            throw RemoteURL.Invalid(problem: "it has a control character")
        }

        rest = rest.prefix { $0 != UInt8(ascii: "#") }
        if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
            query = rest[(mark + 1)...]
            rest = rest[..<mark]
        }
        if let colon = rest.firstIndex(of: UInt8(ascii: ":")), Self.isScheme(rest[..<colon]) {
            scheme = rest[..<colon]
            rest = rest[(colon + 1)...]
        }
        if rest.starts(with: "//".utf8) {
            rest = rest.dropFirst(2)
            let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            authority = rest[..<end]
            rest = rest[end...]
        }
        path = rest
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0d).contains(byte)
    }

    private static func isScheme(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, isLetter(first) else { return false }
        return bytes.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || "+-.".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
}

/// The path and query of a URL in the one form in which they are sent.
enum URLBytes {
    private static let pathBytes = Set("!$%&'()*+,-./:;=@_~".utf8)
    private static let queryBytes = Set("!$%&'()*+,-./:;=?@_~[]".utf8)

    /// An absolute path without dot segments (RFC 3986 section 5.2.4) and with nothing in it that a path may not
    /// have. A `%` stays what it is, well-formed or not: the remote server is the one to judge it.
    static func path(_ bytes: some Collection<UInt8>) -> String {
        PercentEncoding.encoded(removingDotSegments(Array(bytes))) { isPlain($0) || pathBytes.contains($0) }
    }

    /// A query with nothing in it that a query may not have.
    static func query(_ bytes: some Collection<UInt8>) -> String {
        PercentEncoding.encoded(bytes) { isPlain($0) || queryBytes.contains($0) }
    }

    private static func isPlain(_ byte: UInt8) -> Bool { byte.isASCIILetter || byte.isASCIIDigit }

    private static func removingDotSegments(_ path: [UInt8]) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        let relative = path.first == slash ? path.dropFirst() : path[...]
        let segments = relative.split(separator: slash, omittingEmptySubsequences: false)
        var kept: [ArraySlice<UInt8>] = []
        for (index, segment) in segments.enumerated() {
            let isDot = segment.elementsEqual(".".utf8)
            let isDotDot = segment.elementsEqual("..".utf8)
            if isDotDot { _ = kept.popLast() }
            if !isDot, !isDotDot {
                kept.append(segment)
            } else if index == segments.count - 1 {
                kept.append([])
            }
        }
        return [slash] + kept.joined(separator: [slash])
    }
}
