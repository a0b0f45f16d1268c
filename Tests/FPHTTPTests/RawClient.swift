import HTTPTypes
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// How long any condition in these tests may take to come true.
let deadline = Duration.seconds(60)

struct TimedOut: Error, CustomStringConvertible {
    let what: String
    var description: String { "timed out waiting for \(what)" }
}

/// Runs `work`, and throws if it is not done by the deadline.
func withDeadline<Result: Sendable>(
    _ what: String,
    _ work: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: deadline)
            throw TimedOut(what: what)
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else {
            throw TimedOut(what: what)
        }
        return result
    }
}

/// A value that tests wait for.
final class Watched<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var lastKey = 0
        var waiters: [Int: (isMet: @Sendable (Value) -> Bool, continuation: CheckedContinuation<Void, Never>)] = [:]
    }

    private let state: Mutex<State>

    init(_ value: Value) {
        state = Mutex(State(value: value))
    }

    var value: Value { state.withLock(\.value) }

    func change(_ change: @Sendable (inout Value) -> Void) {
        let met = state.withLock { state in
            change(&state.value)
            let keys = state.waiters.filter { $0.value.isMet(state.value) }.map(\.key)
            return keys.compactMap { state.waiters.removeValue(forKey: $0)?.continuation }
        }
        for continuation in met {
            continuation.resume()
        }
    }

    /// Returns the value once it meets the condition.
    @discardableResult
    func wait(_ what: String, until isMet: @escaping @Sendable (Value) -> Bool) async throws -> Value {
        try await withDeadline(what) {
            let key = self.state.withLock { state in
                state.lastKey += 1
                return state.lastKey
            }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = self.state.withLock { state in
                        if isMet(state.value) || Task.isCancelled {
                            return true
                        }
                        state.waiters[key] = (isMet, continuation)
                        return false
                    }
                    if isReady {
                        continuation.resume()
                    }
                }
            } onCancel: {
                self.state.withLock { $0.waiters.removeValue(forKey: key) }?.continuation.resume()
            }
        }
        return value
    }
}

/// The client's side of a socket, byte by byte.
final class RawClient: Sendable {
    struct Incoming: Sendable {
        var bytes: [UInt8] = []
        var isClosed = false
        var wasReset = false
        var error = ""
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let incoming: Watched<Incoming>

        init(_ incoming: Watched<Incoming>) {
            self.incoming = incoming
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            incoming.change { $0.bytes += bytes }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if event as? ChannelEvent == .inputClosed {
                incoming.change { $0.isClosed = true }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            let text = "\(error)"
            incoming.change {
                $0.wasReset = true
                $0.error += text + " "
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            incoming.change { $0.isClosed = true }
        }
    }

    private let channel: any Channel
    let incoming: Watched<Incoming>

    private init(_ channel: any Channel, _ incoming: Watched<Incoming>) {
        self.channel = channel
        self.incoming = incoming
    }

    /// - Parameters:
    ///   - reads: Whether what comes is read at once; ``startReading()`` does it later.
    ///   - preface: What is sent before anything else, outside of TLS.
    ///   - tls: Speaks TLS from there on.
    static func connect(
        to address: SocketAddress, reads: Bool = true, preface: [UInt8] = [], tls: TLSConfiguration? = nil
    ) async throws -> RawClient {
        let incoming = Watched(Incoming())
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(incoming))
                }
            }
            .connect(to: address).get()
        if !preface.isEmpty { try await channel.writeAndFlush(ByteBuffer(bytes: preface)).get() }
        if let tls {
            let context = try NIOSSLContext(configuration: tls)
            try await channel.eventLoop.submit {
                let handler = try NIOSSLClientHandler(context: context, serverHostname: "one.test")
                try channel.pipeline.syncOperations.addHandler(handler, position: .first)
            }.get()
        }
        return RawClient(channel, incoming)
    }

    /// Sends text with `\r\n` at the end of each line that has none.
    func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    /// Sends bytes, and returns when the kernel has them.
    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func startReading() async throws {
        try await channel.setOption(.autoRead, value: true).get()
    }

    func stopReading() async throws {
        try await channel.setOption(.autoRead, value: false).get()
    }

    /// Ends the client's side of the connection only.
    func endInput() async throws {
        try await channel.close(mode: .output).get()
    }

    func close() async throws {
        try await channel.close().get()
    }

    /// The next response; it has to be complete.
    func response(toHEAD isHead: Bool = false) async throws -> RawResponse {
        let incoming = try await incoming.wait("a response") {
            RawResponse.parse($0.bytes, toHEAD: isHead, isClosed: $0.isClosed) != nil || $0.isClosed
        }
        guard let (response, length) = RawResponse.parse(incoming.bytes, toHEAD: isHead, isClosed: incoming.isClosed)
        else {
            throw Incomplete(text: String(decoding: incoming.bytes.prefix(400), as: UTF8.self))
        }
        self.incoming.change { $0.bytes.removeFirst(length) }
        return response
    }

    /// Waits for the server to close, or half-close.
    func waitForClose() async throws -> Incoming {
        try await incoming.wait("the connection to close", until: \.isClosed)
    }

    /// Sends a request and returns its response.
    func exchange(_ text: String, toHEAD isHead: Bool = false) async throws -> RawResponse {
        try await send(text)
        return try await response(toHEAD: isHead)
    }
}

