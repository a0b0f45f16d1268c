import FPHTTP
import HTTPTypes
import NIOCore

/// The page at `/` on which the real FilePond client uploads to this server, and the little that an application would
/// add: listing, storing and deleting what arrived, without a token.
///
/// It is for trying fphost out: everybody who reaches the server may do all of that.
struct DemoPage: Sendable {
    let resource: UploadResource
    let files: DemoFiles
    let access: DemoAccess
    let basePath: String

    /// What other pages may not do with this one, and what it may load.
    private static let contentSecurityPolicy =
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
        + "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

    /// Answers a request for the page or for something below `/demo`; `nil` if the path is neither.
    func respond(to request: Request) async -> Response? {
        let segments = request.path.segments
        if segments == [""] { return await page(request) }
        guard segments.first == "demo", segments.count > 1 else { return nil }
        if segments[1] == "uploads" {
            if let refusal = access.refusal(request) { return refusal.documentResponse(requestID: request.id) }
            return await resource.respond(to: request, rest: segments.dropFirst(2))
        }
        return await asset(request, segments.dropFirst())
    }

    private func page(_ request: Request) async -> Response {
        await file(request) {
            guard var page = await files.page("index.html") else { return Self.missingPage }
            let text = String(buffer: page.bytes).replacing(
                "name=\"fphost-base-path\" content=\"/fp\"",
                with: "name=\"fphost-base-path\" content=\"\(Self.escaped(basePath))\"", maxReplacements: 1)
            page.bytes = ByteBuffer(string: text)
            page.version += basePath
            return Self.response(to: request, page)
        }
    }

    private func asset(_ request: Request, _ path: ArraySlice<String>) async -> Response {
        await file(request) {
            let file: DemoFiles.File? =
                switch (path.count, path.first) {
                case (1, let name?): await files.page(name)
                case (2, "vendor"): await files.vendor(path[path.startIndex + 1])
                default: nil
                }
            guard let file else {
                return Problem(.notFound, "There is nothing at this address.").detailResponse
            }
            return Self.response(to: request, file)
        }
    }

    private func file(_ request: Request, _ answer: () async -> Response) async -> Response {
        guard request.method == .get || request.method == .head else {
            return Problem.wrongMethod(request.method, allow: [.get, .head]).detailResponse
        }
        var response = await answer()
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.contentSecurityPolicy] = Self.contentSecurityPolicy
        response.headers[.referrerPolicy] = "same-origin"
        return response
    }

    private static func response(to request: Request, _ file: DemoFiles.File) -> Response {
        let etag = EntityTag(opaque: file.version)
        var headers: HTTPFields = [.cacheControl: "no-cache"]
        if let etag { headers[.eTag] = etag.description }
        let known = Validators(etag: etag).evaluate(request.headers, now: ModificationDate(seconds: 0))
        if known == .notModified { return Response(.notModified, headers: headers) }
        var response = Response(.ok, headers: headers, body: .bytes(file.bytes))
        response.headers[.contentType] = file.type
        return response
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("\"", with: "&quot;").replacing("<", with: "&lt;")
    }

    /// What a host without the page's files says.
    private static let missingPage = Response(
        .ok,
        headers: [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"],
        body: .bytes(
            ByteBuffer(
                string: """
                    <!doctype html>
                    <html lang="en">
                    <meta charset="utf-8">
                    <title>fphost</title>
                    <h1>fphost is running</h1>
                    <p>The files of the demo page are not installed with this host. In a working tree they are in
                    <code>web/demo</code>; an installed host has them in <code>share/fphost/demo</code>. The FilePond
                    client comes from the PyPI package <code>django-filepond-form-widget</code>, by
                    <code>make setup</code>.</p>

                    """)))
}
