import FPFormats

/// Collects the lines of a response's head as libcurl hands them over: interim responses, folded lines and
/// trailers included.
struct ResponseHead {
    /// What a line led to.
    enum Progress {
        case more
        case complete
        case failed(FetchError)
    }

    private(set) var status = 0
    private var fields: [Name: [[UInt8]]] = [:]
    private var current: Name?
    private var isInside = false
    private var isComplete = false
    private var size = 0

    /// The fields that a fetch looks at.
    enum Name: String {
        case contentDisposition = "content-disposition"
        case contentEncoding = "content-encoding"
        case contentLength = "content-length"
        case contentType = "content-type"
        case location
        case transferEncoding = "transfer-encoding"
    }

    /// Real heads stay far below. It is for all heads of a request together, so that interim responses without
    /// end come to an end.
    private static let longest = 64 * 1024

    mutating func append(_ line: some Collection<UInt8>) -> Progress {
        size += line.count
        guard size <= Self.longest else {
            return .failed(FetchError(.badResponse, detail: "its head is longer than \(Self.longest) bytes"))
        }
        // What follows now is the trailer section of a chunked body.
        if isComplete { return .more }

        var bytes = Array(line)
        while bytes.last == 0x0a || bytes.last == 0x0d { bytes.removeLast() }
        if !isInside {
            return start(bytes)
        } else if bytes.isEmpty {
            isInside = false
            isComplete = status >= 200
            return isComplete ? .complete : .more
        }
        field(bytes)
        return .more
    }

    private mutating func start(_ line: [UInt8]) -> Progress {
        let parts = line.split(separator: 0x20, maxSplits: 2)
        guard parts.count >= 2, parts[0].starts(with: "HTTP/".utf8), parts[1].count == 3,
            let status = Int(String(decoding: parts[1], as: UTF8.self)), status >= 100
        else { return .failed(FetchError(.badResponse, detail: "it does not begin with an HTTP status line")) }
        self.status = status
        fields = [:]
        current = nil
        isInside = true
        return .more
    }

    private mutating func field(_ line: [UInt8]) {
        if line.first == 0x20 || line.first == 0x09 {
            // An obsolete line folding (RFC 9112 section 5.2) goes on with the field before it.
            guard let current, var values = fields[current], let last = values.popLast() else { return }
            fields[current] = values + [last + [0x20] + Self.trimmed(line[...])]
            return
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        current = Name(rawValue: RemoteName.latin1(line[..<colon]).asciiLowercased())
        guard let current else { return }
        fields[current, default: []].append(Self.trimmed(line[colon...].dropFirst()))
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var bytes = bytes.drop { $0 == 0x20 || $0 == 0x09 }
        while bytes.last == 0x20 || bytes.last == 0x09 { bytes.removeLast() }
        return Array(bytes)
    }
}

extension ResponseHead {
    /// The first value of a field.
    func value(_ name: Name) -> [UInt8]? {
        fields[name]?.first
    }

    /// The elements of a list-based field (RFC 9110 section 5.6.1) in lower case, empty ones left out.
    func list(_ name: Name) -> [String] {
        (fields[name] ?? [])
            .flatMap { $0.split(separator: UInt8(ascii: ",")) }
            .map { RemoteName.latin1(Self.trimmed($0)).asciiLowercased() }
            .filter { !$0.isEmpty }
    }
}
