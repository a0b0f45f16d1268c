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
    package func action(for request: Request, rest: ArraySlice<String>) -> Action {
        guard rest.first == "v1" else { return Action(for: .anyone) { _ in throw Problem.unknownAddress } }
        let access: Access =
            switch request.method {
            case .post: .apiStore
            case .delete: .apiDelete
            default: .apiRead
            }
        return Action(for: access) { caller in
            guard rest.starts(with: ["v1", "uploads"]) else { throw Problem.unknownAddress }
            return try await resource.respond(to: request, rest: rest.dropFirst(2), within: caller.reach)
        }
    }
}
