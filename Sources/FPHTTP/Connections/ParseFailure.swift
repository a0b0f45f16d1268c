import HTTPTypes
import NIOHTTP1

/// Bytes that are not HTTP/1, or more of it than the limits allow. Nothing after them on their connection counts.
struct ParseFailure: Equatable {
    let status: HTTPResponse.Status
    let sentence: String

    /// A head that does not come to its end.
    static let slowHead = ParseFailure(.requestTimeout, "The request's head took too long to arrive.")

    /// Reads the parser's error; nil for errors of any other kind, and for the end of the connection, which is
    /// no fault in what was sent.
    init?(_ error: any Error, hasHeadLine: Bool) {
        guard let error = error as? HTTPParserError, error != .invalidEOFState else {
            return nil
        }
        switch error {
        case .headerOverflow where !hasHeadLine:
            self.init(.uriTooLong, "The request target is too long.")
        case .headerOverflow:
            self.init(.requestHeaderFieldsTooLarge, "The header fields are too many or too long.")
        case .invalidVersion:
            self.init(.httpVersionNotSupported, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
        case .invalidMethod:
            self.init(.badRequest, "The request does not begin with a method that HTTP knows.")
        case .invalidContentLength, .unexpectedContentLength:
            self.init(.badRequest, "Content-Length is broken, repeated, or beside Transfer-Encoding.")
        case .invalidChunkSize:
            self.init(.badRequest, "A chunk of the body has no valid size.")
        case .invalidURL:
            self.init(.badRequest, "The request target holds characters that must be percent-encoded.")
        case .invalidHeaderToken:
            self.init(.badRequest, "A header field holds a character that is not allowed there.")
        default:
            self.init(.badRequest, "The request is not HTTP/1.1.")
        }
    }

    private init(_ status: HTTPResponse.Status, _ sentence: String) {
        self.status = status
        self.sentence = sentence
    }
}
