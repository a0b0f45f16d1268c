import FPFetch
import FPHTTP
import FPUploads
import HTTPTypes
import Logging
import NIOCore

/// FilePond 4's protocol.
///
/// Errors are JSON, `{"detail": "One sentence."}`, at every endpoint; an id is exactly the body.
struct FilePondDialect: Sendable {
    let uploads: Uploads
    /// Gets remote files; `nil` where that is switched off.
    let fetcher: Fetcher?
    /// Whether *load* takes the path of a stored file in place of an id.
    let loadsByPath: Bool
    let logger: Logger

    /// Answers a request whose path continues with `rest` below the base address.
    func respond(to request: Request, rest: ArraySlice<String>) async -> Response {
        do {
            return try await respond(
                to: FilePondRoute(method: request.method, rest: rest, query: request.query), request)
        } catch let failure as FilePondRoute.Failure {
            return Self.response(to: failure, request.method)
        } catch {
            return response(to: Problem(any: error), request)
        }
    }

    private func respond(to route: FilePondRoute, _ request: Request) async throws -> Response {
        switch (route.endpoint, request.method) {
        case (.process, _): try await process(request)
        case (.patch, .head): try await resume(route.operand)
        case (.patch, _): try await append(route.operand, request)
        case (.revert, _): try await revert(route.operand, request)
        case (.load, _): try await load(route.operand, request)
        case (.restore, _): try await restore(route.operand, request)
        case (.fetch, .head): try await fetchAndStore(route.operand)
        case (.fetch, _): try await fetch(route.operand, request)
        }
    }

    /// The answer that hands out an id: FilePond takes the body for the id as it is.
    static func idResponse(_ upload: Upload) -> Response {
        Response(
            .ok,
            headers: [
                .contentType: "text/plain", .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
            ],
            body: .bytes(ByteBuffer(string: upload.id.description)))
    }

    private static func response(to failure: FilePondRoute.Failure, _ method: HTTPRequest.Method) -> Response {
        switch failure {
        case .unknownAddress: Problem(.notFound, "There is nothing at this address.").detailResponse
        case .missingParameter: Problem(.badRequest, "A required parameter is missing.").detailResponse
        case .wrongMethod(let allow): Problem.wrongMethod(method, allow: allow).detailResponse
        case .options(let allow):
            Response(.noContent, headers: [.allow: allow.map(\.rawValue).joined(separator: ", ")])
        }
    }

    private func response(to problem: Problem, _ request: Request) -> Response {
        problem.log(logger, request)
        return problem.detailResponse
    }
}
