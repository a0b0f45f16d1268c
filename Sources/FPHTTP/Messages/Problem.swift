import FPFormats
public import HTTPTypes
public import Logging

/// What went wrong, independent of the form in which a client is told.
public struct Problem: Error, Sendable {
    /// The status of the answer.
    public var status: HTTPResponse.Status
    /// One sentence for the client.
    public var sentence: String
    /// A short name for programs, the same in every release.
    public var code: String
    /// Fields that go with the status.
    public var headers: HTTPFields = [:]
    /// What only the operator may know.
    public var detail: String?

    /// A problem named after its status, unless there is a better name.
    public init(_ status: HTTPResponse.Status, _ sentence: String, code: String? = nil, headers: HTTPFields = [:]) {
        self.status = status
        self.sentence = sentence
        self.headers = headers
        self.code = code ?? Self.code(status)
    }

    private static func code(_ status: HTTPResponse.Status) -> String {
        switch status {
        case .badRequest: "invalid"
        case .internalServerError: "internal-fault"
        default: status.reasonPhrase.asciiLowercased().parts(at: " ").joined(separator: "-")
        }
    }
}

extension Problem {
    /// The problem for an unexpected error: the client learns only that the server is at fault.
    public static func unforeseen(_ error: any Error) -> Problem {
        var problem = Problem(
            .internalServerError, "The server failed; its operator has been told.", code: "internal-fault")
        problem.detail = String(describing: error)
        return problem
    }

    /// Tells the operator what the client is not told.
    public func log(_ logger: Logger, _ request: Request) {
        guard let detail else { return }
        // A task is cancelled when its client is gone, and what fails then is no fault of the server.
        let level: Logger.Level = Task.isCancelled ? .debug : status.code >= 500 ? .error : .notice
        logger.log(
            level: level, "\(request.method.rawValue) \(request.path): \(sentence)",
            metadata: ["status": "\(status.code)", "detail": "\(detail)"])
    }

    /// The problem for a body that ends early. The client is mostly gone by then.
    public init(_ error: BodyError) {
        switch error {
        case .truncated: self.init(.badRequest, "The body ended before all of it had arrived.", code: "truncated")
        case .tooSlow: self.init(.requestTimeout, "The body came too slowly.", code: "too-slow")
        case .cancelled: self.init(.serviceUnavailable, "The server stopped reading the body.", code: "unavailable")
        case .malformed: self.init(.badRequest, "The chunked coding of the body is broken.")
        case .tooLarge(let limit):
            self.init(.payloadTooLarge, "The body may have \(limit) bytes at most.", code: "too-large")
        }
    }

    /// A method that the resource does not have.
    public static func wrongMethod(_ method: HTTPRequest.Method, allow: [HTTPRequest.Method]) -> Problem {
        Problem(
            .methodNotAllowed, "Method \"\(method.rawValue)\" not allowed.",
            headers: [.allow: allow.map(\.rawValue).joined(separator: ", ")])
    }
}
