import FPHTTP
import HTTPTypes
import NIOCore

/// The page at `/` on which the real FilePond client uploads to this server.
package struct DemoPage: Mount {
    private let files: DemoFiles
    private let basePath: String

    /// - Parameter basePath: Where the page uploads to.
    package init(files: DemoFiles, basePath: String) {
        self.files = files
        self.basePath = basePath
    }

    package var methods: [HTTPRequest.Method] { [.get, .head] }

    package var problems: ProblemForm { .detail }

    /// With a base path of `/`, the page shares its address with FilePond's endpoints, and takes a GET without a query.
    package func takes(_ request: Request, rest: ArraySlice<String>) -> Bool {
        basePath != "/" || request.method == .get && request.query.pairs.isEmpty
    }

    package var accesses: [Access] { [] }

    package func action(for request: Request, rest: ArraySlice<String>) -> Action {
        Action(for: .anyone) { _ in try await respond(to: request) }
    }

    private func respond(to request: Request) async throws -> Response {
        try await DemoFiles.response(to: request) {
            guard var page = await files.page("index.html") else { return Self.missingPage }
            let text = String(buffer: page.bytes).replacing(
                "name=\"fphost-base-path\" content=\"/fp\"",
                with: "name=\"fphost-base-path\" content=\"\(Self.escaped(basePath))\"", maxReplacements: 1)
            page.bytes = ByteBuffer(string: text)
            page.version += basePath
            return page.response(to: request)
        }
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
