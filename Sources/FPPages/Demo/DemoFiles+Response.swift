import FPHTTP
import HTTPTypes

extension DemoFiles {
    /// What other pages may not do with the demo page, and what it may load.
    private static let contentSecurityPolicy =
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
        + "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

    /// The answer to a GET or HEAD of a file, with the fields that restrict what a browser does with it.
    static func response(to request: Request, _ answer: () async -> Response) async throws(Problem) -> Response {
        guard request.method == .get || request.method == .head else {
            throw Problem.wrongMethod(request.method, allow: [.get, .head])
        }
        var response = await answer()
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.contentSecurityPolicy] = contentSecurityPolicy
        response.headers[.referrerPolicy] = "same-origin"
        return response
    }
}

extension DemoFiles.File {
    /// The file, unless the request's conditions say that the client has it.
    func response(to request: Request) -> Response {
        let etag = EntityTag(opaque: version)
        var headers: HTTPFields = [.cacheControl: "no-cache"]
        if let etag { headers[.eTag] = etag.description }
        let known = Validators(etag: etag).evaluate(request.headers, now: ModificationDate(seconds: 0))
        if known == .notModified { return Response(.notModified, headers: headers) }
        headers[.contentType] = type
        return Response(.ok, headers: headers, body: .bytes(bytes))
    }
}
