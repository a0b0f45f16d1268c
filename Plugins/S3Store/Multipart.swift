import FPPluginKit
import S3Signature

/// A part that S3 holds.
struct UploadedPart: Equatable, Sendable {
    let etag: String
    /// The checksum in the form that the list of parts wants it; nil if there is none.
    var checksum: String?
}

/// The requests of a multipart upload.
extension S3Client {
    /// Begins one.
    /// - Parameter checksum: what its parts will come with.
    /// - Returns: the upload's own id.
    func createMultipart(
        _ target: WriteTarget, checksum: Settings.Checksum, _ call: borrowing Call
    ) throws(PluginError) -> String {
        var request = S3Request("POST", settings.objectKey(target.key.string), ["uploads": ""])
        request.headers = target.fields(with: settings.objectFields)
        switch checksum {
        case .crc32c: request.headers.append(("x-amz-checksum-algorithm", "CRC32C"))
        case .sha256: request.headers.append(("x-amz-checksum-algorithm", "SHA256"))
        case .crc64nvme:
            request.headers.append(("x-amz-checksum-algorithm", "CRC64NVME"))
            request.headers.append(("x-amz-checksum-type", "FULL_OBJECT"))
        case .md5, .none: break
        }
        let doing = "beginning the upload of \"\(target.key)\""
        let reply = try send(request, doing, call)
        try reply.check(doing)
        return try uploadID(reply, doing)
    }

    /// The id of the upload that a reply says was begun.
    func uploadID(_ reply: Reply, _ doing: String) throws(PluginError) -> String {
        guard let id = XMLElement(document: reply.body)?["UploadId"], !id.isEmpty else {
            throw reply.lacking("an upload id", doing)
        }
        return id
    }

    /// The request that sends a part.
    func partRequest(
        _ token: SessionToken, number: Int, _ buffer: PartBuffer
    ) throws(PluginError) -> S3Request {
        var request = S3Request(
            "PUT", settings.objectKey(token.key.string),
            ["partNumber": String(number), "uploadId": token.uploadID])
        try fill(&request, with: buffer)
        return request
    }

    /// Makes the bytes of a buffer the body of a request, with the checksum that is configured.
    func fill(_ request: inout S3Request, with buffer: PartBuffer?) throws(PluginError) {
        guard let buffer else { return }
        request.body = .part(buffer, suffix: [])
        if settings.signsPayload, let hash = try buffer.sha256() { request.payloadHash = hash.hexadecimal }
        if let field = try buffer.checksumField() { request.headers.append(field) }
    }

    /// What a part's reply says of it.
    /// - Throws: if that does not show that S3 has the part.
    func uploadedPart(_ reply: Reply, _ doing: String) throws(PluginError) -> UploadedPart {
        try reply.checkStored(doing)
        // The completion repeats a checksum only if the reply names it: only such a service has checked it.
        let checksum = Self.checksumElements.first { reply.head[$0.field] != nil }.flatMap { reply.head[$0.field] }
        return UploadedPart(etag: reply.etag, checksum: checksum)
    }

    private static let checksumElements: [(field: String, element: String)] = [
        ("x-amz-checksum-crc32c", "ChecksumCRC32C"), ("x-amz-checksum-crc64nvme", "ChecksumCRC64NVME"),
        ("x-amz-checksum-sha256", "ChecksumSHA256"),
    ]

    private var checksumElement: String? {
        switch settings.checksum {
        case .crc32c: "ChecksumCRC32C"
        case .crc64nvme: "ChecksumCRC64NVME"
        case .sha256: "ChecksumSHA256"
        case .md5, .none: nil
        }
    }

    /// A part as the list of an upload has it.
    struct ListedPart: Sendable {
        let number: Int
        let size: UInt64
        let part: UploadedPart
    }

    /// The parts that S3 holds, by number; nil if it does not know the upload.
    func listParts(_ token: SessionToken, _ call: borrowing Call) throws(PluginError) -> [Int: ListedPart]? {
        let doing = "going on with the upload of \"\(token.key)\""
        var found: [Int: ListedPart] = [:]
        var marker = 0
        while true {
            let request = S3Request(
                "GET", settings.objectKey(token.key.string),
                ["uploadId": token.uploadID, "max-parts": "1000", "part-number-marker": String(marker)])
            let reply = try send(request, doing, call)
            if reply.errorCode == "NoSuchUpload" || (reply.status == 404 && reply.errorCode != "NoSuchBucket") {
                // A broken gateway must not make an upload look lost.
                guard !reply.isPage else { throw reply.foreign(doing) }
                return nil
            }
            try reply.check(doing)
            guard let list = XMLElement(document: reply.body), list.name.hasPrefix("ListParts") else {
                throw reply.lacking("a list of parts", doing)
            }
            for entry in list.all("Part") {
                guard let number = entry["PartNumber"].flatMap(Int.init), let size = entry["Size"].flatMap(UInt64.init),
                    let etag = entry["ETag"]
                else { continue }
                let part = UploadedPart(
                    etag: Reply.unquoted(etag), checksum: checksumElement.flatMap { entry[$0] })
                found[number] = ListedPart(number: number, size: size, part: part)
            }
            let next = list["NextPartNumberMarker"].flatMap(Int.init) ?? found.keys.max() ?? 0
            guard list["IsTruncated"] == "true" else { return found }
            guard next > marker else { throw reply.lacking("the rest of the list of parts", doing) }
            marker = next
        }
    }

