import FPFormats
import FPHTTP
import HTTPTypes

extension HTTPField.Name {
    /// `Content-MD5` (RFC 1864, and RFC 2616, section 14.15): the MD5 of a message's content.
    static let contentMD5 = HTTPField.Name(constant: "Content-MD5")

    /// `Upload-Checksum` (tus 1.0.0, "Checksum"): a digest of the bytes of a chunk.
    static let uploadChecksum = HTTPField.Name(constant: "Upload-Checksum")
}

extension DigestSet {
    /// What a request states of its content, as it is on the wire but for the transfer coding: `Content-Digest` and
    /// `Content-MD5`.
    /// - Parameter isRepresentation: Whether the content is all that the request is about, so that `Repr-Digest` is of it,
    ///   too.
    /// - Throws: What is wrong with a field.
    package init(contentOf headers: HTTPFields, isRepresentation: Bool = false) throws(Problem) {
        self.init()
        if isRepresentation { self = try DigestSet(fileOf: headers) }
        let digests = headers[values: .contentDigest]
        if !digests.isEmpty {
            try add(.contentDigest) { () throws(Complaint) in try DigestSet(field: digests) }
        }
        for text in headers[values: .contentMD5] {
            try add(.contentMD5) { () throws(Complaint) in try DigestSet(contentMD5: text) }
        }
    }

    /// What a request that brings a part of a file, or announces one, states of the whole file: `Repr-Digest`
    /// (draft-ietf-httpbis-resumable-upload has it so).
    /// - Throws: What is wrong with the field.
    package init(fileOf headers: HTTPFields) throws(Problem) {
        self.init()
        let digests = headers[values: .reprDigest]
        guard !digests.isEmpty else { return }
        try add(.reprDigest) { () throws(Complaint) in try DigestSet(field: digests) }
    }

    /// What a request states of the bytes of its chunk, however they are wrapped: `Upload-Checksum`.
    /// - Throws: What is wrong with the field.
    package init(chunkOf headers: HTTPFields) throws(Problem) {
        self.init()
        for text in headers[values: .uploadChecksum] {
            try add(.uploadChecksum) { () throws(Complaint) in try DigestSet(uploadChecksum: text) }
        }
    }

    /// Adds what a field states.
    private mutating func add(
        _ name: HTTPField.Name, _ read: () throws(Complaint) -> DigestSet
    ) throws(Problem) {
        do throws(Complaint) {
            try add(try read())
        } catch {
            throw Problem(.badRequest, "\(name) \(error.text).")
        }
    }
}
