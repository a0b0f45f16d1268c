/// The status and the header fields of a response (RFC 9110 sections 15 and 6.3), collected from the lines that libcurl
/// hands over: those of interim responses and trailers among them, which do not count.
package struct ResponseHead: Sendable {
    /// What is known after a line.
    enum Progress {
        case more
        /// It was the last line of the final response's head.
        case complete
        /// The response cannot be used, for this reason.
        case failed(String)
    }

    /// The status; 0 before there is one.
    package private(set) var status = 0
    /// The lines of its fields in their order: names in lower case, values without the white space around them.
    package private(set) var fields: [(name: String, value: [UInt8])] = []
    /// Whether the line before this one was a field, which this one may go on with.
    private var mayFold = false
    private var isInside = false
    private var isComplete = false
    private var size = 0

    /// In bytes, far above real heads. It bounds all heads and trailers of a request together, so that a server cannot
    /// send interim responses without end.
    private static let longest = 64 * 1024

    /// An empty head.
    package init() {}

    /// The values of a field, one for each of its lines.
    /// - Parameter name: in lower case.
    package func values(of name: String) -> [[UInt8]] {
        fields.lazy.filter { $0.name.utf8.elementsEqual(name.utf8) }.map(\.value)
    }

    mutating func append(_ line: UnsafeRawBufferPointer) -> Progress {
        size += line.count
        guard size <= Self.longest else { return .failed("its head is longer than \(Self.longest) bytes") }
        // What follows now is the trailer section of a chunked body.
        if isComplete { return .more }

        var bytes = line[...]
        while bytes.last == 0x0a || bytes.last == 0x0d { bytes.removeLast() }
        if !isInside {
            return start(bytes)
        } else if bytes.isEmpty {
            isInside = false
            isComplete = status >= 200
            return isComplete ? .complete : .more
        }
        addField(bytes)
        return .more
    }

    private mutating func start(_ line: Slice<UnsafeRawBufferPointer>) -> Progress {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard parts.count >= 2, parts[0].starts(with: "HTTP/".utf8), parts[1].count == 3,
            let status = Int(String(decoding: parts[1], as: UTF8.self)), status >= 100
        else { return .failed("it does not begin with an HTTP status line") }
        self.status = status
        fields = []
        mayFold = false
        isInside = true
        return .more
    }

    private mutating func addField(_ line: Slice<UnsafeRawBufferPointer>) {
        if Self.isBlank(line.first) {
            // An obsolete line folding (RFC 9112 section 5.2) goes on with the field before it.
            if mayFold { fields[fields.count - 1].value += [UInt8(ascii: " ")] + Self.trimmed(line) }
            return
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":"))
        mayFold = colon != nil
        guard let colon else { return }
        let name = line[..<colon].map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
        fields.append((String(decoding: name, as: UTF8.self), Self.trimmed(line[colon...].dropFirst())))
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        var bytes = bytes.drop(while: isBlank)
        while isBlank(bytes.last) { bytes.removeLast() }
        return Array(bytes)
    }

    private static func isBlank(_ byte: UInt8?) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
