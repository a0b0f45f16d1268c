import FPHTTP
import Foundation
import Glibc
import HTTPTypes
import Logging
import NIOCore

/// Reads each body to its end, and answers with what came of it.
private struct Mirror: RequestHandler {
    func respond(to request: Request) async -> Response {
        var (count, hash) = (0, 0 as UInt64)
        var ending = "whole"
        do {
            while let buffers = try await request.body.next() {
                for byte in buffers.flatMap(\.readableBytesView) {
                    (count, hash) = (count + 1, hash &* 31 &+ UInt64(byte))
                }
            }
        } catch {
            ending = "failed"
        }
        let fields = request.headers.map { "\($0.name.rawName)=\($0.value)" }.joined(separator: "&")
        return .text(
            .ok,
            "\(request.clientAddress) \(request.scheme) \(request.authority ?? "none") \(request.method) \(request.path) \(request.query.pairs) \(fields) \(count) \(hash) \(ending)"
        )
    }
}

/// A real server on a Unix socket, and a client that sends any bytes.
private final class Server: Sendable {
    private let path = "/tmp/fphost-fuzz-\(getpid())"
    private let server: HTTPServer

    init() {
        var configuration = HTTPServer.Configuration(addresses: [.unix(path: path)])
        configuration.eventLoops = 1
        configuration.trustedProxies = TrustedProxies([.unixSocket])
        configuration.forwardingFields = .forwarded
        server = HTTPServer(
            configuration: configuration, logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() },
            handler: Mirror())
        let started = DispatchSemaphore(value: 0)
        Task { [server] in
            do { _ = try await server.start() } catch { fatalError("no server: \(error)") }
            started.signal()
        }
        started.wait()
    }

    /// Sends the pieces, ends the sending side, and reads to the end.
    func exchange(_ pieces: some Sequence<ArraySlice<UInt8>>) -> [UInt8] {
        let socket = connected()
        defer { close(socket) }
        for piece in pieces {
            var left = piece
            while !left.isEmpty {
                let count = uninterrupted {
                    left.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                }
                // The server may have seen enough, and closed.
                guard count > 0 else { break }
                left = left.dropFirst(count)
            }
        }
        shutdown(socket, Int32(SHUT_WR))
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = uninterrupted { recv(socket, &buffer, buffer.count, 0) }
            if count < 0, errno == EAGAIN { fatalError("neither an answer nor an end within 20 s") }
            guard count > 0 else { return answer }
            answer += buffer[..<count]
        }
    }

    /// libFuzzer's own alarm interrupts calls.
    private func uninterrupted(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    private func connected() -> Int32 {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard socket >= 0, result == 0 else { fatalError("no connection to the server: errno \(errno)") }
        return socket
    }
}

extension FuzzTarget {
    private static let server = Server()

    /// Connections with any bytes on them: each comes to an end, and the answers are the same however the bytes are cut.
    /// The input is a byte that says where to cut, and what is sent.
    static let http = FuzzTarget("http") { input in
        guard let step = input.first else { return }
        let bytes = input.dropFirst()
        let whole = comparable(server.exchange([bytes]))
        let pieces = stride(from: bytes.startIndex, to: bytes.endIndex, by: 1 + Int(step)).map {
            bytes[$0..<min($0 + 1 + Int(step), bytes.endIndex)]
        }
        let cut = comparable(server.exchange(pieces))
        require(cut == whole, "cut, it is answered\n\(cut)\nand whole\n\(whole)")
    }

    /// Without what differs from time to time.
    private static func comparable(_ answer: [UInt8]) -> String {
        String(decoding: answer, as: UTF8.self).replacing(#/Date: [^\r]*\r\n/#, with: "")
    }
}
