import FPFormats
import FPHTTP
import FPMultipart
import FPUploads
import FPUploadsHTTP
import HTTPTypes
import NIOCore

extension FilePondDialect {
    /// POST: a form with whole files, or the announcement of one that comes in chunks.
    func process(_ request: Request, by uploader: Uploader) async throws -> Response {
        let isAnnounced = request.headers.contains(.uploadLength)
        let stated = try DigestSet(contentOf: request.headers, isRepresentation: !isAnnounced)
        let file = isAnnounced ? try DigestSet(fileOf: request.headers) : DigestSet()
        // FilePond 5 announces with nothing but a length.
        guard request.contentLength != 0 else {
            guard isAnnounced else { throw UploadForm.missingField }
            try DigestCheck(stated)?.verify()
            return try await announce(metadata: nil, file, by: uploader, request)
        }
        guard request.mediaType == "multipart/form-data" else {
            throw FilePondHeaders.unsupported(request.headers)
        }
        // Before anything of the body is read.
        var form = UploadForm(
            uploads, by: uploader, length: request.contentLength.map { UInt64($0) },
            under: try await uploads.admit(uploader))
        do {
            let parser = try Self.multipartParser(for: request)
            try await Self.read(FormReader(request.body, parser, stated: stated), into: &form)
            switch try await form.finish(stated: file) {
            case .received(let upload): return Self.idResponse(upload)
            case .announced(let metadata, let file):
                return try await announce(metadata: metadata, file, by: uploader, request)
            }
        } catch {
            await form.abandon()
            throw error
        }
    }

    private func announce(
        metadata: String?, _ digests: DigestSet, by uploader: Uploader, _ request: Request
    ) async throws -> Response {
        // A page's own headers function may leave the length out; the first chunk tells it then.
        let length = try FilePondHeaders.byteCount(.uploadLength, in: request.headers)
        let name = request.headers[values: .uploadName].first
        return Self.idResponse(
            try await uploads.create(
                length: length, metadata: metadata, name: name, digests: digests, by: uploader))
    }

    private static func read(_ reader: FormReader, into form: inout UploadForm) async throws {
        while try await reader.readMore() {
            var pieces: [ByteBuffer] = []
            while let event = try reader.next() {
                if case .bytes(let piece) = event {
                    pieces.append(piece)
                    continue
                }
                // One call for all that came of a part: each may be a trip to a store's thread.
                if !pieces.isEmpty { try await form.add(pieces) }
                pieces = []
                switch event {
                case .partBegin(let part): try await form.begin(part)
                case .partEnd: try await form.end()
                case .bytes, .end: break
                }
            }
            // Nothing else is there yet, so what comes meanwhile may go on with the same part.
            if !pieces.isEmpty { try await form.add(pieces) { reader.followingBytes() } }
        }
        try reader.finish()
    }

    /// A parser for a request's body, which is multipart/form-data.
    static func multipartParser(for request: Request) throws(Problem) -> MultipartParser {
        let type = request.headers[values: .contentType].first ?? ""
        do throws(MultipartError) {
            return MultipartParser(boundary: try MultipartBoundary(contentType: type))
        } catch {
            throw Problem(error)
        }
    }
}

extension Problem {
    /// A form that cannot be read.
    init(_ error: MultipartError) {
        self.init(.badRequest, "Multipart form parse error - \(error)")
    }
}
