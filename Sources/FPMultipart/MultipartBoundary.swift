import FPFormats

/// What separates the parts of a body (RFC 2046, section 5.1.1).
public struct MultipartBoundary: Sendable, Equatable {
    /// The boundary without the dashes before it.
    let text: String

    /// Takes a boundary: 1 to 70 of the characters that RFC 2046 allows, the last of them no space.
    public init(_ text: String) throws(MultipartError) {
        guard (1...70).contains(text.utf8.count), text.utf8.last != UInt8(ascii: " "),
            text.utf8.allSatisfy(Self.isAllowed)
        else {
            throw .badBoundary
        }
        self.text = text
    }

    /// Takes the boundary from a `Content-Type: multipart/form-data; boundary=...` (RFC 7578, section 4.1).
    ///
    /// The quotes around a boundary may be missing even where RFC 2045 wants them.
    public init(contentType: String) throws(MultipartError) {
        var scanner = ParameterScanner(contentType)
        guard scanner.leadingValue().asciiLowercased() == "multipart/form-data" else {
            throw .notMultipart
        }
        var boundary: String?
        while let parameter = try Self.parameter(&scanner) {
            guard parameter.name == "boundary" else {
                continue
            }
            guard boundary == nil else {
                throw .badBoundary
            }
            boundary = parameter.value
        }
        guard let boundary else {
            throw .badBoundary
        }
        try self.init(boundary)
    }

    private static func parameter(
        _ scanner: inout ParameterScanner
    ) throws(MultipartError) -> (name: String, value: String)? {
        do {
            return try scanner.next()
        } catch {
            throw .badBoundary
        }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default:
            "'()+_,-./:=? ".utf8.contains(byte)
        }
    }
}
