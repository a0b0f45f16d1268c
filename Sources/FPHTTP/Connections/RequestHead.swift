import HTTPTypes
import NIOHTTP1

/// A request's head as it is known outside of the parser.
struct RequestHead {
    let method: HTTPRequest.Method
    /// The request target exactly as sent.
    let target: String
    let version: HTTPVersion
    /// The fields in the order in which they were sent. Spaces and tabs around the values are no part of them (RFC
    /// 9110, section 5.5); making a field takes them away.
    let fields: HTTPFields
    /// Whether version and `Connection` leave the connection open behind this request.
    let keepsAlive: Bool

    /// Whether the request is known to end here, which only HTTP/2 tells by other means than fields.
    let endsRequest: Bool

    init(_ head: HTTPRequestHead) {
        // The parser lets only tokens by, here and below.
        method = HTTPRequest.Method(head.method.rawValue) ?? .trace
        target = head.uri
        version = head.version
        keepsAlive = head.isKeepAlive
        var fields = HTTPFields()
        fields.reserveCapacity(head.headers.count)
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name) else { continue }
            fields.append(HTTPField(name: name, value: value))
        }
        self.fields = fields
        endsRequest = false
    }

    init(
        method: HTTPRequest.Method, target: String, version: HTTPVersion, fields: HTTPFields, keepsAlive: Bool,
        endsRequest: Bool
    ) {
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
        self.keepsAlive = keepsAlive
        self.endsRequest = endsRequest
    }
}
