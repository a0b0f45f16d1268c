import FPFormats
import FPHTTP
import NIOHTTP1

/// What FilePond says of a chunk in header fields.
enum FilePondHeaders {
    /// A number of bytes: digits and nothing else (no sign, no fraction, no list), up to the largest 64-bit number.
    /// - Returns: `nil` if the field is absent or empty.
    static func byteCount(_ name: String, in headers: HTTPHeaders) throws(Problem) -> UInt64? {
        let lines = headers[name]
        guard let line = lines.first, !line.isEmpty else { return nil }
        guard lines.count == 1, line.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = UInt64(line) else {
            throw Problem(.badRequest, "\(name) must be a number of bytes.")
        }
        return value
    }

    /// The media type of the body in lower case, without its parameters; `nil` if the request does not say.
    static func mediaType(of headers: HTTPHeaders) -> String? {
        guard let line = headers["Content-Type"].first else { return nil }
        let type = line.parts(at: ";")[0].trimmingBlanks().asciiLowercased()
        return type.isEmpty ? nil : type
    }

    /// Whether a body of that type is a chunk's bytes. Some gateways send the type as they would a query's value.
    static func isChunkType(_ type: String?) -> Bool {
        guard let type else { return true }
        let decoded = PercentEncoding.decode(Array(type.utf8)[...], plusIsSpace: false).bytes
        let plain = String(decoding: decoded, as: UTF8.self)
        return plain == "application/offset+octet-stream" || plain == "application/octet-stream"
    }

    /// That a body of this type is not taken, in the reference's words.
    static func unsupported(_ headers: HTTPHeaders) -> Problem {
        let type = headers["Content-Type"].first ?? ""
        return Problem(.unsupportedMediaType, "Unsupported media type \"\(type.prefix(100))\" in request.")
    }
}
