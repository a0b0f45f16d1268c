public import HTTPTypes

extension HTTPField.Name {
    /// A field name that the source code spells out; it must be a token (RFC 9110, section 5.1).
    public init(constant name: StaticString) {
        guard let name = HTTPField.Name("\(name)") else {
            preconditionFailure("\"\(name)\" is no field name")
        }
        self = name
    }

    /// `Referrer-Policy` (W3C).
    public static let referrerPolicy = HTTPField.Name(constant: "Referrer-Policy")

    /// `Content-Digest` (RFC 9530, section 2): digests of a message's content.
    public static let contentDigest = HTTPField.Name(constant: "Content-Digest")

    /// `Repr-Digest` (RFC 9530, section 3): digests of a whole representation, whatever part of it a message has.
    public static let reprDigest = HTTPField.Name(constant: "Repr-Digest")

    /// `Host` (RFC 9110, section 7.2), which swift-http-types keeps apart from the fields.
    static let hostField = HTTPField.Name(constant: "Host")

    /// `Sec-Fetch-Site`: how the page that sends a request is related to what it asks for (Fetch Metadata Request
    /// Headers, section 2.3).
    static let secFetchSite = HTTPField.Name(constant: "Sec-Fetch-Site")

    /// `X-Forwarded-For`: the addresses that a request came through, the client's first.
    static let xForwardedFor = HTTPField.Name(constant: "X-Forwarded-For")

    /// `X-Forwarded-Proto`: the scheme that the client asked by.
    static let xForwardedProto = HTTPField.Name(constant: "X-Forwarded-Proto")

    /// `X-Forwarded-Host`: the host that the client asked for.
    static let xForwardedHost = HTTPField.Name(constant: "X-Forwarded-Host")

    /// `Forwarded` (RFC 7239): all of that in one field.
    static let forwarded = HTTPField.Name(constant: "Forwarded")

    /// `X-Request-ID`: what the proxies in front call a request in their logs.
    static let xRequestID = HTTPField.Name(constant: "X-Request-ID")
}
