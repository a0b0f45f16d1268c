public import FPFormats

/// Why a body is not multipart/form-data, or more of it than is allowed. Every one of them is the client's mistake.
public enum MultipartError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The content type is another one.
    case notMultipart
    /// The content type names no boundary, two, or one that RFC 2046 does not allow.
    case badBoundary
    /// The body does not begin with the boundary.
    case noBoundary
    /// Something other than a line's end or `--` follows a boundary.
    case brokenDelimiter
    /// The body ended before its last boundary.
    case truncated
    /// A part's header is longer than the limit, in bytes.
    case headerTooLong(limit: Int)
    /// A part has more header fields than the limit.
    case tooManyHeaders(limit: Int)
    /// A header line is not `name: value`, is folded, or holds a zero byte or half the end of a line.
    case brokenHeader
    /// A part has no Content-Disposition, two of them, or one that is not form-data.
    case badDisposition
    /// A parameter of a header field cannot be read, or comes twice.
    case brokenParameter
    /// A part does not say which form field it is.
    case missingName
    /// A part's header is not UTF-8.
    case notUTF8
    /// A part's field that states a digest cannot be read.
    case badDigest(Complaint)
    /// A part is encoded; RFC 7578 has no encodings any more.
    case encoded

    /// A sentence for the client.
    public var description: String {
        switch self {
        case .notMultipart: "The Content-Type is not multipart/form-data."
        case .badBoundary: "The Content-Type needs one boundary of 1 to 70 characters."
        case .noBoundary: "The body does not begin with the boundary that Content-Type names."
        case .brokenDelimiter: "In the body, the boundary is followed by something other than a line's end."
        case .truncated: "The body ended before its last boundary."
        case .headerTooLong(let limit): "A part's header is longer than \(limit) bytes."
        case .tooManyHeaders(let limit): "A part has more than \(limit) header fields."
        case .brokenHeader: "A part's header has a line that is not \"name: value\"."
        case .badDisposition: "A part needs exactly one Content-Disposition, of type form-data."
        case .brokenParameter: "A parameter of a part's header is broken or repeated."
        case .missingName: "A part's Content-Disposition has no name."
        case .notUTF8: "A part's header is not UTF-8."
        case .badDigest(let complaint): "A part's Content-Digest or Content-MD5 \(complaint.text)."
        case .encoded: "A part has a Content-Transfer-Encoding; send its bytes as they are."
        }
    }
}
