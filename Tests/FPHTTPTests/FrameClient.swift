import NIOCore
import NIOHPACK
import NIOSSL
import Synchronization

/// The client's side of a connection of HTTP/2, frame by frame (RFC 9113, section 4), so that it can break every rule.
final class FrameClient: Sendable {
    enum Kind: UInt8, Sendable {
        case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    struct Frame: Sendable {
        let kind: Kind?
        let flags: UInt8
        let stream: Int
        /// Where its content is among the bytes that came.
        let content: Range<Int>

        var endsStream: Bool { (kind == .data || kind == .headers) && flags & 1 != 0 }
    }

    /// What came back on a stream.
    struct Answer: Sendable {
        var status = 0
        var interim: [Int] = []
        var fields: [(name: String, value: String)] = []
        var body: [UInt8] = []
        var isWhole = false
        /// The code that the stream was reset with.
        var reset: UInt32?

        var text: String { String(decoding: body, as: UTF8.self) }

        subscript(name: String) -> String? {
            fields.first { $0.name == name }?.value
        }
    }

    static let initialWindow = 65_535
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private struct State {
        var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
        /// How many frames' fields are in `answers`.
        var count = 0
        var answers: [Int: Answer] = [:]
        var sent: [Int: Int] = [:]
    }

    let raw: RawClient
    private let state = Mutex(State())

    /// - Parameters:
    ///   - window: Bytes of credit for each stream, and more for all of them.
    ///   - greets: Whether it sends its preface, and acknowledges the server's settings.
    init(to address: SocketAddress, window: Int = 1 << 30, greets: Bool = true) async throws {
        var tls = try TestCertificate.one.client()
        tls.applicationProtocols = ["h2"]
        raw = try await RawClient.connect(to: address, tls: tls)
        guard greets else { return }
        try await raw.send(Self.preface)
        try await send(.settings, content: [0, 4] + Self.bytes(UInt32(window)))
        try await send(.windowUpdate, content: Self.bytes(1 << 30))
        _ = try await raw.incoming.wait("the server's settings") {
            Self.frames($0.bytes).contains { $0.kind == .settings }
        }
        try await send(.settings, flags: 1)
    }

    // MARK: Sending

    func send(_ kind: Kind, flags: UInt8 = 0, stream: Int = 0, content: [UInt8] = []) async throws {
        try await raw.send(Self.frame(kind, flags: flags, stream: stream, content: content))
    }

    static func frame(_ kind: Kind, flags: UInt8 = 0, stream: Int = 0, content: [UInt8] = []) -> [UInt8] {
        Array(bytes(UInt32(content.count)).dropFirst()) + [kind.rawValue, flags] + bytes(UInt32(stream)) + content
    }

    static func bytes(_ number: UInt32) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    /// Fields without any compression (RFC 7541, section 6.2.2).
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { name, value in [0] + text(name) + text(value) }
    }

    private static func text(_ text: String) -> [UInt8] {
        var length = text.utf8.count
        guard length >= 127 else { return [UInt8(length)] + text.utf8 }
        var bytes: [UInt8] = [127]
        length -= 127
        while length >= 128 {
            bytes.append(UInt8(length % 128 + 128))
            length /= 128
        }
        return bytes + [UInt8(length)] + text.utf8
    }

    static func head(_ method: String, _ path: String, _ fields: [(String, String)] = []) -> [UInt8] {
        block([(":method", method), (":scheme", "https"), (":path", path), (":authority", "test")] + fields)
    }

    /// Begins a request; with `ends` it is all of it.
    func begin(
        _ method: String = "GET", _ path: String, _ fields: [(String, String)] = [], stream: Int, ends: Bool = true
    ) async throws {
        try await send(.headers, flags: ends ? 5 : 4, stream: stream, content: Self.head(method, path, fields))
    }

