import NIOCore

/// What a parser finds, in the order of the body: for each part its beginning, its bytes in any number of pieces and
/// its end; then the end of the form.
public enum MultipartEvent: Sendable, Equatable {
    /// A part begins.
    case partBegin(MultipartPart)
    /// Bytes of the part; never empty. They share the memory of the buffer they came in.
    case bytes(ByteBuffer)
    /// The part is complete.
    case partEnd
    /// The form is complete. Whatever follows is dropped (RFC 2046 calls it the epilogue).
    case end
}

/// A streaming parser of multipart/form-data (RFC 7578; RFC 2046, section 5.1).
///
/// Buffers go in as they come, events come out; the bytes of files are never copied. Cuts between buffers make no
/// difference. Lines end in CRLF and nothing else. Once it has thrown it throws the same for ever.
///
///     var parser = MultipartParser(boundary: try MultipartBoundary(contentType: type))
///     while let buffers = try await body.next() {
///         parser.append(buffers)
///         while let event = try parser.next() { ... }
///     }
///     try parser.finish()
public struct MultipartParser: Sendable {
    /// What a client may send apart from its files' bytes. How many parts there may be is for the caller to say.
    public struct Limits: Sendable {
        /// Bytes of one part's header.
        public var headerBytes = 16 << 10
        /// Fields of one part's header.
        public var headers = 16
        /// Bytes before the first boundary.
        public var preamble = 16 << 10
        /// Spaces and tabs between a boundary and the end of its line.
        public var padding = 128

        /// The defaults.
        public init() {}
    }

    private enum State {
        case preamble
        /// After a boundary; what follows says whether it begins a part or ends the form.
        case delimited
        case header
        case content
        case done
        case failed(MultipartError)
    }

    private static let lineEnd = "\r\n".utf8.count

    private let limits: Limits
    /// CRLF, two dashes and the boundary. CR stands nowhere but in front, so where a match breaks off, nothing within
    /// what did match can be the start of another.
    private let delimiter: ByteBuffer
    private let search: DelimiterSearch

    private var state = State.preamble
    private var input = CircularBuffer<ByteBuffer>()
    /// Bytes of the delimiter that have matched so far, their end being the end of the input.
    private var matched = lineEnd
    /// How many of these were never in the input: the line's end before the delimiter is implied at the beginning of
    /// the body, and the one that ends a header counts for an empty part.
    private var implied = lineEnd
    /// Bytes of the preamble, or of the padding behind a boundary, so far.
    private var skipped = 0
    private var header: [UInt8] = []

    /// A parser for one body.
    public init(boundary: MultipartBoundary, limits: Limits = Limits()) {
        self.limits = limits
        delimiter = ByteBuffer(string: "\r\n--" + boundary.text)
        search = DelimiterSearch(Array(delimiter.readableBytesView))
    }

    /// Adds input.
    public mutating func append(_ buffer: ByteBuffer) {
        if buffer.readableBytes > 0 {
            input.append(buffer)
        }
    }

    /// Adds input.
    public mutating func append(_ buffers: some Sequence<ByteBuffer>) {
        for buffer in buffers {
            append(buffer)
        }
    }

    /// The next event; nil when the input so far holds no more.
    public mutating func next() throws(MultipartError) -> MultipartEvent? {
        do throws(MultipartError) {
            while !input.isEmpty {
                if let event = try step() {
                    return event
                }
            }
            if case .failed(let error) = state {
                throw error
            }
            return nil
        } catch {
            input.removeAll()
            state = .failed(error)
            throw error
        }
    }

    /// Ends the input, after the last ``next()``.
    ///
    /// - Throws: ``MultipartError/truncated`` if the form is not complete, or what ``next()`` threw.
    public func finish() throws(MultipartError) {
        switch state {
        case .done: return
        case .failed(let error): throw error
        default: throw .truncated
        }
    }

    /// Takes something off the input's first buffer, which is not empty.
    private mutating func step() throws(MultipartError) -> MultipartEvent? {
        switch state {
        case .preamble: try skipPreamble()
        case .delimited: try readDelimiterEnd()
        case .header: try readHeader()
        case .content: readContent()
        case .done, .failed: dropInput()
        }
    }

    private mutating func dropInput() -> MultipartEvent? {
        input.removeAll()
        return nil
    }
}

extension MultipartParser {
    private enum Found {
        /// Bytes that belong to no delimiter.
        case bytes(ByteBuffer)
        case delimiter
        /// All there is may be part of a delimiter.
        case nothing
    }

    private mutating func skipPreamble() throws(MultipartError) -> MultipartEvent? {
        switch findDelimiter() {
        case .bytes(let bytes):
            skipped += bytes.readableBytes
            if skipped > limits.preamble {
                throw .noBoundary
            }
        case .delimiter:
            beginDelimited()
        case .nothing:
            break
        }
        return nil
    }

