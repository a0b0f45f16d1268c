import NIOCore
import NIOHTTP1

/// The answer to one request.
///
/// `Content-Length`, `Transfer-Encoding`, `Date` and `Server` are the connection's business: it sets them and drops
/// what a handler put there. A handler's `Connection: close` is honoured.
public struct Response: Sendable {
    /// The status; 200...599.
    public var status: HTTPResponseStatus

    /// The header fields. A name or value that HTTP does not allow turns the whole answer into a 500.
    public var headers: HTTPHeaders

    /// The body.
    public var body: ResponseBody

    /// A response with the given status, header fields and body.
    public init(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ResponseBody = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A `text/plain` response with exactly `text` as its body.
    public static func text(_ status: HTTPResponseStatus, _ text: String) -> Response {
        Response(
            status,
            headers: ["Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"],
            body: .bytes(ByteBuffer(string: text))
        )
    }
}
