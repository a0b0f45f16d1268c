import FPFormats
import HTTPTypes
import NIOCore
import NIOHTTP1

/// A response's head, checked and written out, except for `Connection`, which the connection decides when it sends.
struct ResponseHead: Sendable {
    enum Framing: Sendable, Equatable {
        /// No body, whatever the header fields say.
        case none
        case length(Int64)
        case chunked
        /// For HTTP/1.0, when the length is not known.
        case untilClose
    }

    /// Why a response cannot be sent.
    enum Invalid: Error, Equatable {
        case status(Int)
        case field(HTTPField.Name)
        case omittedBody
    }

    let status: Int
    let framing: Framing
    /// Whether the handler wants the connection closed.
    let closes: Bool
    /// The status line and the fields, without `Connection` and the empty line.
    private(set) var text: ByteBuffer

    /// Writes out the head of `response` as the answer to a request with the given method and version.
    init(_ response: Response, to method: HTTPRequest.Method, _ version: HTTPVersion) throws(Invalid) {
        status = response.status.code
        guard (200...599).contains(status) else {
            throw .status(status)
        }
        if let field = response.invalidField {
            throw .field(field)
        }
        framing = try Self.framing(response, method, version)
        var text = ByteBuffer()
        text.reserveCapacity(512)
        text.writeString("HTTP/1.1 \(status) \(response.status.reasonPhrase)\r\n")
        var closes = false
        for field in response.headers {
            switch field.name.canonicalName {
            case "content-length", "transfer-encoding", "date", "server":
                continue
            case "connection":
                closes = closes || field.value.asciiLowercased() == "close"
            default:
                text.writeString(field.name.rawName)
                text.writeStaticString(": ")
                text.writeString(field.value)
                text.writeStaticString("\r\n")
            }
        }
        self.closes = closes
        if framing == .chunked {
            text.writeStaticString("Transfer-Encoding: chunked\r\n")
        } else if let length = Self.declaredLength(response, method, framing) {
            text.writeString("Content-Length: \(length)\r\n")
        }
        text.writeString("Date: \(CurrentDate.text())\r\nServer: fphost\r\n")
        self.text = text
    }

    /// Adds the last field and the empty line.
    mutating func end(connection: StaticString?) -> ByteBuffer {
        if let connection {
            text.writeStaticString("Connection: ")
            text.writeStaticString(connection)
            text.writeStaticString("\r\n")
        }
        text.writeStaticString("\r\n")
        return text
    }

    private static func framing(
        _ response: Response,
        _ method: HTTPRequest.Method,
        _ version: HTTPVersion
    ) throws(Invalid) -> Framing {
        if method == .head || isBodiless(response) {
            return .none
        }
        switch response.body.content {
        case .omitted:
            throw .omittedBody
        case .bytes(let bytes):
            return .length(Int64(bytes.readableBytes))
        case .file(let file):
            return .length(file.length)
        case .stream(let length?, _):
            return .length(length)
        case .stream(nil, _):
            return version.isAtLeast11 ? .chunked : .untilClose
        }
    }

    private static func isBodiless(_ response: Response) -> Bool {
        response.status == .noContent || response.status == .notModified
    }

    /// A HEAD is told the length of its GET; a 204 must not have one, and a 304 need not (RFC 9110, section 8.6).
    private static func declaredLength(_ response: Response, _ method: HTTPRequest.Method, _ framing: Framing) -> Int64?
    {
        switch framing {
        case .length(let length): length
        case .none where !isBodiless(response): response.body.length
        default: nil
        }
    }
}
