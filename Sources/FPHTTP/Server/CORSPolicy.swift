import FPFormats
public import HTTPTypes

/// Which other origins' pages may use this server (Fetch standard, *CORS protocol*).
public struct CORSPolicy: Sendable, Equatable {
    /// The origins that are let in.
    public enum Origins: Sendable, Equatable {
        /// Every origin.
        case any
        /// These, compared exactly: `https://app.example.org`, with the port where it is not the default.
        case only(Set<String>)
    }

    /// Who is let in.
    public var origins: Origins

    /// Whether their cookies and HTTP authentication are too. Never with ``Origins/any``: that would let every page on the web act
    /// as the visitor.
    public var allowsCredentials: Bool

    /// How long a browser may remember a preflight's answer.
    public var maxAge: Duration

    /// The names of the response header fields that their scripts may read, beyond those that the Fetch standard lets
    /// everybody read.
    public var exposedFields: [HTTPField.Name] = []

    /// The methods that they may send.
    public var methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    /// A policy; credentials with any origin are not allowed, and are dropped.
    public init(origins: Origins, allowsCredentials: Bool = false, maxAge: Duration = .seconds(600)) {
        self.origins = origins
        self.allowsCredentials = allowsCredentials && origins != .any
        self.maxAge = maxAge
    }

    /// The answer to a preflight, which carries no credentials and so is given before anybody asks for some; nil for
    /// any other request.
    func preflight(_ method: HTTPRequest.Method, _ headers: HTTPFields) -> Response? {
        guard method == .options, headers.contains(.origin), headers.contains(.accessControlRequestMethod)
        else {
            return nil
        }
        var response = Response(.noContent)
        response.headers[.vary] = "Access-Control-Request-Method, Access-Control-Request-Headers"
        guard allowedOrigin(headers) != nil else {
            return response
        }
        response.headers[.accessControlAllowMethods] = methods.map(\.rawValue).joined(separator: ", ")
        let requested = headers.list(.accessControlRequestHeaders)
        if !requested.isEmpty, requested.allSatisfy({ HTTPField.Name(String($0)) != nil }) {
            response.headers[.accessControlAllowHeaders] = requested.joined(separator: ", ")
        }
        response.headers[.accessControlMaxAge] = "\(maxAge.components.seconds)"
        return response
    }

    /// Adds what every response carries, an error no less than a success: without it the page is told nothing at all.
    func apply(to response: inout HTTPFields, for request: HTTPFields) {
        if origins != .any {
            response.append(HTTPField(name: .vary, value: "Origin"))
        }
        guard let origin = allowedOrigin(request) else {
            return
        }
        response[.accessControlAllowOrigin] = origin
        if !exposedFields.isEmpty {
            let names = exposedFields.map(\.rawName).joined(separator: ", ")
            response[.accessControlExposeHeaders] = names
        }
        if allowsCredentials {
            response[.accessControlAllowCredentials] = "true"
        }
    }

    /// Whether a request comes from a page of another origin that may act for its visitor.
    func admitsCredentials(of request: HTTPFields) -> Bool {
        allowsCredentials && allowedOrigin(request) != nil
    }

    private func allowedOrigin(_ headers: HTTPFields) -> String? {
        let sent = headers[values: .origin]
        guard sent.count == 1, let origin = sent.first else {
            return nil
        }
        return switch origins {
        case .any: "*"
        case .only(let allowed): allowed.contains { $0.isSame(as: origin) } ? origin : nil
        }
    }
}
