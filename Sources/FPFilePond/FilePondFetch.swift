import FPFetch
import FPHTTP
import FPUploads
import HTTPTypes
import NIOCore

extension FilePondDialect {
    private static let maximumURL = 8 << 10

    /// GET, or POST with the URL as its body: passes a remote file on. Nothing is kept.
    func fetch(_ operand: String?, _ request: Request) async throws -> Response {
        var target = operand ?? ""
        if target.isEmpty && request.method == .post {
            target = try await request.text(upTo: Self.maximumURL) ?? ""
        }
        let remote = try await open(target)
        var headers = Self.headers(type: remote.contentType, name: remote.fileName)
        headers[.cacheControl] = "no-store"
        let length = remote.contentLength.flatMap { Int64(exactly: $0) }
        return Response(.ok, headers: headers, body: .stream(length: length, remote.body))
    }

    /// HEAD: brings a remote file in as a temporary upload, so that the client has neither to download nor to upload it.
    func fetchAndStore(_ operand: String?, by uploader: Uploader) async throws -> Response {
        // Before anybody else's server is asked for anything.
        let admission = try await uploads.admit(uploader)
        let remote = try await open(operand ?? "")
        let upload = try await receive(remote, by: uploader, under: admission)
        let file = upload.files[0]
        var headers = Self.headers(type: file.contentType, name: file.name)
        headers[.cacheControl] = "no-store"
        headers[.contentTransferID] = upload.id.description
        return Response(.ok, headers: headers, body: .omitted(length: Int64(clamping: file.size ?? 0)))
    }

    private func open(_ url: String) async throws -> FetchResponse {
        guard let fetcher else {
            throw Problem(.forbidden, "Fetching remote files is switched off on this server.")
        }
        guard !url.isEmpty else { throw Problem(.badRequest, "Required query parameter(s) missing.") }
        return try await fetcher.open(url)
    }

    private func receive(
        _ remote: FetchResponse, by uploader: Uploader, under admission: Admission
    ) async throws -> Upload {
        let reception = uploads.beginReception(by: uploader, length: remote.contentLength, under: admission)
        do {
            try await reception.beginFile(name: Self.name(of: remote), declaredType: remote.contentType)
            for try await buffer in remote.body { try await reception.write([buffer]) }
            try await reception.endFile()
            return try await reception.finish(metadata: nil)
        } catch {
            await reception.abandonDespiteCancellation()
            throw error
        }
    }

    private static func name(of remote: FetchResponse) -> String {
        remote.fileName ?? UploadID.random().description
    }

    private static func headers(type: String?, name: String?) -> HTTPFields {
        [
            .contentType: type ?? "application/octet-stream",
            .contentDisposition: ContentDisposition.attachment(name: name ?? UploadID.random().description),
            .xContentTypeOptions: "nosniff",
            .contentSecurityPolicy: "sandbox; default-src 'none'",
        ]
    }
}

extension Reception {
    /// Takes back what has arrived, in a task of its own: the current one may be cancelled because its client left,
    /// and the stores would do nothing for it.
    func abandonDespiteCancellation() async {
        await Task { await abandon() }.value
    }
}
