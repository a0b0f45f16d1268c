import FPFormats
import FPHTTP
import HTTPTypes

extension HTTPField.Name {
    /// `Upload-Offset`: where the bytes of a chunk begin, and where those of the next one are to begin.
    static let uploadOffset = HTTPField.Name(constant: "Upload-Offset")

    /// `Upload-Length`: how long the file is.
    static let uploadLength = HTTPField.Name(constant: "Upload-Length")

    /// `Upload-Name`: what the file is called.
    static let uploadName = HTTPField.Name(constant: "Upload-Name")

    /// `X-Content-Transfer-Id`: the id of the upload that *fetch* made.
    static let contentTransferID = HTTPField.Name(constant: "X-Content-Transfer-Id")
}

/// What FilePond says of a chunk in header fields.
enum FilePondHeaders {
    /// A number of bytes: digits and nothing else (no sign, no fraction, no list), up to the largest 64-bit number.
    /// - Returns: `nil` if the field is absent or empty.
    static func byteCount(_ name: HTTPField.Name, in headers: HTTPFields) throws(Problem) -> UInt64? {
        let lines = headers[values: name]
        guard let line = lines.first, !line.isEmpty else { return nil }
        guard lines.count == 1, line.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = UInt64(line) else {
            throw Problem(.badRequest, "\(name) must be a number of bytes.")
        }
        return value
    }

    /// Whether a body of that type is a chunk's bytes. Some gateways send the type as they would a query's value.
    static func isChunkType(_ type: String?) -> Bool {
        guard let type else { return true }
        let decoded = PercentEncoding.decoded(type.utf8).bytes
        let plain = String(decoding: decoded, as: UTF8.self)
        return plain == "application/offset+octet-stream" || plain == "application/octet-stream"
    }

    /// That a body of this type is not taken, in the words of django-drf-filepond.
    static func unsupported(_ headers: HTTPFields) -> Problem {
        let type = headers[values: .contentType].first ?? ""
        return Problem(.unsupportedMediaType, "Unsupported media type \"\(type.prefix(100))\" in request.")
    }
}
