public import FPFormats

/// What a part says about itself (RFC 7578, section 4).
public struct MultipartPart: Sendable, Equatable {
    /// The form field. May be empty, as HTML allows.
    public let name: String

    /// The file's name as the client gave it, or nil where the part is no file. Not to be trusted: it may be empty,
    /// hold slashes, backslashes and dots, or look like a path.
    public let filename: String?

    /// The content type as the client gave it.
    public let contentType: String?

    /// What is stated of the part's bytes: its Content-Digest (RFC 9530) and Content-MD5 (RFC 1864), which are fields of MIME.
    public let digests: DigestSet

    /// Takes the parts of a header together, for code that makes parts itself.
    public init(name: String, filename: String? = nil, contentType: String? = nil, digests: DigestSet = DigestSet()) {
        self.name = name
        self.filename = filename
        self.contentType = contentType
        self.digests = digests
    }
}

extension MultipartPart {
    /// Reads a part's header: lines that each end in CRLF, without the empty one.
    ///
    /// Names are UTF-8, as browsers send them. In them `%22` is a quote, the one escape of browsers that loses nothing when
    /// undone; `%0D` and `%0A` stay, and so does every other percent sign. `filename*` (RFC 8187) is not allowed in
    /// forms, but some clients send it: it wins where it is UTF-8, and does not count otherwise.
    init(header: ArraySlice<UInt8>, limit: Int) throws(MultipartError) {
        var disposition: String?
        var contentType: String?
        var digests: [String] = []
        var contentMD5: [String] = []
        var count = 0
        var rest = header
        while !rest.isEmpty {
            guard let end = rest.firstIndex(of: UInt8(ascii: "\r")), rest[(end + 1)...].first == UInt8(ascii: "\n")
            else {
                throw .brokenHeader
            }
            count += 1
            guard count <= limit else {
                throw .tooManyHeaders(limit: limit)
            }
            let (name, value) = try Self.field(rest[..<end])
            rest = rest[(end + 2)...]
            switch name {
            case "content-disposition":
                guard disposition == nil else {
                    throw .badDisposition
                }
                disposition = value
            case "content-type":
                guard contentType == nil else {
                    throw .brokenHeader
                }
                contentType = value
            case "content-transfer-encoding":
                guard ["7bit", "8bit", "binary"].contains(value.asciiLowercased()) else {
                    throw .encoded
                }
            case "content-digest":
                digests.append(value)
            case "content-md5":
                contentMD5.append(value)
            default:
                break
            }
        }
        guard let disposition else {
            throw .badDisposition
        }
        (name, filename) = try Self.names(disposition)
        self.contentType = contentType
        self.digests = try Self.stated(digests, contentMD5: contentMD5)
    }

    private static func stated(_ digests: [String], contentMD5: [String]) throws(MultipartError) -> DigestSet {
        do throws(Complaint) {
            var stated = try DigestSet(field: digests)
            for text in contentMD5 { try stated.add(try DigestSet(contentMD5: text)) }
            return stated
        } catch {
            throw .badDigest(error)
        }
    }

    private static func field(_ line: ArraySlice<UInt8>) throws(MultipartError) -> (name: String, value: String) {
        // Browsers send the control characters of a file's name as they are, but for the ends of lines. A line that begins
        // with a space is the folding of RFC 2822.
        guard line.allSatisfy({ $0 != 0 && $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }),
            let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else {
            throw .brokenHeader
        }
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        var value = line[(colon + 1)...].drop(while: isSpace)
        while let last = value.last, isSpace(last) {
            value.removeLast()
        }
        guard let text = String(validating: value, as: UTF8.self) else {
            throw .notUTF8
        }
        return (String(decoding: line[..<colon], as: UTF8.self).asciiLowercased(), text)
    }

    private static func names(_ disposition: String) throws(MultipartError) -> (name: String, filename: String?) {
        var scanner = ParameterScanner(disposition)
        guard scanner.leadingValue().asciiLowercased() == "form-data" else {
            throw .badDisposition
        }
        var found: [TextKey: String] = [:]
        while let parameter = try scanner.next() {
            guard found.updateValue(parameter.value, forKey: TextKey(parameter.name)) == nil else {
                throw .brokenParameter
            }
        }
        guard let name = found[TextKey("name")] else {
            throw .missingName
        }
        let extended = found[TextKey("filename*")].flatMap(extendedValue)
        return (unescaped(name), extended ?? found[TextKey("filename")].map(unescaped))
    }

    private static func unescaped(_ value: String) -> String {
        var rest = value.utf8[...]
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), rest.starts(with: "22".utf8) else {
                bytes.append(byte)
                continue
            }
            bytes.append(UInt8(ascii: "\""))
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads `UTF-8'language'percent-encoded`; nil for anything else (RFC 8187, section 3.2.1).
    private static func extendedValue(_ value: String) -> String? {
        guard let (charset, tagged) = value.cut(at: "'"), let (_, text) = tagged.cut(at: "'"),
            charset.asciiLowercased() == "utf-8"
        else {
            return nil
        }
        let (bytes, isBroken) = PercentEncoding.decoded(text.utf8)
        guard !isBroken, bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            return nil
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
