import FPFormats
import FPHTTP
import HTTPTypes

/// Which part of the host a path belongs to.
struct HostRouter: RequestHandler {
    let basePath: BasePath
    let filePond: FilePondDialect
    let api: ApplicationAPI
    let health: HealthPages
    let demo: DemoPage?

    func respond(to request: Request) async -> Response {
        let segments = request.path.segments
        if segments.isEmpty {
            return Response(.noContent, headers: [.allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"])
        }
        if segments == ["healthz"] { return health.health(request) }
        if segments == ["readyz"] { return await health.readiness(request) }
        if segments.starts(with: ["api", "v1"]) {
            return await api.respond(to: request, rest: segments.dropFirst(2))
        }
        if segments.first == "api" {
            return Problem(.notFound, "There is nothing at this address.").documentResponse(requestID: request.id)
        }
        // With a base path of "/", the bare address belongs to FilePond as soon as the query or the method says so.
        let isForFilePond = basePath.isRoot && (request.method != .get || !request.query.pairs.isEmpty)
        if let demo, segments != [""] || !isForFilePond, let response = await demo.respond(to: request) {
            return response
        }
        if let rest = basePath.rest(of: segments) { return await filePond.respond(to: request, rest: rest) }
        return Problem(.notFound, "There is nothing at this address.").detailResponse
    }

    /// A problem document has FilePond's `detail` among its members, so it serves where the address is not known.
    func refusal(_ status: HTTPResponse.Status, _ sentence: String, target: String?, requestID: String) -> Response {
        let problem = Problem(status, sentence)
        let place = target.map(RequestTarget.firstSegment)
        guard let place, !["api", "healthz", "readyz"].contains(place) else {
            return problem.documentResponse(requestID: requestID)
        }
        return problem.detailResponse
    }
}

/// Where the FilePond dialect lives: FilePond's `server` option.
public struct BasePath: Sendable, Equatable, CustomStringConvertible {
    /// Why a text is no base path.
    public struct Invalid: Error, Equatable, CustomStringConvertible {
        /// A sentence that says what would be right.
        public let description: String
    }

    private let segments: [String]

    /// Reads a path such as `/fp`; a final slash means nothing.
    /// - Throws: If it does not start with a slash, needs escaping in a URL, or is an address of the host's own.
    public init(_ text: String) throws(Invalid) {
        guard text.begins(with: "/") else { throw Invalid(description: "a base path starts with a slash, such as /fp") }
        let parts = text.parts(at: "/").filter { !$0.isEmpty }.map(String.init)
        let canonical = "/" + parts.joined(separator: "/")
        guard text == canonical || text == canonical + "/" && !parts.isEmpty else {
            throw Invalid(description: "a base path has no empty part: write \(canonical)")
        }
        for part in parts {
            let isPlain = part.unicodeScalars.allSatisfy {
                ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
                    || "-._~".unicodeScalars.contains($0)
            }
            guard isPlain, part != ".", part != ".." else {
                throw Invalid(description: "a base path is made of letters, digits, \"-\", \".\", \"_\" and \"~\"")
            }
        }
        if let first = parts.first, ["api", "demo", "healthz", "readyz"].contains(first) {
            throw Invalid(description: "/\(first) is an address of the host's own; choose another base path")
        }
        segments = parts
    }

    var isRoot: Bool { segments.isEmpty }

    /// The segments below the base path; `nil` if the path is not below it.
    func rest(of path: [String]) -> ArraySlice<String>? {
        path.starts(with: segments) ? path.dropFirst(segments.count) : nil
    }

    /// The path, without a final slash unless it is `/` itself.
    public var description: String { "/" + segments.joined(separator: "/") }
}