    private mutating func readContent() -> MultipartEvent? {
        switch findDelimiter() {
        case .bytes(let bytes):
            return .bytes(bytes)
        case .delimiter:
            beginDelimited()
            return .partEnd
        case .nothing:
            return nil
        }
    }

    private mutating func beginDelimited() {
        state = .delimited
        header = []
        skipped = 0
    }

    /// Splits the first buffer at the delimiter.
    private mutating func findDelimiter() -> Found {
        if matched > 0 {
            return continueDelimiter()
        }
        var buffer = input.removeFirst()
        // The search keeps to the bytes it is given; see there.
        let (free, start) = buffer.withUnsafeReadableBytes { search.split($0) }
        guard free > 0, let bytes = buffer.readSlice(length: free) else {
            buffer.moveReaderIndex(forwardBy: start)
            return advance(start, leaving: buffer)
        }
        if buffer.readableBytes > 0 {
            input.prepend(buffer)
        }
        return .bytes(bytes)
    }

    /// Goes on with a delimiter of which the input so far ended in the first bytes.
    private mutating func continueDelimiter() -> Found {
        var buffer = input.removeFirst()
        let expected = delimiter.readableBytesView.dropFirst(matched)
        let count = min(expected.count, buffer.readableBytes)
        guard buffer.readableBytesView.prefix(count).elementsEqual(expected.prefix(count)) else {
            input.prepend(buffer)
            // No match after all: what was held back is ordinary bytes.
            let held = delimiter.getSlice(at: delimiter.readerIndex + implied, length: matched - implied)
            matched = 0
            implied = 0
            return held.flatMap { $0.readableBytes > 0 ? .bytes($0) : nil } ?? .nothing
        }
        buffer.moveReaderIndex(forwardBy: count)
        return advance(count, leaving: buffer)
    }

    private mutating func advance(_ count: Int, leaving buffer: ByteBuffer) -> Found {
        if buffer.readableBytes > 0 {
            input.prepend(buffer)
        }
        matched += count
        guard matched == delimiter.readableBytes else {
            return .nothing
        }
        matched = 0
        implied = 0
        return .delimiter
    }
}

extension MultipartParser {
    /// Reads what follows a boundary: `--` after the last, else spaces and the line's end. `header` holds the `-` or CR
    /// read so far, as the next byte may be in another buffer.
    private mutating func readDelimiterEnd() throws(MultipartError) -> MultipartEvent? {
        while let byte = readByte() {
            switch (header.first, byte) {
            case (UInt8(ascii: "-"), UInt8(ascii: "-")):
                state = .done
                return .end
            case (nil, UInt8(ascii: "-")), (nil, UInt8(ascii: "\r")):
                header.append(byte)
            case (nil, UInt8(ascii: " ")), (nil, UInt8(ascii: "\t")):
                skipped += 1
                guard skipped <= limits.padding else {
                    throw .brokenDelimiter
                }
            case (UInt8(ascii: "\r"), UInt8(ascii: "\n")):
                header.append(byte)
                state = .header
                return nil
            default:
                throw .brokenDelimiter
            }
        }
        return nil
    }

    private mutating func readByte() -> UInt8? {
        guard !input.isEmpty else {
            return nil
        }
        let byte = input[input.startIndex].readInteger(as: UInt8.self)
        if input[input.startIndex].readableBytes == 0 {
            input.removeFirst()
        }
        return byte
    }

    /// Gathers a header up to its empty line. It begins with the end of the boundary's line, so that a header without
    /// fields ends like any other.
    private mutating func readHeader() throws(MultipartError) -> MultipartEvent? {
        var buffer = input.removeFirst()
        let old = header.count
        let room = limits.headerBytes + 3 * Self.lineEnd - old
        header.append(contentsOf: buffer.readableBytesView.prefix(room))
        guard let end = Self.endOfHeader(header, from: max(0, old - 3)) else {
            guard header.count - old < room else {
                throw .headerTooLong(limit: limits.headerBytes)
            }
            return nil
        }
        buffer.moveReaderIndex(forwardBy: end - old)
        if buffer.readableBytes > 0 {
            input.prepend(buffer)
        }
        let part = try MultipartPart(header: header[Self.lineEnd..<(end - Self.lineEnd)], limit: limits.headers)
        header = []
        state = .content
        matched = Self.lineEnd
        implied = Self.lineEnd
        return .partBegin(part)
    }

    /// Where the empty line after a header ends.
    private static func endOfHeader(_ header: [UInt8], from start: Int) -> Int? {
        var index = start
        while let cr = header[index...].firstIndex(of: UInt8(ascii: "\r")) {
            if header[cr...].starts(with: "\r\n\r\n".utf8) {
                return cr + 4
            }
            index = cr + 1
        }
        return nil
    }
}
