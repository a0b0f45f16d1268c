import Foundation
import Glibc

/// A client that sends exactly the bytes a test wants and reads one answer at a time.
public final class HTTPConnection: @unchecked Sendable {
    // Used by one test step at a time; the steps run on threads of their own, one after the other.
    private let socket: Int32
    private var buffered: [UInt8] = []
    private var recorded: [UInt8] = []

    /// Connects to a port on the loopback interface.
    public init(port: Int, timeout seconds: Int = 60) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw HTTPFailure("no socket: errno \(errno)") }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            let reason = errno
            close(socket)
            throw HTTPFailure("cannot connect to port \(port): errno \(reason)")
        }
    }

    deinit { close(socket) }

    /// Sends bytes as they are.
    public func send(_ bytes: [UInt8]) throws {
        if WireRecording.current != nil { recorded += bytes }
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw HTTPFailure("cannot send: errno \(errno)") }
            sent += count
        }
    }

    /// Sends text as it is.
    public func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    /// Ends the sending direction.
    public func finishSending() {
        shutdown(socket, Int32(SHUT_WR))
    }

    /// Cuts the connection with a reset.
    public func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        shutdown(socket, Int32(SHUT_RDWR))
    }

    /// Reads one answer, skipping `100 Continue`.
    /// - Parameter toHEAD: whether the request was HEAD, whose answer has no body.
    public func readReply(toHEAD: Bool = false) throws -> HTTPReply {
        var head = try readHead()
        while head.hasPrefix("HTTP/1.1 100") { head = try readHead() }
        let reply = try readReply(head, toHEAD: toHEAD)
        WireRecording.current?.add(request: recorded, head: head, body: reply.body)
        recorded = []
        return reply
    }

    private func readReply(_ head: String, toHEAD: Bool) throws -> HTTPReply {
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        let status = Int(lines.removeFirst().split(separator: " ")[1]) ?? 0
        var headers: [(String, String)] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers.append((line[..<colon].lowercased(), String(value)))
        }
        var reply = HTTPReply(status: status, headers: headers, body: [])
        if toHEAD || status == 204 || status == 304 { return reply }
        if let length = reply["content-length"].flatMap({ Int($0) }) {
            reply.body = try read(count: length)
        } else if reply["transfer-encoding"] == "chunked" {
            reply.body = try readChunks()
        } else {
            reply.body = try readToEnd()
        }
        return reply
    }

    /// Whether what comes next is the `100 Continue` with which a server asks for a body; takes it.
    public func readContinue() throws -> Bool { try readHead().hasPrefix("HTTP/1.1 100") }

    /// Whether the server has closed its side, after reading and dropping what was left.
    public func isClosedByServer() -> Bool {
        (try? readToEnd()) != nil
    }

    private func readHead() throws -> String {
        while true {
            if let end = Self.endOfHead(buffered) {
                let head = String(decoding: buffered[..<end], as: UTF8.self)
                buffered.removeFirst(end + 4)
                return head
            }
            guard try fill() else { throw HTTPFailure("the connection ended before an answer") }
        }
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...bytes.count - 4).first {
            bytes[$0] == 13 && bytes[$0 + 1] == 10 && bytes[$0 + 2] == 13 && bytes[$0 + 3] == 10
        }
    }

    private func read(count: Int) throws -> [UInt8] {
        while buffered.count < count {
            guard try fill() else { throw HTTPFailure("the body ended after \(buffered.count) of \(count) bytes") }
        }
        let body = Array(buffered[..<count])
        buffered.removeFirst(count)
        return body
    }

    private func readChunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            var line: [UInt8] = []
            repeat { line.append(try read(count: 1)[0]) } while line.suffix(2) != [13, 10]
            let digits = String(decoding: line.prefix { $0 != 59 && $0 != 13 }, as: UTF8.self)
            guard let size = Int(digits, radix: 16) else { throw HTTPFailure("bad chunk size \(digits)") }
            body += try read(count: size)
            _ = try read(count: 2)
            if size == 0 { return body }
        }
    }

    private func readToEnd() throws -> [UInt8] {
        while try fill() {}
        defer { buffered = [] }
        return buffered
    }

    private func fill() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(socket, &chunk, chunk.count, 0)
        guard count >= 0 else { throw HTTPFailure("cannot receive: errno \(errno)") }
        buffered.append(contentsOf: chunk[..<count])
        return count > 0
    }
}

/// Why a request got no answer.
public struct HTTPFailure: Error, CustomStringConvertible {
    /// What happened.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// An answer.
public struct HTTPReply: Sendable {
    /// The status code.
    public let status: Int
    /// Names in lower case and values, in order.
    public let headers: [(String, String)]
    /// The body.
    public fileprivate(set) var body: [UInt8]

    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The first value of a header.
    public subscript(name: String) -> String? {
        headers.first { $0.0 == name }?.1
    }
}

/// One-request connections to a server on the loopback interface.
public struct HTTPClient: Sendable {
    /// The server's port.
    public let port: Int

    /// A client of the server at that port.
    public init(port: Int) {
        self.port = port
    }

    /// Sends one request over a connection of its own and returns the answer.
    @discardableResult
    public func send(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: [UInt8] = []
    ) async throws -> HTTPReply {
        try await onThread { [port] in
            let connection = try HTTPConnection(port: port)
            try connection.send(Self.request(method, target, headers: headers, body: body))
            return try connection.readReply(toHEAD: method == "HEAD")
        }
    }

    /// The bytes of a request with a `Content-Length`.
    public static func request(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: [UInt8] = []
    ) -> [UInt8] {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !body.isEmpty || !["GET", "HEAD"].contains(method) { head += "Content-Length: \(body.count)\r\n" }
        return Array((head + "\r\n").utf8) + body
    }
}

/// Runs a blocking step on a thread of its own. A queue of Dispatch would not do: its threads are those that run Swift's
/// tasks, and enough blocked steps would leave none for the server that they wait for.
public func onThread<Value: Sendable>(_ step: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result(catching: step)) }
    }
}
