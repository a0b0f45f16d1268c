import FPFormats
import FPHTTP
import FPUploads
import FPUploadsHTTP
import HTTPTypes

extension FilePondDialect {
    /// PATCH: one chunk.
    func append(_ operand: String?, _ request: Request, within reach: Reach) async throws -> Response {
        let id = try Self.transferID(operand)
        try await uploads.require(id, within: reach)
        let headers = request.headers
        let type = request.mediaType
        let isForm = type == "multipart/form-data"
        let isEmpty = request.contentLength == 0
        guard isEmpty || isForm || FilePondHeaders.isChunkType(type) else { throw FilePondHeaders.unsupported(headers) }
        let offset = try FilePondHeaders.byteCount(.uploadOffset, in: headers)
        let length = try FilePondHeaders.byteCount(.uploadLength, in: headers)
        let name = headers[values: .uploadName].first
        guard let offset, let length else { throw Self.missingMetadata }
        // Clients other than FilePond tell the name once, when they announce the upload.
        if !isEmpty, name == nil, try await uploads.upload(id)?.files[0].name.isEmpty ?? false {
            throw Self.missingMetadata
        }
        // FilePond ends a file of n whole chunks with an empty one, at the end.
        guard !isEmpty || offset == length else { throw Problem(.badRequest, "Upload data type not recognised.") }
        var content = try DigestSet(contentOf: headers)
        let checksum = try DigestSet(chunkOf: headers)
        var chunk = Chunk(offset: offset, bodyLength: nil, uploadLength: length, name: name)
        chunk.fileDigests = try DigestSet(fileOf: headers)
        let upload: Upload
        if isForm && !isEmpty {
            upload = try await append(
                id, chunk, try MultipartChunkSource(request, content: content, file: checksum))
        } else {
            chunk.bodyLength = request.contentLength.map { UInt64($0) }
            // Of a body that is nothing but the chunk, the two are about the same bytes.
            do throws(Complaint) { try content.add(checksum) } catch {
                throw Problem(.badRequest, "Upload-Checksum \(error.text).")
            }
            let body = CheckedSource(RequestBodySource(body: request.body), DigestCheck(content))
            upload = try await append(id, chunk, body)
        }
        var response = Self.idResponse(upload)
        response.headers[.uploadOffset] = String(upload.committed)
        return response
    }

    private func append(_ id: UploadID, _ chunk: Chunk, _ source: some ByteSource) async throws -> Upload {
        do throws(UploadError) {
            return try await uploads.append(id, chunk, body: source)
        } catch  where error.kind == .notFound {
            throw Problem(.badRequest, "Invalid chunk upload request data", code: "not-found")
        }
    }

    /// HEAD: how far the upload has come. FilePond skips every chunk that starts before the offset, so it is always
    /// the end of a chunk that arrived whole.
    func resume(_ operand: String?, within reach: Reach) async throws -> Response {
        let id = try Self.transferID(operand)
        try await uploads.require(id, within: reach)
        guard let upload = try await uploads.progress(of: id) else { throw Self.unknownTransfer }
        var headers: HTTPFields = [.uploadOffset: String(upload.committed), .cacheControl: "no-store"]
        if let size = upload.files[0].size { headers[.uploadLength] = String(size) }
        return Response(.ok, headers: headers)
    }

    private static let missingMetadata = Problem(.badRequest, "Chunk upload is missing required metadata")
    private static let unknownTransfer = Problem(.notFound, "Invalid upload ID specified.")

    private static func transferID(_ operand: String?) throws(Problem) -> UploadID {
        guard let operand, !operand.isEmpty else {
            throw Problem(.badRequest, "A required chunk parameter is missing.")
        }
        guard let id = UploadID(operand) else { throw unknownTransfer }
        return id
    }
}
