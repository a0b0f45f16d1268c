import FPFormats
import FPHTTP
import NIOCore
import Support
import Testing

@Suite("Connections of one address")
struct AddressLimitTests {
    private static let loopback = [AddressBlock("127.0.0.1")].compactMap(\.self)

    /// Whether a new connection is served; it is kept open.
    private func connect(to address: SocketAddress, as client: String? = nil) async throws -> RawClient? {
        let raw = try await RawClient.connect(to: address)
        let preface = client.map { "PROXY TCP\($0.contains(":") ? 6 : 4) \($0) \($0) 1 1\r\n" } ?? ""
        try? await raw.send(preface + get("/"))
        return (try? await raw.response())?.status == 200 ? raw : nil
    }

    @Test("one more than an address may have is closed, unanswered, until another one ends")
    func limit() async throws {
        try await withServer(configure: { $0.limits.connectionsPerAddress = 2 }, answering: mirror) { address in
            let first = try #require(try await connect(to: address))
            let second = try #require(try await connect(to: address))
            let third = try await connect(to: address)
            #expect(third == nil)
            try await first.close()
            var next: RawClient?
            let end = ContinuousClock.now + deadline
            while next == nil, ContinuousClock.now < end { next = try await connect(to: address) }
            #expect(next != nil)
            let again = try await second.exchange(get("/a"))
            #expect(again.status == 200)
        }
    }

    @Test("a trusted proxy has no limit, and by the PROXY protocol each of its clients has one")
    func proxies() async throws {
        let proxies = TrustedProxies(Self.loopback)
        try await withServer(
            configure: {
                $0.limits.connectionsPerAddress = 1
                $0.trustedProxies = proxies
            }, answering: mirror
        ) { address in
            for _ in 0..<3 { _ = try #require(try await connect(to: address)) }
        }
        try await withServer(
            configure: {
                $0.limits.connectionsPerAddress = 1
                $0.proxyProtocol = proxies
            }, answering: mirror
        ) { address in
            var open: [RawClient] = []
            for (client, isServed) in [
                ("192.0.2.1", true), ("192.0.2.2", true), ("192.0.2.1", false), ("2001:db8::1", true),
                ("2001:db8::2", false), ("2001:db8:0:1::1", true),
            ] {
                let raw = try await connect(to: address, as: client)
                #expect((raw != nil) == isServed, "\(client)")
                if let raw { open.append(raw) }
            }
            #expect(open.count == 4)
        }
    }

    @Test("how large a head may be is the server's to say")
    func heads() async throws {
        try await withServer(
            configure: {
                $0.limits.headers = 1024
                $0.limits.target = 1024
            }, answering: mirror
        ) { address in
            for (request, status) in [
                (get("/", "X: " + String(repeating: "v", count: 900) + "\r\n"), 200),
                (get("/", "X: " + String(repeating: "v", count: 1100) + "\r\n"), 431),
                (get("/" + String(repeating: "x", count: 1100)), 414),
            ] {
                let response = try await RawClient.connect(to: address).exchange(request)
                #expect(response.status == status)
            }
        }
    }
}
