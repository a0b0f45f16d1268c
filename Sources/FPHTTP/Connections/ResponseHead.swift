import FPFormats
import HTTPTypes
import NIOCore
import NIOHPACK
import NIOHTTP1

/// A response's head, checked and written out for the request's version of HTTP, except for `Connection`, which the
/// connection decides when it sends.
struct ResponseHead: Sendable {
    enum Framing: Sendable, Equatable {
        /// No body, whatever the header fields say.
        case none
        case length(Int64)
        case chunked
        /// HTTP/2 marks the end of a body whose length is not known, as of any other.
        case frames
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
    /// What goes out.
    private let form: Form

    private enum Form: Sendable {
        /// The status line and the fields, without `Connection` and the empty line.
        case text(ByteBuffer)
        case fields(HPACKHeaders)
    }

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
        let length = Self.declaredLength(response, method, framing)
        if version.isAtLeast2 {
            closes = false
            form = .fields(Self.fields(response, length: length))
        } else {
            closes = response.headers[values: .connection].contains { $0.asciiLowercased() == "close" }
            form = .text(Self.text(response, length: length, isChunked: framing == .chunked))
        }
    }

    /// The status line, the fields and the empty line, for HTTP/1.
    func text(connection: StaticString?) -> ByteBuffer {
        guard case .text(var text) = form else {
            preconditionFailure("a head for HTTP/2 has no text")
        }
        if let connection {
            text.writeStaticString("Connection: ")
            text.writeStaticString(connection)
            text.writeStaticString("\r\n")
        }
        text.writeStaticString("\r\n")
        return text
    }

    /// The fields, for HTTP/2.
    var fields: HPACKHeaders {
        guard case .fields(let fields) = form else {
            preconditionFailure("a head for HTTP/1 is text")
        }
        return fields
    }

    private static func text(_ response: Response, length: Int64?, isChunked: Bool) -> ByteBuffer {
        var text = ByteBuffer()
        text.reserveCapacity(512)
        text.writeString("HTTP/1.1 \(response.status.code) \(response.status.reasonPhrase)\r\n")
        for field in response.headers where !isOurs(field.name.canonicalName) {
            text.writeString(field.name.rawName)
            text.writeStaticString(": ")
            text.writeString(field.value)
            text.writeStaticString("\r\n")
        }
        if isChunked {
            text.writeStaticString("Transfer-Encoding: chunked\r\n")
        } else if let length {
            text.writeString("Content-Length: \(length)\r\n")
        }
        text.writeString("Date: \(CurrentDate.text())\r\nServer: fphost\r\n")
        return text
    }

    private static func fields(_ response: Response, length: Int64?) -> HPACKHeaders {
        var fields = HPACKHeaders()
        fields.reserveCapacity(response.headers.count + 4)
        fields.add(name: ":status", value: String(response.status.code))
        for field in response.headers where !isOurs(field.name.canonicalName) {
            fields.add(name: field.name.canonicalName, value: field.value)
        }
        if let length {
            fields.add(name: "content-length", value: String(length))
        }
        fields.add(name: "date", value: CurrentDate.text())
        fields.add(name: "server", value: "fphost")
        return fields
    }

    /// Whether a field is the server's to say, or of the connection, which HTTP/2 has no fields for (RFC 9113, section
    /// 8.2.2).
    private static func isOurs(_ name: String) -> Bool {
        switch name {
        case "content-length", "transfer-encoding", "date", "server", "connection", "keep-alive", "proxy-connection",
            "upgrade":
            true
        default: false
        }
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
            if version.isAtLeast2 { return .frames }
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
