import FPFormats
import FPHTTP
import FPUploads
import HTTPTypes

/// A file as the answer to a GET or HEAD: ranges, conditions, and the headers that keep a browser from doing with it
/// anything but saving or showing it.
package enum Download {
    /// Opens what the request asks for. A file that is gone is looked for once more: it may just have moved to where
    /// the application wants it.
    /// - Throws: An ``UploadError`` of the store that cannot open the bytes, or a ``Problem`` with what the request asks
    ///   for; nothing has been sent then.
    package static func respond(
        to request: Request, opening content: (ContentUse) async throws(UploadError) -> Content
    ) async throws -> Response {
        let use = wanted(by: request)
        do {
            return try await respond(to: request, with: try await content(use))
        } catch let error as UploadError where error.kind == .notFound {
            return try await respond(to: request, with: try await content(use))
        }
    }

    /// What to ask the store for, before anything is known of the file.
    private static func wanted(by request: Request) -> ContentUse {
        let isConditional = request.headers.contains { $0.name.canonicalName.begins(with: "if-") }
        guard request.method == .get, !isConditional else { return .description }
        let range = request.headers[values: .range]
        if range.isEmpty { return .bytes(offset: 0, length: nil) }
        // The size is not known yet. A range that counts from the end needs it; any other begins at the same offset in
        // a file of any size, so it is read as one of the largest.
        guard range.allSatisfy({ !$0.holds("=-") }), case .part(let bytes) = ByteRange(range, size: .max) else {
            return .description
        }
        return .bytes(
            offset: bytes.lowerBound, length: bytes.upperBound == .max ? nil : bytes.upperBound - bytes.lowerBound)
    }

    private static func respond(
        to request: Request, with content: Content, now: Timestamp = .now
    ) async throws -> Response {
        let etag = content.etag.flatMap(EntityTag.init(opaque:))
        let modified = content.modified.map { ModificationDate(milliseconds: $0.milliseconds) }
        let isHEAD = request.method == .head
        var headers = validators(etag: etag, modified: modified)
        let moment = ModificationDate(milliseconds: now.milliseconds)
        let range: ByteRange
        switch Validators(etag: etag, modified: modified).evaluate(request.headers, now: moment) {
        case .failed:
            throw Problem(.preconditionFailed, "The file is not the version that the request names.")
        case .notModified:
            return Response(.notModified, headers: headers)
        case .proceed(let isRangeValid):
            // RFC 9110, section 14.2: only GET has ranges.
            let asked = isRangeValid && !isHEAD ? request.headers[values: .range] : []
            range = ByteRange(asked, size: content.size)
        }
        if content.isDirect, range != .unsatisfiable { return try await redirect(to: content, isHEAD: isHEAD) }
        headers.append(contentsOf: description(of: content))
        switch range {
        case .unsatisfiable:
            throw Problem(
                .rangeNotSatisfiable, "The range lies outside the \(content.size) bytes of the file.",
                code: "range-not-satisfiable", headers: [.contentRange: "bytes */\(content.size)"])
        case .whole:
            return Response(.ok, headers: headers, body: try await body(content, 0..<content.size, isHEAD: isHEAD))
        case .part(let bytes):
            let value = "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/\(content.size)"
            headers[.contentRange] = value
            return Response(.partialContent, headers: headers, body: try await body(content, bytes, isHEAD: false))
        }
    }

    /// Sends the client to the storage itself. The redirect is as short-lived as the URL is secret.
    private static func redirect(to content: Content, isHEAD: Bool) async throws(UploadError) -> Response {
        let url = try await content.directURL(
            headOnly: isHEAD, disposition: ContentDisposition.attachment(name: content.name))
        var response = Response(.found)
        response.addField(.location, untrusted: url)
        response.headers[.cacheControl] = "private, no-store"
        response.headers[.referrerPolicy] = "no-referrer"
        return response
    }

    private static func validators(etag: EntityTag?, modified: ModificationDate?) -> HTTPFields {
        // A browser asks each time, as the upload may be gone; if it is not, the browser's copy is used.
        var headers: HTTPFields = [.cacheControl: "private, no-cache"]
        if let etag { headers[.eTag] = etag.description }
        if let modified {
            let date = HTTPDate.text(secondsSince1970: modified.seconds)
            headers[.lastModified] = date
        }
        return headers
    }

    private static func description(of content: Content) -> HTTPFields {
        var headers: HTTPFields = [
            .contentType: content.contentType,
            .contentDisposition: ContentDisposition.attachment(name: content.name),
            .acceptRanges: "bytes",
            .xContentTypeOptions: "nosniff",
            .contentSecurityPolicy: "sandbox; default-src 'none'",
        ]
        // RFC 9530, section 3: of the whole file, whatever part of it the answer has, and of a HEAD too.
        if let sha256 = content.digests.sha256 { headers[.reprDigest] = DigestSet(.sha256, sha256).description }
        return headers
    }

    private static func body(
        _ content: Content, _ bytes: Range<UInt64>, isHEAD: Bool
    ) async throws(UploadError) -> ResponseBody {
        let length = Int64(clamping: bytes.upperBound - bytes.lowerBound)
        guard !isHEAD else { return .omitted(length: length) }
        guard length > 0 else { return .empty }
        let reader = try await content.read(offset: bytes.lowerBound, length: UInt64(length))
        if let whole = reader.takeWhole() { return .bytes(whole) }
        if let file = reader.takeFile() {
            return .file(descriptor: file.descriptor, offset: file.offset, length: file.length)
        }
        return .stream(length: length, next: { try await reader.next() }, close: { reader.close() })
    }
}
