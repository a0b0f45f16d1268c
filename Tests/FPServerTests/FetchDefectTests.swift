import FPFetch
import FPFormats
import FPHTTP
import FPServer
import Foundation
import Glibc
import HTTPTypes
import Logging
import NIOCore
import Support
import Synchronization
import Testing

/// A server that answers by a closure and counts what it is asked.
private final class CountingServer: RequestHandler {
    private let asked = Mutex<[String]>([])
    private let answer: @Sendable (String) -> Response

    init(_ answer: @escaping @Sendable (String) -> Response) { self.answer = answer }

    /// What was asked for, as in `GET /path`.
    var requests: [String] { asked.withLock(\.self) }

    func respond(to request: Request) async -> Response {
        asked.withLock { $0.append("\(request.method) \(request.path)") }
        return answer(request.path.description)
    }

    static func text(_ text: String) -> Response {
        Response(.ok, headers: [.contentType: "text/plain"], body: .bytes(ByteBuffer(string: text)))
    }
}

/// What is wrong with the reference's fetch: drf-filepond.md, section 5, item 11. fphost may fetch from 127.0.0.1 here,
/// where the remote server is, and from no other address that is not public; at 127.0.0.2 there is a server that only this
/// machine can reach.
@Suite("what the reference does wrong when it fetches")
struct FetchDefectTests {
    private static let secret = "what only this machine may see"

    private func serving(
        _ handler: CountingServer, on address: String = "127.0.0.1", _ body: (Int) async throws -> Void
    ) async throws {
        let logger = Logger(label: "remote") { _ in SwiftLogNoOpLogHandler() }
        let server = HTTPServer(
            configuration: .init(addresses: [.tcp(host: address, port: 0)]), logger: logger, handler: handler)
        let port = try #require(try await server.start().first?.port)
        try await body(port)
        await server.shutdown(grace: .seconds(1))
    }

    private func fetch(_ method: String, _ url: String, from house: ServerHouse) async throws -> HTTPReply {
        let target = url.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return try await house.send(method, "/fp/fetch/?target=\(target)")
    }

    @Test("reference defect 11: loopback, metadata and private addresses are not fetched from")
    func privateAddresses() async throws {
        let secret = CountingServer { _ in CountingServer.text(Self.secret) }
        try await serving(secret, on: "127.0.0.2") { port in
            try await ServerHouse.with(fetches: true) { house async throws in
                let hosts = [
                    "127.0.0.2", "2130706434", "0x7f000002", "0177.0.0.2", "127.2", "[::ffff:127.0.0.2]", "[::1]",
                    "[64:ff9b::7f00:2]", "[2002:7f00:2::]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "172.16.0.1",
                    "192.168.0.1", "100.64.0.1", "[fd00:ec2::254]", "[fe80::1]",
                ]
                for host in hosts {
                    for method in ["GET", "HEAD"] {
                        let reply = try await fetch(method, "http://\(host):\(port)/", from: house)
                        #expect(reply.status == 403, "\(method) \(host)")
                        #expect(!reply.text.contains(Self.secret))
                    }
                }
                #expect(house.filesOnDisk().isEmpty)
            }
        }
        #expect(secret.requests == [])
    }

    @Test("reference defect 11: a redirect to a loopback address is not followed")
    func redirects() async throws {
        let secret = CountingServer { _ in CountingServer.text(Self.secret) }
        try await serving(secret, on: "127.0.0.2") { port in
            let hosts = ["127.0.0.2:\(port)", "[::1]:\(port)", "2130706434:\(port)", "169.254.169.254", "192.168.0.1"]
            let first = CountingServer { path in
                let place = Int(path.dropFirst()).map { "http://\(hosts[$0])/" } ?? "/0"
                return Response(.found, headers: [.location: place])
            }
            try await serving(first) { firstPort in
                try await ServerHouse.with(fetches: true) { house async throws in
                    for path in (0..<hosts.count).map(String.init) + ["by-way-of-another"] {
                        for method in ["GET", "HEAD"] {
                            let reply = try await fetch(method, "http://127.0.0.1:\(firstPort)/\(path)", from: house)
                            #expect(reply.status == 403, "\(method) \(path)")
                            #expect(!reply.text.contains(Self.secret))
                        }
                    }
                }
            }
        }
        #expect(secret.requests == [])
    }

    @Test("reference defect 11: a remote server that does not answer is given up")
    func silence() async throws {
        let silent = try SilentServer()
        try await ServerHouse.with(fetches: true, fetch: { limits, _ in limits.timeout = .milliseconds(300) }) {
            house async throws in
            for method in ["GET", "HEAD"] {
                let reply = try await fetch(method, "http://127.0.0.1:\(silent.port)/a.txt", from: house)
                #expect(reply.status == 504)
            }
            #expect(house.filesOnDisk().isEmpty)
        }
    }

