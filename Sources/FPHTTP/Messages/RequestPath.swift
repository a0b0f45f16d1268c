import FPFormats

/// A request's path in segments, each percent-decoded once and checked.
///
/// What is refused with a 400: a path that is not absolute, a broken percent-encoding, bytes that are not UTF-8,
/// control characters however they are written, and the segments `.` and `..` (RFC 3986, section 3.3), also when
/// percent-encoded. What stays as it is: empty segments (`//` is not `/`), and a slash that came as `%2F`, which is
/// part of its segment and separates nothing.
public struct RequestPath: Sendable, Equatable, CustomStringConvertible {
    /// The segments after the first slash: `/fp/` has two, the second of them empty. `*` (of `OPTIONS *`) has none.
    public let segments: [String]

    /// The decoded path, for messages and simple comparisons: the segments joined by slashes.
    public let description: String

    /// Why a path is refused.
    package enum Refusal: Error, Equatable {
        case notAbsolute
        case brokenEncoding
        case notUTF8
        case controlCharacter
        case dotSegment

        /// A sentence for the client.
        package var sentence: String {
            switch self {
            case .notAbsolute: "The request target has no path that starts with a slash."
            case .brokenEncoding: "A % in the path is not followed by two hexadecimal digits."
            case .notUTF8: "The path is not UTF-8 once it is percent-decoded."
            case .controlCharacter: "The path holds a control character."
            case .dotSegment: "The path holds a . or .. segment; resolve it before sending."
            }
        }
    }

    /// Takes the path of a request target, without its query.
    init(encoded: ArraySlice<UInt8>) throws(Refusal) {
        guard encoded.first == UInt8(ascii: "/") else {
            throw .notAbsolute
        }
        var segments: [String] = []
        for part in encoded.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            segments.append(try Self.segment(part))
        }
        self.segments = segments
        self.description = "/" + segments.joined(separator: "/")
    }

    private init(asterisk: Void) {
        segments = []
        description = "*"
    }

    /// The target of `OPTIONS *`: the server as a whole.
    static let asterisk = RequestPath(asterisk: ())

    private static func segment(_ part: ArraySlice<UInt8>) throws(Refusal) -> String {
        let (bytes, isBroken) = PercentEncoding.decoded(part)
        if isBroken {
            throw .brokenEncoding
        }
        if bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            throw .controlCharacter
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .notUTF8
        }
        if text == "." || text == ".." {
            throw .dotSegment
        }
        return text
    }
}
