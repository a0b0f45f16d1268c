import FPCurl
import FPFormats

/// What to do about a response, once its head is there.
enum Verdict {
    /// The body is the file, but for a coding to be undone.
    case accept(FetchResponse.Head, ContentDecoder.Coding?)
    case follow(RemoteURL)
    case refuse(FetchError)

    /// - Parameters:
    ///   - head: The complete head of the response.
    ///   - url: What was requested.
    ///   - asked: What the client asked for, before any redirect.
    ///   - maxSize: The largest body in bytes, as it is sent.
    init(_ head: ResponseHead, from url: RemoteURL, asked: RemoteURL, maxSize: UInt64) {
        do throws(FetchError) {
            switch head.status {
            case 200, 203:
                self = try Self.file(head, from: url, asked: asked, maxSize: maxSize)
            case 301, 302, 303, 307, 308:
                self = .follow(try Self.target(head, from: url))
            case 404, 410:
                throw FetchError(.notFound, detail: "the answer is \(head.status)")
            default:
                throw FetchError(.upstreamStatus(head.status), detail: "the answer is \(head.status)")
            }
        } catch {
            self = .refuse(error)
        }
    }

    private static func target(_ head: ResponseHead, from url: RemoteURL) throws(FetchError) -> RemoteURL {
        guard let location = head.value("location"), !location.isEmpty else {
            throw FetchError(.badRedirect, detail: "the answer is \(head.status) without a Location")
        }
        let target: RemoteURL
        do {
            target = try url.resolving(location)
        } catch {
            throw FetchError(.badRedirect, detail: "the Location of a \(head.status) is not usable: \(error.problem)")
        }
        guard url.scheme == .http || target.scheme == .https else {
            throw FetchError(.badRedirect, detail: "a \(head.status) leads from https to \(target.withoutQuery)")
        }
        return target
    }

    private static func file(
        _ head: ResponseHead,
        from url: RemoteURL,
        asked: RemoteURL,
        maxSize: UInt64
    ) throws(FetchError) -> Verdict {
        // libcurl would undo transfer codings unasked, and a few bytes can unfold to millions.
        if let coding = head.list("transfer-encoding").first(where: { $0 != "chunked" && $0 != "identity" }) {
            throw FetchError(.unsupportedEncoding, detail: "the Transfer-Encoding is \(coding.debugDescription)")
        }
        let coding = try coding(head)
        let type = head.value("content-type").map(RemoteName.latin1)
        if let type, isWebPage(type), !namesWebPage(url), !namesWebPage(asked) {
            throw FetchError(.html, detail: "the Content-Type is \(type.debugDescription)")
        }
        let name = RemoteName.suggested(contentDisposition: head.value("content-disposition"), url: url)
        let undone = coding == .gzip && name.map(isCompressed) == true ? nil : coding
        let length = try length(head, maxSize: maxSize)
        return .accept(
            FetchResponse.Head(
                finalURL: url.description,
                status: head.status,
                contentType: type.flatMap(printable),
                contentLength: undone == nil ? length : nil,
                fileName: name
            ), undone)
    }

    /// The coding of the body. Many servers use one although they are asked for none.
    private static func coding(_ head: ResponseHead) throws(FetchError) -> ContentDecoder.Coding? {
        let codings = head.list("content-encoding").filter { $0 != "identity" }
        switch codings.first {
        case nil: return nil
        // The two are the same (RFC 9110 section 8.4.1.3).
        case "gzip" where codings.count == 1, "x-gzip" where codings.count == 1: return .gzip
        case "deflate" where codings.count == 1: return .deflate
        default: throw FetchError(.unsupportedEncoding, detail: "the Content-Encoding is \(codings)")
        }
    }

    /// Whether a file is gzip by its name. Servers that say so in `Content-Encoding` mean the file, as browsers know.
    private static func isCompressed(_ name: String) -> Bool {
        let name = name.asciiLowercased()
        return [".gz", ".tgz", ".svgz"].contains { name.ends(with: $0) }
    }

    /// The announced length of the body; nil if there is none to go by.
    private static func length(_ head: ResponseHead, maxSize: UInt64) throws(FetchError) -> UInt64? {
        // A chunked body has no other length (RFC 9112 section 6.3).
        guard head.list("transfer-encoding").isEmpty else { return nil }
        let lengths = Set(head.list("content-length"))
        guard let text = lengths.first else { return nil }
        guard lengths.count == 1, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw FetchError(.badResponse, detail: "the Content-Length is no one number: \(lengths.sorted())")
        }
        // Digits that are no UInt64 are a length beyond any limit.
        guard let length = UInt64(text), length <= maxSize else {
            throw FetchError(.tooLarge, detail: "the Content-Length is \(text), the limit \(maxSize)")
        }
        return length
    }

    private static func isWebPage(_ contentType: String) -> Bool {
        let ends = Array(";, \t".utf8)
        let media = Substring(contentType.utf8.prefix { !ends.contains($0) }).asciiLowercased()
        return media == "text/html" || media == "application/xhtml+xml"
    }

    private static func namesWebPage(_ url: RemoteURL) -> Bool {
        let path = url.path.asciiLowercased()
        return [".html", ".htm", ".xhtml"].contains { path.ends(with: $0) }
    }

    /// A field value that can be passed on; one that is unusually long or holds control characters cannot.
    private static func printable(_ value: String) -> String? {
        let isPrintable = value.utf8.count <= 255 && value.utf8.allSatisfy { (0x20..<0x7f).contains($0) || $0 == 0x09 }
        return isPrintable && !value.isEmpty ? value : nil
    }
}

extension ResponseHead {
    /// The first value of a field.
    fileprivate func value(_ name: String) -> [UInt8]? { values(of: name).first }

    /// The elements of a list-based field (RFC 9110 section 5.6.1) in lower case, empty ones left out.
    fileprivate func list(_ name: String) -> [String] {
        values(of: name)
            .flatMap { $0.split(separator: UInt8(ascii: ",")) }
            .map { RemoteName.latin1($0).trimmingBlanks().asciiLowercased() }
            .filter { !$0.isEmpty }
    }
}