    @Test("reference defect 11: a remote file beyond the limit is refused, announced or not, and nothing of it is kept")
    func size() async throws {
        let remote = CountingServer { path in
            let bytes = ByteBuffer(repeating: 0x61, count: 200_000)
            let isAnnounced = path == "/announced.txt"
            return Response(
                .ok, headers: [.contentType: "text/plain"],
                body: isAnnounced ? .bytes(bytes) : .stream(length: nil, OnePiece(bytes: bytes)))
        }
        try await serving(remote) { port in
            try await ServerHouse.with(fetches: true, fetch: { limits, _ in limits.maxSize = 100_000 }) {
                house async throws in
                for name in ["announced.txt", "unannounced.txt"] {
                    #expect(try await fetch("HEAD", "http://127.0.0.1:\(port)/\(name)", from: house).status == 413)
                }
                #expect(try await fetch("GET", "http://127.0.0.1:\(port)/announced.txt", from: house).status == 413)
                await #expect(throws: HTTPFailure.self) {
                    try await fetch("GET", "http://127.0.0.1:\(port)/unannounced.txt", from: house)
                }
                #expect(house.filesOnDisk().isEmpty)
            }
        }
    }

    @Test("reference defect 11: a list of hosts says what is fetched from")
    func hosts() async throws {
        let remote = CountingServer { _ in CountingServer.text("a file") }
        try await serving(remote) { port in
            try await ServerHouse.with(
                fetches: true,
                fetch: { _, rules in
                    rules.allow = HostList([.name("localhost"), .addresses(try #require(AddressBlock("127.0.0.1")))])
                    rules.hosts = HostList([.name("localhost")])
                }
            ) { house async throws in
                #expect(try await fetch("GET", "http://127.0.0.1:\(port)/a.txt", from: house).status == 403)
                #expect(try await fetch("GET", "http://localhost:\(port)/b.txt", from: house).text == "a file")
            }
        }
        #expect(remote.requests == ["GET /b.txt"])
    }

    @Test("reference defect 11: a remote file is asked for once, so that no two answers can differ")
    func once() async throws {
        let remote = CountingServer { _ in CountingServer.text("a file") }
        try await serving(remote) { port in
            try await ServerHouse.with(fetches: true) { house async throws in
                for method in ["GET", "HEAD"] {
                    #expect(
                        try await fetch(method, "http://127.0.0.1:\(port)/\(method).txt", from: house).status == 200)
                }
            }
        }
        #expect(remote.requests == ["GET /GET.txt", "GET /HEAD.txt"])
    }

    @Test("reference defect 11: the text of an error tells nothing of ports, addresses and names")
    func errors() async throws {
        let secret = CountingServer { _ in CountingServer.text(Self.secret) }
        try await serving(secret, on: "127.0.0.2") { port in
            try await ServerHouse.with(fetches: true) { house async throws in
                // Of private addresses: a port that is open, one that is closed, and a host that is not there.
                var refused: Set<String> = []
                for authority in ["127.0.0.2:\(port)", "127.0.0.2:1", "10.255.255.1:1"] {
                    let reply = try await fetch("GET", "http://\(authority)/", from: house)
                    refused.insert("\(reply.status) \(reply.text)")
                }
                #expect(refused.count == 1)
                // Of others: a port that is closed, a name that is not there, and no TLS.
                var unreachable: Set<String> = []
                for url in ["http://127.0.0.1:1/", "http://name.invalid/", "https://127.0.0.1:\(house.client.port)/"] {
                    let reply = try await fetch("GET", url, from: house)
                    unreachable.insert("\(reply.status) \(reply.text)")
                }
                #expect(unreachable.count == 1)
                #expect(unreachable.first?.contains("502") == true)
            }
        }
    }
}

/// A body whose length is not announced.
private struct OnePiece: AsyncSequence, Sendable {
    let bytes: ByteBuffer

    func makeAsyncIterator() -> AsyncStream<ByteBuffer>.Iterator {
        AsyncStream { continuation in
            continuation.yield(bytes)
            continuation.finish()
        }.makeAsyncIterator()
    }
}

/// An address where connections come about, and nobody says anything.
private final class SilentServer: Sendable {
    let port: UInt16
    private let listener: CInt

    init() throws {
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, address, &size) == 0
            }
        }
        try #require(isListening)
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(listener) }
}
