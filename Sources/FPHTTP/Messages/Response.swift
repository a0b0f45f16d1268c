import FPFormats
public import HTTPTypes
import NIOCore

/// The answer to one request.
///
/// `Content-Length`, `Transfer-Encoding`, `Date` and `Server` are the connection's business: it sets them and drops
/// what a handler put there. A handler's `Connection: close` is honoured.
public struct Response: Sendable {
    /// The status; 200...599.
    public var status: HTTPResponse.Status

    /// The header fields. What HTTP does not allow in a value becomes a space; see ``addField(_:untrusted:)``.
    public var headers: HTTPFields

    /// A field that was to have a value that HTTP does not allow.
    private(set) var invalidField: HTTPField.Name?

    /// The body.
    public var body: ResponseBody

    /// A response with the given status, header fields and body.
    public init(_ status: HTTPResponse.Status, headers: HTTPFields = [:], body: ResponseBody = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Adds a field whose value this server did not make. If HTTP does not allow the value (RFC 9110, section 5.5), the
    /// whole answer becomes a 500: a changed value, such as a URL with spaces in it, would be another one.
    public mutating func addField(_ name: HTTPField.Name, untrusted value: String) {
        // Blanks around a value are no part of it, and are left out.
        if HTTPField.isValidValue(String(value[...].trimmingBlanks())) {
            headers.append(HTTPField(name: name, value: value))
        } else {
            invalidField = name
        }
    }

    /// A `text/plain` response with exactly `text` as its body.
    public static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status,
            headers: [.contentType: "text/plain; charset=utf-8", .xContentTypeOptions: "nosniff"],
            body: .bytes(ByteBuffer(string: text))
        )
    }

    /// A JSON response that no cache keeps.
    public static func json(_ status: HTTPResponse.Status, _ document: JSON) -> Response {
        json(status, .bytes(ByteBuffer(string: document.text)))
    }

    /// A JSON response that no cache keeps, with a body that is JSON already.
    public static func json(_ status: HTTPResponse.Status, _ body: ResponseBody) -> Response {
        Response(
            status,
            headers: [
                .contentType: "application/json", .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
            ], body: body)
    }

    /// The answer to OPTIONS: the methods that a resource has (RFC 9110, section 9.3.7).
    public static func options(allow methods: [HTTPRequest.Method]) -> Response {
        Response(.noContent, headers: [.allow: methods.map(\.rawValue).joined(separator: ", ")])
    }
}
