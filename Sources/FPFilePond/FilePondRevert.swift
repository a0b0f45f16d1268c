import FPFormats
import FPHTTP
import FPUploads
import HTTPTypes
import NIOCore

extension FilePondDialect {
    /// Longer than any id, and than any path that FilePond may send in its place.
    private static let maximumOperand = 4096

    /// DELETE: takes a temporary upload back, whole or not.
    ///
    /// FilePond sends more of these than it should: twice, for uploads that are gone, for stored ones, and for local
    /// files with their path in place of an id. None of them may fail, as the client then keeps the item, and none
    /// may touch what an application has claimed.
    func revert(_ operand: String?, _ request: Request, within reach: Reach) async throws -> Response {
        let text = try await reverted(operand, request)
        if let id = UploadID(text) {
            try await uploads.require(id, within: reach)
            try await uploads.revert(id)
            return Response(.noContent)
        }
        if loadsByPath, !text.isEmpty, let upload = try await uploads.upload(path: text),
            reach.includesByPath(upload.owner)
        {
            return Response(.noContent)
        }
        throw Self.invalidData
    }

    /// The id that the request names: in its body, as FilePond sends it, or else in its address, as proxies that drop
    /// the body of a DELETE make necessary.
    private func reverted(_ operand: String?, _ request: Request) async throws(Problem) -> String {
        let type = request.mediaType
        guard request.contentLength == 0 || Self.isTextType(type) else {
            throw FilePondHeaders.unsupported(request.headers)
        }
        let body = try await request.text(upTo: Self.maximumOperand)
        guard let body else { throw Self.invalidData }
        return body.isEmpty ? String((operand ?? "").trimmingSpace()) : body
    }

    private static func isTextType(_ type: String?) -> Bool {
        guard let type else { return true }
        return type.begins(with: "text/") || type == "application/x-www-form-urlencoded"
            || type == "application/octet-stream"
    }

    private static let invalidData = Problem(.badRequest, "The provided data is invalid.")
}

extension Request {
    /// A small body as text without the white space around it; `nil` if it is not UTF-8.
    func text(upTo limit: Int) async throws(Problem) -> String? {
        let buffer: ByteBuffer
        do throws(BodyError) { buffer = try await body.collect(upTo: limit) } catch { throw Problem(error) }
        guard let text = String(validating: buffer.readableBytesView, as: UTF8.self) else { return nil }
        return String(text.trimmingSpace())
    }
}
