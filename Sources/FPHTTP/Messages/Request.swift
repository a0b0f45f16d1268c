import FPFormats
public import HTTPTypes
public import NIOCore

/// One HTTP request, its head whole and checked, its body still arriving.
public struct Request: Sendable {
    /// The method, as sent.
    public let method: HTTPRequest.Method

    /// The request target exactly as sent: undecoded, with its query.
    public let target: String

    /// The host, and the port if it is not the default, that the client addressed: what a trusted proxy says of it, or else
    /// the `Host` field (RFC 9110, section 7.2); nil if a client of HTTP/1.0 sent none.
    public let authority: String?

    /// `https` if the client's connection is encrypted, by what a trusted proxy says of it or else by what is known here;
    /// `http` if it is not, or if a proxy in front that is not trusted encrypts.
    public let scheme: String

    /// The path, percent-decoded once.
    public let path: RequestPath

    /// The query's names and values in order, decoded.
    public let query: RequestQuery

    /// The header fields. Bytes that are not UTF-8 arrive as U+FFFD.
    public let headers: HTTPFields

    /// The other end of the connection; nil or a path for a Unix socket.
    public let remoteAddress: SocketAddress?

    /// Who is asking, for logs and limits: the peer's IP address, or what a trusted proxy says it is: an address, a name
    /// that the proxy made up for it, or `unknown`. `unix` for the other end of a Unix socket.
    public let clientAddress: String

    /// What log lines about this request carry: made here, or taken from a trusted proxy's `X-Request-ID`.
    public let id: String

    /// Bytes the body will have: 0 when there is none, nil when the client sends it chunked.
    public let contentLength: Int64?

    /// The body, to be pulled.
    public let body: RequestBody

    /// The media type of the body in lower case, without its parameters; nil if the request does not say.
    public var mediaType: String? {
        guard let line = headers[values: .contentType].first else { return nil }
        let type = line.parts(at: ";")[0].trimmingBlanks().asciiLowercased()
        return type.isEmpty ? nil : type
    }

    let informer: (any Informer)?

    /// Sends an interim response (RFC 9110, section 15.2) such as `104 Upload Resumption Supported`, before the answer.
    ///
    /// Does nothing for an HTTP/1.0 client, after the answer has begun, or for a status outside 102...199.
    public func inform(_ status: HTTPResponse.Status, _ headers: HTTPFields) {
        informer?.inform(status, headers)
    }
}

/// Where interim responses go; the connection.
protocol Informer: Sendable {
    func inform(_ status: HTTPResponse.Status, _ headers: HTTPFields)
}