    /// Sends as much as the server gives credit for, and waits for more of it until all is out.
    func upload(_ bytes: [UInt8], stream: Int, ends: Bool = true) async throws {
        var rest = bytes[...]
        repeat {
            let sent = state.withLock { (stream: $0.sent[stream] ?? 0, all: $0.sent[0] ?? 0) }
            let needed = rest.isEmpty ? 0 : 1
            let incoming = try await raw.incoming.wait("credit to send") {
                let credit = Self.credit($0.bytes, stream: stream)
                return min(credit.stream - sent.stream, credit.all - sent.all) >= needed || $0.isClosed
            }
            guard !incoming.isClosed else { throw Incomplete(text: "an upload") }
            let credit = Self.credit(incoming.bytes, stream: stream)
            let count = min(credit.stream - sent.stream, credit.all - sent.all, 16_384, rest.count)
            state.withLock {
                $0.sent[stream] = sent.stream + count
                $0.sent[0] = sent.all + count
            }
            let piece = Array(rest.prefix(count))
            rest = rest.dropFirst(count)
            try await send(.data, flags: rest.isEmpty && ends ? 1 : 0, stream: stream, content: piece)
        } while !rest.isEmpty
    }

    // MARK: What comes

    static func frames(_ bytes: [UInt8]) -> [Frame] {
        var frames: [Frame] = []
        var start = 0
        while bytes.count >= start + 9 {
            let length = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            let content = start + 9..<start + 9 + length
            guard bytes.count >= content.upperBound else { break }
            frames.append(
                Frame(
                    kind: Kind(rawValue: bytes[start + 3]), flags: bytes[start + 4],
                    stream: Int(number(bytes[(start + 5)...]) & 0x7FFF_FFFF), content: content))
            start = content.upperBound
        }
        return frames
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Bytes that the server has given credit for so far, by stream and for all.
    static func credit(_ bytes: [UInt8], stream: Int) -> (stream: Int, all: Int) {
        var credit = (stream: initialWindow, all: initialWindow)
        for frame in frames(bytes) where frame.kind == .windowUpdate {
            let increment = Int(number(bytes[frame.content]))
            if frame.stream == 0 { credit.all += increment }
            if frame.stream == stream { credit.stream += increment }
        }
        return credit
    }

    /// What has come on a stream once it is over, or the connection is.
    func answer(_ stream: Int) async throws -> Answer {
        let incoming = try await raw.incoming.wait("the answer on stream \(stream)") { incoming in
            incoming.isClosed
                || Self.frames(incoming.bytes).contains { $0.stream == stream && ($0.endsStream || $0.kind == .reset) }
        }
        return try read(incoming.bytes)[stream] ?? Answer()
    }

    /// A whole exchange.
    func exchange(
        _ method: String = "GET", _ path: String, _ fields: [(String, String)] = [], body: [UInt8]? = nil, stream: Int
    ) async throws -> Answer {
        try await begin(method, path, fields, stream: stream, ends: body == nil)
        if let body { try await upload(body, stream: stream) }
        return try await answer(stream)
    }

    /// The code that the server ends the connection with, once it has.
    func goAway() async throws -> UInt32 {
        let incoming = try await raw.incoming.wait("the end of the connection") {
            $0.isClosed || Self.frames($0.bytes).contains { $0.kind == .goAway }
        }
        guard let frame = Self.frames(incoming.bytes).first(where: { $0.kind == .goAway }) else {
            throw Incomplete(text: "closed without a word")
        }
        return Self.number(incoming.bytes[frame.content.dropFirst(4)])
    }

    /// Fields have to be read in the order in which they came, and once.
    private func read(_ bytes: [UInt8]) throws -> [Int: Answer] {
        let frames = Self.frames(bytes)
        return try state.withLock { state in
            for frame in frames[state.count...] {
                var answer = state.answers[frame.stream] ?? Answer()
                switch frame.kind {
                case .headers:
                    var block = ByteBuffer(bytes: bytes[frame.content])
                    let fields = try state.decoder.decodeHeaders(from: &block)
                    let status = fields.first(name: ":status").flatMap { Int($0) } ?? 0
                    if (100...199).contains(status) {
                        answer.interim.append(status)
                    } else {
                        answer.status = status
                        answer.fields = fields.map { ($0.name, $0.value) }
                    }
                case .data:
                    answer.body += bytes[frame.content]
                case .reset:
                    answer.reset = Self.number(bytes[frame.content])
                default:
                    break
                }
                answer.isWhole = answer.isWhole || frame.endsStream
                state.answers[frame.stream] = answer
            }
            state.count = frames.count
            return state.answers
        }
    }
}
