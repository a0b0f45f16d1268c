import FPFormats
import FPHTTP
import NIOCore
import Support
import Testing

@Suite("The PROXY protocol")
struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    /// A header of version 2.
    private static func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 0xFF)] + rest
    }

    private static let ipv4: [UInt8] = [192, 0, 2, 1, 10, 0, 0, 1, 0x10, 0x00, 0x01, 0xBB]
    private static let ipv6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 9, count: 16)
        + [0x10, 0x00, 0x01, 0xBB]
    private static let extensions: [UInt8] = [0x04, 0, 3, 1, 2, 3, 0xE0, 0, 0]

    /// Headers, and what the server then calls the client.
    private static let good: [(header: [UInt8], client: String)] = [
        (Array("PROXY TCP4 192.0.2.1 10.0.0.1 4096 443\r\n".utf8), "192.0.2.1"),
        (Array("PROXY TCP4 192.0.2.1 10.0.0.1 0 65535\r\n".utf8), "192.0.2.1"),
        (Array("PROXY TCP6 2001:db8::1 ::1 4096 443\r\n".utf8), "2001:db8::1"),
        (Array("PROXY TCP6 ::ffff:192.0.2.1 ::1 4096 443\r\n".utf8), "192.0.2.1"),
        (Array("PROXY UNKNOWN\r\n".utf8), "unknown"),
        (Array("PROXY UNKNOWN 192.0.2.1 10.0.0.1 4096 443\r\n".utf8), "unknown"),
        (binary(0x21, 0x11, ipv4), "192.0.2.1"),
        (binary(0x21, 0x11, ipv4 + extensions), "192.0.2.1"),
        (binary(0x21, 0x11, ipv4 + [UInt8](repeating: 7, count: 4084)), "192.0.2.1"),
        (binary(0x21, 0x21, ipv6 + extensions), "2001:db8::1"),
        (binary(0x21, 0x31, [UInt8](repeating: 1, count: 216)), "unknown"),
        (binary(0x21, 0x00, extensions), "unknown"),
        // The proxy's own, which looks whether the server is well.
        (binary(0x20, 0x00, []), "127.0.0.1"),
        (binary(0x20, 0x11, ipv4 + extensions), "127.0.0.1"),
    ]

    /// What is no header, though some of it begins like one.
    private static let bad = badLines.map { Array($0.utf8) } + badBytes

    private static let badLines: [String] =
        [
            "GET / HTTP/1.1\r\nHost: t\r\n\r\n", "PROXY\r\n", "PROXY \r\n", "proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 4096 443\n", "PROXY TCP4 192.0.2.1 10.0.0.1 4096\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 4096 443 1\r\n", "PROXY TCP4  192.0.2.1 10.0.0.1 4096 443\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 04096 443\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 4096 65536\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 -1 443\r\n", "PROXY TCP4 192.0.2 10.0.0.1 4096 443\r\n",
            "PROXY TCP4 2001:db8::1 ::1 4096 443\r\n", "PROXY TCP6 192.0.2.1 10.0.0.1 4096 443\r\n",
            "PROXY UDP4 192.0.2.1 10.0.0.1 4096 443\r\n",
            "PROXY UNKNOWN " + String(repeating: "x", count: 93),
        ]

    private static let badBytes: [[UInt8]] =
        [
            binary(0x11, 0x11, ipv4), binary(0x22, 0x11, ipv4), binary(0x21, 0x11, Array(ipv4.dropLast())),
            binary(0x21, 0x21, ipv4), binary(0x21, 0x12, ipv4), binary(0x21, 0x41, ipv4),
            binary(0x21, 0x11, [UInt8](repeating: 0, count: 4097)),
            Array(signature.dropLast()) + [11],
        ]

    private func withProxied(
        by proxies: [PeerRule] = [AddressBlock("127.0.0.1")].compactMap { $0.map { .addresses($0) } },
        _ work: (SocketAddress) async throws -> Void
    ) async throws {
        try await withServer(
            configure: { $0.proxyProtocol = TrustedProxies(proxies) },
            answering: { .text(.ok, "\($0.clientAddress) \($0.remoteAddress?.ipAddress ?? "-")") }, work)
    }

    @Test("the header says whose connection it is, in however many pieces it comes", arguments: [1, 2])
    func clients(requests: Int) async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("PROXY splits seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var pieces: [[[UInt8]]] = []
        for (header, _) in Self.good {
            var rest = header[...] + Array(String(repeating: get("/"), count: requests).utf8)
            var cut: [[UInt8]] = []
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...64, using: &random))
                cut.append(Array(piece))
                rest = rest.dropFirst(piece.count)
            }
            pieces.append(cut)
        }
        try await withProxied { address in
            for ((_, client), cut) in zip(Self.good, pieces) {
                let raw = try await RawClient.connect(to: address)
                for piece in cut { try await raw.send(piece) }
                for _ in 0..<requests {
                    let text = try await raw.response().text
                    #expect(text == "\(client) \(client == "unknown" ? "-" : client)", "seed \(seed)")
                }
                try await raw.close()
            }
        }
    }

    @Test("a connection of such a proxy without a header is closed at once, unanswered", arguments: bad)
    func refusals(bytes: [UInt8]) async throws {
        try await withProxied { address in
            let raw = try await RawClient.connect(to: address)
            try? await raw.send(bytes + Array(get("/").utf8))
            let end = try await raw.incoming.wait("the end") { $0.isClosed || $0.wasReset }
            #expect(end.bytes.isEmpty)
        }
    }

    @Test("a header that does not come to its end ends with the time for a head")
    func silence() async throws {
        try await withServer(
            configure: {
                $0.proxyProtocol = TrustedProxies([AddressBlock("127.0.0.1")].compactMap(\.self))
                $0.timeouts.head = .milliseconds(200)
            }, answering: mirror
        ) { address in
            for start in ["", "PROXY TCP4 192.0.2.1"] {
                let raw = try await RawClient.connect(to: address)
                if !start.isEmpty { try await raw.send(start) }
                #expect(try await raw.waitForClose().bytes.isEmpty)
            }
        }
    }

    @Test("nobody else's header is read", arguments: ["10.0.0.0/8", "::1"])
    func strangers(block: String) async throws {
        let rules = [AddressBlock(block)].compactMap { $0.map { PeerRule.addresses($0) } } + [.unixSocket]
        try await withProxied(by: rules) { address in
            for (header, _) in Self.good {
                let raw = try await RawClient.connect(to: address)
                try await raw.send(header + Array(get("/").utf8))
                let response = try await raw.response()
                #expect(response.status == 400 || response.status == 505)
                _ = try await raw.waitForClose()
            }
            let response = try await RawClient.connect(to: address).exchange(get("/"))
            #expect(response.text == "127.0.0.1 127.0.0.1")
        }
    }

    @Test("no bytes in the place of a header do more than end their connection")
    func mutations() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("PROXY mutations seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var inputs: [[UInt8]] = []
        for _ in 0..<300 {
            var bytes = (Self.good.randomElement(using: &random) ?? Self.good[0]).header
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            inputs.append(bytes)
        }
        try await withProxied { address in
            for bytes in inputs {
                let raw = try await RawClient.connect(to: address)
                try? await raw.send(bytes + Array(get("/").utf8))
                try? await raw.close()
            }
            let raw = try await RawClient.connect(to: address)
            let response = try await raw.exchange("PROXY TCP4 192.0.2.1 10.0.0.1 4096 443\r\n" + get("/"))
            #expect(response.text == "192.0.2.1 192.0.2.1", "seed \(seed)")
        }
    }

    @Test("the header comes before TLS")
    func encrypted() async throws {
        let files = try CertificateFiles()
        try await withServer(
            configure: {
                $0.addresses = [.tls(host: "127.0.0.1", port: 0)]
                $0.tls = files.paths
                $0.proxyProtocol = TrustedProxies([AddressBlock("127.0.0.1")].compactMap(\.self))
            }, answering: { .text(.ok, "\($0.clientAddress) \($0.scheme)") }
        ) { address in
            let raw = try await RawClient.connect(
                to: address, preface: Self.binary(0x21, 0x11, Self.ipv4), tls: TestCertificate.one.client())
            let response = try await raw.exchange(get("/"))
            #expect(response.text == "192.0.2.1 https")
        }
    }
}
