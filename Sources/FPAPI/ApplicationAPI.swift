import FPHTTP
import FPUploads
import FPUploadsHTTP
import HTTPTypes

/// The application API: what the application behind the page does with uploads. Closed to everybody without a token.
package struct ApplicationAPI: Mount {
    private let resource: UploadResource

    package init(uploads: Uploads) {
        resource = UploadResource(uploads: uploads)
    }

    package var methods: [HTTPRequest.Method] { UploadResource.methods }

    package var accesses: [Access] { Access.api }

    /// Outside of `/v1` there is nothing to protect: the answer is a 404, with or without a token.
    package func access(for request: Request, rest: ArraySlice<String>) -> Access {
        guard rest.first == "v1" else { return .anyone }
        return switch request.method {
        case .post: .apiStore
        case .delete: .apiDelete
        default: .apiRead
        }
    }

    package func respond(
        to request: Request, rest: ArraySlice<String>, from caller: Caller
    ) async throws -> Response {
        guard rest.starts(with: ["v1", "uploads"]) else { throw Problem.unknownAddress }
        return try await resource.respond(to: request, rest: rest.dropFirst(2), within: caller.reach)
    }
}
