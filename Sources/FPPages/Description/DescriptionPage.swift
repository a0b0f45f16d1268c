import FPHTTP
import HTTPTypes

/// `/api/v1/openapi.json`: what the host can be asked. It holds no secret, and everybody may read it.
package struct DescriptionPage: Mount {
    private let description: HostDescription

    /// - Parameter basePath: Where the upload dialects are.
    package init(basePath: String) {
        description = HostDescription(basePath: basePath)
    }

    package var methods: [HTTPRequest.Method] { [.get, .head] }

    package var accesses: [Access] { [] }

    package func action(for request: Request, rest: ArraySlice<String>) -> Action {
        Action(for: .anyone) { _ in try await respond(to: request) }
    }

    private func respond(to request: Request) async throws -> Response {
        guard methods.contains(request.method) else { throw Problem.wrongMethod(request.method, allow: methods) }
        let document = description.document
        // A release may change the document, so a client asks each time; if it has not changed, its copy is used.
        var headers: HTTPFields = [.cacheControl: "no-cache"]
        if let etag = document.etag { headers[.eTag] = etag.description }
        switch Validators(etag: document.etag).evaluate(request.headers, now: ModificationDate(seconds: 0)) {
        case .failed:
            throw Problem(.preconditionFailed, "The document is not the version that the request names.")
        case .notModified:
            return Response(.notModified, headers: headers)
        case .proceed:
            headers[.contentType] = "application/json"
            headers[.xContentTypeOptions] = "nosniff"
            return Response(.ok, headers: headers, body: .bytes(document.bytes))
        }
    }
}
