import Crypto
import FPFormats
import FPHTTP
import HTTPTypes

/// What the application is asked about one request: a GET whose header fields say what the visitor wants to do.
struct Question: Sendable {
    /// The lines of the header, in the form of `EasyOptions.fields`.
    private(set) var lines: [String] = []
    /// Whether the credentials may be of a kind that browsers send by themselves.
    let isAmbient: Bool
    /// How many of the lines hold more than the target, which an answer that is kept must not depend on.
    private let lasting: Int

    /// The schemes of `Authorization` whose credentials a browser never sends unless the page says so.
    private static let bearers = ["bearer", "dpop", "token"]

    /// `nil` if the request brings no credentials to ask about.
    /// - Throws: A 400 if the request holds what cannot be passed on.
    init?(_ request: Request, for access: Access, _ settings: ForwardSettings) throws(Problem) {
        let credentials = Self.fields(settings.credentials, of: request)
        guard !credentials.isEmpty || settings.asksAlways else { return nil }
        // Anything else may come from a browser's memory, from a proxy or from the place in the network, and so with
        // every request, whichever page is behind it.
        isAmbient =
            credentials.isEmpty
            || !credentials.allSatisfy { name, value in
                guard name == .authorization, let (scheme, _) = value.cut(at: " ") else { return false }
                return Self.bearers.contains(scheme.asciiLowercased())
            }
        let authority = request.authority
        var fields = credentials + Self.fields(settings.headers, of: request)
        fields.append((.xForwardedMethod, request.method.rawValue))
        fields.append((.xOriginalMethod, request.method.rawValue))
        fields.append((.xForwardedProto, request.scheme))
        if let authority { fields.append((.xForwardedHost, authority)) }
        if IPAddress(request.clientAddress) != nil { fields.append((.xForwardedFor, request.clientAddress)) }
        fields.append((.xPermission, access.name))
        lasting = fields.count
        fields.append((.xForwardedURI, request.target))
        if let authority, request.target.begins(with: "/") {
            fields.append((.xOriginalURL, "\(request.scheme)://\(authority)\(request.target)"))
        }
        for (name, value) in fields {
            guard HTTPField.isValidValue(value) else {
                throw Problem(.badRequest, "The request holds what no header field may hold.")
            }
            lines.append("\(name.rawName): \(value)")
        }
    }

    /// What tells this question from others: keyed, so that it gives no credentials away.
    /// - Parameter withTarget: Whether the same question about another target is another one.
    func key(_ secret: SymmetricKey, withTarget: Bool) -> HMAC<SHA256>.MAC {
        var code = HMAC<SHA256>(key: secret)
        for line in withTarget ? lines[...] : lines[..<lasting] {
            // No line holds a line's end.
            code.update(data: Array((line + "\n").utf8))
        }
        return code.finalize()
    }

    private static func fields(_ names: [HTTPField.Name], of request: Request) -> [(HTTPField.Name, String)] {
        names.compactMap { name in
            let values = request.headers[values: name].filter { !$0.trimmingBlanks().isEmpty }
            guard !values.isEmpty else { return nil }
            // RFC 9110, section 5.3; cookies have a separator of their own (RFC 6265, section 5.4).
            return (name, values.joined(separator: name == .cookie ? "; " : ", "))
        }
    }
}

extension HTTPField.Name {
    fileprivate static let xForwardedMethod = HTTPField.Name(constant: "X-Forwarded-Method")
    fileprivate static let xForwardedURI = HTTPField.Name(constant: "X-Forwarded-Uri")
    fileprivate static let xForwardedProto = HTTPField.Name(constant: "X-Forwarded-Proto")
    fileprivate static let xForwardedHost = HTTPField.Name(constant: "X-Forwarded-Host")
    fileprivate static let xForwardedFor = HTTPField.Name(constant: "X-Forwarded-For")
    fileprivate static let xOriginalMethod = HTTPField.Name(constant: "X-Original-Method")
    fileprivate static let xOriginalURL = HTTPField.Name(constant: "X-Original-URL")
    fileprivate static let xPermission = HTTPField.Name(constant: "X-FPHost-Permission")
}
