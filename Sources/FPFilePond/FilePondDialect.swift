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

    package var accesses: [Access] { Access.filePond }

    /// An address or a method that there is not needs no access to be told so.
    package func action(for request: Request, rest: ArraySlice<String>) -> Action {
        do throws(FilePondRoute.Failure) {
            let route = try FilePondRoute(method: request.method, rest: rest, query: request.query)
            return Action(for: Access(of: route.endpoint, request.method)) { caller in
                try await respond(to: route, request, from: caller)
            }
        } catch {
            return Action(for: .anyone) { _ in try Self.response(to: request, without: error) }
        }
    }

    private static func response(
        to request: Request, without failure: FilePondRoute.Failure
    ) throws(Problem) -> Response {
        switch failure {
        case .unknownAddress: throw .unknownAddress
        case .missingParameter: throw Problem(.badRequest, "A required parameter is missing.")
        case .wrongMethod(let allow): throw .wrongMethod(request.method, allow: allow)
        case .options(let allow): .options(allow: allow)
        }
    }

    private func respond(to route: FilePondRoute, _ request: Request, from caller: Caller) async throws -> Response {
        let reach = caller.reach
        return switch (route.endpoint, request.method) {
        case (.process, _): try await process(request, by: Uploader(caller, request))
        case (.patch, .head): try await resume(route.operand, within: reach)
        case (.patch, _): try await append(route.operand, request, within: reach)
        case (.revert, _): try await revert(route.operand, request, within: reach)
        case (.load, _): try await load(route.operand, request, within: reach)
        case (.restore, _): try await restore(route.operand, request, within: reach)
        case (.fetch, .head): try await fetchAndStore(route.operand, by: Uploader(caller, request))
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