    /// Publishes the object made of `parts`, in order from 1.
    /// - Returns: the reply, which may be a failure in spite of its status.
    func completeMultipart(
        _ token: SessionToken, _ parts: [UploadedPart], isConditional: Bool, checksum: UInt64?, _ call: borrowing Call
    ) throws(PluginError) -> Reply {
        var text = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        for (index, part) in parts.enumerated() {
            text += "<Part><PartNumber>\(index + 1)</PartNumber><ETag>&quot;\(xmlText(part.etag))&quot;</ETag>"
            if let element = checksumElement, let checksum = part.checksum {
                text += "<\(element)>\(xmlText(checksum))</\(element)>"
            }
            text += "</Part>"
        }
        text += "</CompleteMultipartUpload>"
        var request = S3Request("POST", settings.objectKey(token.key.string), ["uploadId": token.uploadID])
        request.headers = [("Content-Type", "application/xml")]
        if isConditional { request.headers.append(("If-None-Match", "*")) }
        if let checksum {
            request.headers.append(("x-amz-checksum-type", "FULL_OBJECT"))
            request.headers.append(("x-amz-checksum-crc64nvme", checksum.bigEndianBytes.base64))
        }
        request.body = .bytes(Array(text.utf8))
        return try send(request, "storing \"\(token.key)\"", call)
    }

    /// The request that drops an upload with all of its parts.
    func abortRequest(_ token: SessionToken) -> S3Request {
        S3Request("DELETE", settings.objectKey(token.key.string), ["uploadId": token.uploadID])
    }

    /// Drops an upload; one that is not there counts as dropped.
    func abortMultipart(_ token: SessionToken, _ call: borrowing Call) throws(PluginError) {
        let doing = "dropping the upload of \"\(token.key)\""
        let reply = try send(abortRequest(token), doing, call)
        if reply.errorCode == "NoSuchUpload" { return }
        if try reply.isGone(doing) { return }
        guard try listParts(token, call) == nil else {
            throw reply.lacking("a 204, and the upload is there still", doing)
        }
    }
}

/// What a write is going to publish.
struct WriteTarget: Sendable {
    let key: Key
    let id: SessionID?
    let ifNotExists: Bool
    let contentType: String?
    /// The fields that the object gets besides those of the store's settings, which come first where both have one.
    let metadata: [(name: String, value: String)]

    init(
        key: Key, id: SessionID?, ifNotExists: Bool, contentType: String?, metadata: [(name: String, value: String)]
    ) {
        self.key = key
        self.id = id
        self.ifNotExists = ifNotExists
        self.contentType = contentType
        self.metadata = metadata
    }

    init(_ request: WriteRequest, id: SessionID) {
        key = request.key
        self.id = id
        ifNotExists = request.ifNotExists
        contentType = request.contentType
        metadata = request.metadata.map {
            ("x-amz-meta-\(Self.fieldName($0.key))", ObjectParameters.metadataValue($0.value))
        }
    }

    /// Of a resumed session: type and metadata are with the upload already.
    init(_ token: SessionToken) {
        key = token.key
        id = token.id
        ifNotExists = token.ifNotExists
        contentType = nil
        metadata = []
    }

    /// The fields of the request that makes the object.
    /// - Parameter settings: those that every object of the store gets.
    func fields(with settings: [(name: String, value: String)]) -> [(name: String, value: String)] {
        var fields = settings
        fields += metadata.filter { own in !settings.contains { $0.name.lowercased() == own.name.lowercased() } }
        if let contentType, !contentType.isEmpty, ObjectParameters.isText(contentType) {
            fields.append(("Content-Type", contentType))
        }
        if let id { fields.append((SessionID.field, id.text)) }
        return fields
    }

    private static func fieldName(_ name: String) -> String {
        String(
            decoding: name.utf8.map { byte in
                let isAllowed =
                    (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "-_.".utf8.contains(byte)
                return isAllowed ? byte : UInt8(ascii: "-")
            }, as: UTF8.self
        ).lowercased()
    }
}
