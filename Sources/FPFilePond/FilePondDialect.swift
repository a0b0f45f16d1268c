import FPFetch
import FPHTTP
import FPUploads
import HTTPTypes
import NIOCore

/// FilePond 4's protocol.
///
/// Errors are JSON, `{"detail": "One sentence."}`, at every endpoint; an id is exactly the body.
package struct FilePondDialect: Mount {
    let uploads: Uploads
    let fetcher: Fetcher?
    let loadsByPath: Bool

    /// - Parameters:
    ///   - fetcher: Gets remote files; `nil` where that is switched off.
    ///   - loadsByPath: Whether *load* takes the path of a stored file in place of an id.
    package init(uploads: Uploads, fetcher: Fetcher?, loadsByPath: Bool) {
        self.uploads = uploads
        self.fetcher = fetcher
        self.loadsByPath = loadsByPath
    }

    package var methods: [HTTPRequest.Method] { FilePondRoute.allMethods }

    /// What FilePond 4 and 5 read of an answer, and where clients of other dialects look for an upload's address.
    package var exposedFields: [HTTPField.Name] {
        [
            .uploadOffset, .uploadLength, .contentDisposition, .contentLength, .contentRange, .eTag, .location,
            .contentTransferID,
        ]
    }

    package var problems: ProblemForm { .detail }

    package func access(for request: Request, rest: ArraySlice<String>) -> Access { .visitor }

    package func respond(
        to request: Request, rest: ArraySlice<String>, from caller: Caller
    ) async throws -> Response {
        let route: FilePondRoute
        do throws(FilePondRoute.Failure) {
            route = try FilePondRoute(method: request.method, rest: rest, query: request.query)
        } catch {
            switch error {
            case .unknownAddress: throw Problem.unknownAddress
            case .missingParameter: throw Problem(.badRequest, "A required parameter is missing.")
            case .wrongMethod(let allow): throw Problem.wrongMethod(request.method, allow: allow)
            case .options(let allow): return .options(allow: allow)
            }
        }
        return try await respond(to: route, request, owner: caller.owner)
    }

    private func respond(to route: FilePondRoute, _ request: Request, owner: String?) async throws -> Response {
        switch (route.endpoint, request.method) {
        case (.process, _): try await process(request, owner: owner)
        case (.patch, .head): try await resume(route.operand)
        case (.patch, _): try await append(route.operand, request)
        case (.revert, _): try await revert(route.operand, request)
        case (.load, _): try await load(route.operand, request)
        case (.restore, _): try await restore(route.operand, request)
        case (.fetch, .head): try await fetchAndStore(route.operand, owner: owner)
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
}