struct Incomplete: Error, CustomStringConvertible {
    let text: String
    var description: String { "the connection closed within a response: \(text)" }
}

/// A response as it came.
struct RawResponse: Sendable {
    let statusLine: String
    let fields: [(name: String, value: String)]
    let body: [UInt8]

    var status: Int { Int(statusLine.split(separator: " ")[1]) ?? 0 }
    var text: String { String(decoding: body, as: UTF8.self) }

    subscript(name: String) -> String? {
        let values = fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    /// Reads one response from the front of `bytes`; nil if it is not all there.
    static func parse(_ bytes: [UInt8], toHEAD isHead: Bool, isClosed: Bool) -> (RawResponse, length: Int)? {
        guard let end = index(of: "\r\n\r\n", in: bytes[...]) else {
            return nil
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let fields = lines.dropFirst().map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (String(line[..<colon]), line[colon...].dropFirst().drop { $0 == " " }.description)
        }
        let head = RawResponse(statusLine: String(lines[0]), fields: fields, body: [])
        let rest = bytes[(end + 4)...]
        let framed: (body: [UInt8], length: Int)?
        if isHead || head.status < 200 || head.status == 204 || head.status == 304 {
            framed = ([], 0)
        } else if head["Transfer-Encoding"] == "chunked" {
            framed = chunked(rest)
        } else if let length = head["Content-Length"].flatMap({ Int($0) }) {
            framed = rest.count < length ? nil : (Array(rest.prefix(length)), length)
        } else {
            framed = isClosed ? (Array(rest), rest.count) : nil
        }
        return framed.map {
            (RawResponse(statusLine: head.statusLine, fields: fields, body: $0.body), end + 4 + $0.length)
        }
    }

    private static func chunked(_ bytes: ArraySlice<UInt8>) -> (body: [UInt8], length: Int)? {
        var body: [UInt8] = []
        var rest = bytes
        while let end = index(of: "\r\n", in: rest),
            let size = Int(String(decoding: rest[rest.startIndex..<end], as: UTF8.self), radix: 16)
        {
            rest = rest[(end + 2)...]
            guard rest.count >= size + 2 else {
                return nil
            }
            body += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
            if size == 0 {
                return (body, rest.startIndex - bytes.startIndex)
            }
        }
        return nil
    }

    private static func index(of text: String, in bytes: ArraySlice<UInt8>) -> Int? {
        let pattern = Array(text.utf8)
        var index = bytes.startIndex
        while let first = bytes[index...].firstIndex(of: pattern[0]) {
            if bytes[first...].starts(with: pattern) {
                return first
            }
            index = first + 1
        }
        return nil
    }
}
