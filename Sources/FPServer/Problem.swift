import FPFetch
import FPFormats
import FPUploads
import Logging
import NIOCore
import NIOHTTP1

/// What went wrong, before a dialect gives it its form.
struct Problem: Error, Sendable {
    /// The status of the answer.
    var status: HTTPResponseStatus
    /// One sentence for the client.
    var sentence: String
    /// A short name for programs, the same in every release.
    var code: String
    /// Fields that go with the status.
    var headers: HTTPHeaders = [:]
    /// What only the operator may know.
    var detail: String?

    /// A problem named after its status, unless there is a better name.
    init(_ status: HTTPResponseStatus, _ sentence: String, code: String? = nil, headers: HTTPHeaders = [:]) {
        self.status = status
        self.sentence = sentence
        self.headers = headers
        let name = status == .badRequest ? "invalid" : status.reasonPhrase.asciiLowercased()
        self.code = code ?? name.parts(at: " ").joined(separator: "-")
    }

    /// The answer that the FilePond dialect gives: JSON with the sentence as `detail`.
    var detailResponse: Response {
        let text = "{\"detail\": \(JSON.string(sentence).text)}"
        return response(type: "application/json", text)
    }

    /// A problem document (RFC 9457) for the request of that id.
    func documentResponse(requestID: String) -> Response {
        let document: JSON = [
            "type": .string("urn:fphost:problem:\(code)"),
            "title": .string(status.reasonPhrase),
            "status": .integer(status.code),
            "detail": .string(sentence),
            "instance": .string(requestID),
        ]
        return response(type: "application/problem+json", document.text)
    }

    private func response(type: String, _ text: String) -> Response {
        var fields = headers
        fields.replaceOrAdd(name: "Content-Type", value: type)
        fields.replaceOrAdd(name: "Cache-Control", value: "no-store")
        fields.replaceOrAdd(name: "X-Content-Type-Options", value: "nosniff")
        return Response(status, headers: fields, body: .bytes(ByteBuffer(string: text)))
    }
}

extension Problem {
    /// What a failure in the life of an upload is in HTTP.
    init(_ error: UploadError) {
        let (status, code): (HTTPResponseStatus, String) =
            switch error.kind {
            case .notFound: (.notFound, "not-found")
            case .invalid: (.badRequest, "invalid")
            case .offsetAhead: (.badRequest, "offset-ahead")
            case .conflict: (.conflict, "conflict")
            case .pathTaken: (.conflict, "path-taken")
            case .tooLarge: (.payloadTooLarge, "too-large")
            case .truncated: (.badRequest, "truncated")
            case .interrupted: (.conflict, "interrupted")
            case .tooSlow: (.requestTimeout, "too-slow")
            case .rangeNotSatisfiable: (.rangeNotSatisfiable, "range-not-satisfiable")
            case .noSpace: (.insufficientStorage, "no-space")
            case .unavailable: (.serviceUnavailable, "unavailable")
            case .timeout: (.gatewayTimeout, "timeout")
            case .badGateway: (.badGateway, "bad-gateway")
            case .unsupported: (.notImplemented, "unsupported")
            case .denied: (.forbidden, "denied")
            case .internalFault: (.internalServerError, "internal-fault")
            }
        self.init(status, error.message, code: code)
        detail = error.detail
        if let wait = error.retryAfter {
            let (seconds, attoseconds) = wait.components
            headers.add(name: "Retry-After", value: String(max(1, seconds + (attoseconds > 0 ? 1 : 0))))
        }
    }

    /// What a failure to get a remote file is in HTTP.
    init(_ error: FetchError) {
        let reason = error.reason
        self.init(HTTPResponseStatus(statusCode: reason.httpStatus), reason.message, code: "fetch-failed")
        detail = error.detail
        if status == .serviceUnavailable { headers.add(name: "Retry-After", value: "1") }
    }

    /// What any error is in HTTP. One that nobody foresaw is told to the operator only.
    init(any error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as UploadError: self.init(error)
        case let error as FetchError: self.init(error)
        case let error as BodyError: self.init(error)
        default:
            self.init(.internalServerError, "The server failed; its operator has been told.", code: "internal-fault")
            detail = String(describing: error)
        }
    }

    /// Tells the operator what the client is not told.
    func log(_ logger: Logger, _ request: Request) {
        guard let detail else { return }
        // A task is cancelled when its client is gone, and what fails then is nobody's fault.
        let level: Logger.Level = Task.isCancelled ? .debug : status.code >= 500 ? .error : .notice
        logger.log(
            level: level, "\(request.method.rawValue) \(request.path): \(sentence)",
            metadata: ["request": "\(request.id)", "status": "\(status.code)", "detail": "\(detail)"])
    }

    /// What a body that ends early is in HTTP. The client seldom lives to read it.
    init(_ error: BodyError) {
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
    static func wrongMethod(_ method: HTTPMethod, allow: [HTTPMethod]) -> Problem {
        Problem(
            .methodNotAllowed, "Method \"\(method.rawValue)\" not allowed.",
            headers: ["Allow": allow.map(\.rawValue).joined(separator: ", ")])
    }
}
