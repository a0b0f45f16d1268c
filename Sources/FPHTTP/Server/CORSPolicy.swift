import FPFormats
import NIOCore
import NIOHTTP1

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
    public var exposedFields: [String] = []

    private static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

    /// A policy; credentials with any origin are not allowed, and are dropped.
    public init(origins: Origins, allowsCredentials: Bool = false, maxAge: Duration = .seconds(600)) {
        self.origins = origins
        self.allowsCredentials = allowsCredentials && origins != .any
        self.maxAge = maxAge
    }

    /// The answer to a preflight, which carries no credentials and so is given before anybody asks for some; nil for
    /// any other request.
    func preflight(_ method: HTTPMethod, _ headers: HTTPHeaders) -> Response? {
        guard method == .OPTIONS, headers.contains(name: "Origin"),
            headers.contains(name: "Access-Control-Request-Method")
        else {
            return nil
        }
        var response = Response(.noContent)
        response.headers.add(name: "Vary", value: "Access-Control-Request-Method, Access-Control-Request-Headers")
        guard allowedOrigin(headers) != nil else {
            return response
        }
        response.headers.add(name: "Access-Control-Allow-Methods", value: Self.methods)
        let requested = headers[canonicalForm: "Access-Control-Request-Headers"]
        if !requested.isEmpty, requested.allSatisfy(FieldSyntax.isToken) {
            response.headers.add(name: "Access-Control-Allow-Headers", value: requested.joined(separator: ", "))
        }
        response.headers.add(name: "Access-Control-Max-Age", value: "\(maxAge.components.seconds)")
        return response
    }

    /// Adds what every response carries, an error no less than a success: without it the page is told nothing at all.
    func apply(to response: inout HTTPHeaders, for request: HTTPHeaders) {
        if origins != .any {
            response.add(name: "Vary", value: "Origin")
        }
        guard let origin = allowedOrigin(request) else {
            return
        }
        response.replaceOrAdd(name: "Access-Control-Allow-Origin", value: origin)
        if !exposedFields.isEmpty {
            let names = exposedFields.joined(separator: ", ")
            response.replaceOrAdd(name: "Access-Control-Expose-Headers", value: names)
        }
        if allowsCredentials {
            response.replaceOrAdd(name: "Access-Control-Allow-Credentials", value: "true")
        }
    }

    private func allowedOrigin(_ headers: HTTPHeaders) -> String? {
        let sent = headers["Origin"]
        guard sent.count == 1, let origin = sent.first else {
            return nil
        }
        return switch origins {
        case .any: "*"
        case .only(let allowed): allowed.contains { $0.isSame(as: origin) } ? origin : nil
        }
    }
}
