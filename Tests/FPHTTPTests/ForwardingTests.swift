import FPFormats
import FPHTTP
import HTTPTypes
import NIOCore
import Support
import Testing

@Suite("What proxies say of the client")
struct ForwardingTests {
    /// Answers who asks, by which scheme, for which host.
    @Sendable
    private static func tell(_ request: Request) async -> Response {
        .text(.ok, "\(request.clientAddress) \(request.scheme) \(request.authority ?? "-")")
    }

    private func answers(
        to requests: [String], trusting rules: [PeerRule], by fields: ForwardingFields
    ) async throws -> [String] {
        var answers: [String] = []
        try await withServer(
            configure: {
                $0.trustedProxies = TrustedProxies(rules)
                $0.forwardingFields = fields
            }, answering: Self.tell
        ) { address in
            let client = try await RawClient.connect(to: address)
            for fields in requests { answers.append(try await client.exchange(get("/", fields)).text) }
        }
        return answers
    }

    private static func blocks(_ names: String...) -> [PeerRule] {
        names.compactMap { AddressBlock($0).map { .addresses($0) } }
    }

    private static let proxies = blocks("127.0.0.1", "10.0.0.0/8", "fd00::/8")

    @Test(
        "X-Forwarded-For, -Proto and -Host of a trusted proxy count up to the nearest end that is no such proxy",
        arguments: [
            ("", "127.0.0.1 http test"),
            ("X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1 http test"),
            (
                "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.org\r\n",
                "192.0.2.1 https a.org"
            ),
            ("X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n", "192.0.2.1 http test"),
            ("X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.2\r\n", "192.0.2.1 http test"),
            ("X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3 http test"),
            ("X-Forwarded-For: [2001:DB8::1]:4711\r\n", "2001:db8::1 http test"),
            ("X-Forwarded-For: 2001:db8::1, fd00::1\r\n", "2001:db8::1 http test"),
            ("X-Forwarded-For: ::ffff:192.0.2.1\r\n", "192.0.2.1 http test"),
            ("X-Forwarded-For: 192.0.2.1:99\r\n", "192.0.2.1 http test"),
            // What a proxy could not write is nobody's address: not the proxy's own either.
            ("X-Forwarded-For: 6.6.6.6, rubbish\r\n", "unknown http test"),
            ("X-Forwarded-For: 127.0.0.1, unknown\r\n", "unknown http test"),
            // A value for each hop: what the outermost trusted proxy saw counts.
            (
                "X-Forwarded-For: 192.0.2.1, 10.0.0.2\r\nX-Forwarded-Proto: https, http\r\n",
                "192.0.2.1 https test"
            ),
            (
                "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Forwarded-Proto: https, http\r\n",
                "192.0.2.1 http test"
            ),
            ("X-Forwarded-For: 192.0.2.1, 10.0.0.2\r\nX-Forwarded-Proto: https\r\n", "192.0.2.1 https test"),
            ("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: ftp\r\n", "192.0.2.1 http test"),
            ("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: a b\r\n", "192.0.2.1 http test"),
            (
                "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: [2001:db8::1]:8443\r\n",
                "192.0.2.1 http [2001:db8::1]:8443"
            ),
            // The field that these proxies do not write.
            ("Forwarded: for=6.6.6.6;proto=https;host=evil.org\r\n", "127.0.0.1 http test"),
            ("X-Forwarded-For: 192.0.2.1\r\nForwarded: for=6.6.6.6;proto=https\r\n", "192.0.2.1 http test"),
        ])
    func xForwarded(fields: String, answer: String) async throws {
        let answers = try await answers(to: [fields], trusting: Self.proxies, by: .xForwarded)
        #expect(answers == [answer])
    }

    @Test(
        "Forwarded of a trusted proxy counts up to the nearest end that is no such proxy",
        arguments: [
            ("", "127.0.0.1 http test"),
            ("for=192.0.2.1;proto=https;host=a.org;by=10.0.0.1", "192.0.2.1 https a.org"),
            ("For=192.0.2.1 ; PROTO=HTTPS", "192.0.2.1 https test"),
            (#"for="192.0.2.1:4711""#, "192.0.2.1 http test"),
            (#"for="[2001:db8:cafe::17]:4711";host="a.org:8443""#, "2001:db8:cafe::17 http a.org:8443"),
            (#"for="\[2001:db8::1\]""#, "2001:db8::1 http test"),
            (#"for="192.0.2.1:_port""#, "192.0.2.1 http test"),
            ("for=6.6.6.6, for=192.0.2.1", "192.0.2.1 http test"),
            ("for=192.0.2.1;proto=https, for=10.0.0.2;proto=http", "192.0.2.1 https test"),
            ("for=192.0.2.1\r\nForwarded: for=10.0.0.2;proto=http", "192.0.2.1 http test"),
            (",for=192.0.2.1 ,, for=10.0.0.2,", "192.0.2.1 http test"),
            ("for=_hidden.1-a, for=10.0.0.2", "_hidden.1-a http test"),
            ("for=unknown;proto=https", "unknown https test"),
            ("proto=https", "unknown https test"),
            ("for=192.0.2.1;ext=\"a,b;c\"", "192.0.2.1 http test"),
            ("for=192.0.2.1;host=\"a b\";proto=ftp", "192.0.2.1 http test"),
            // What is no list of elements says nothing, not even what a part of it seems to.
            (#"for="6.6.6.6, for=192.0.2.1"#, "unknown http test"),
            (#"for="6.6.6.6\", for=192.0.2.1"#, "unknown http test"),
            ("for=[2001:db8::1]", "unknown http test"),
            (#"for="2001:db8::1""#, "unknown http test"),
            (#"for="[192.0.2.1]""#, "unknown http test"),
            ("for=192.0.2.1;for=6.6.6.6", "unknown http test"),
            ("for = 192.0.2.1", "unknown http test"),
            ("for=192.0.2.1 for=6.6.6.6", "unknown http test"),
            (#"for="192.0.2.1:123456""#, "unknown http test"),
            ("for=", "unknown http test"), ("for", "unknown http test"), ("=", "unknown http test"),
            ("for=_", "unknown http test"), ("for=name", "unknown http test"),
            (#"for="_a b""#, "unknown http test"),
            // The line of the nearest proxy is whole; what is before its client is the client's own.
            ("for=\"broken\r\nForwarded: for=192.0.2.1", "192.0.2.1 http test"),
        ])
    func forwarded(value: String, answer: String) async throws {
        let fields = value.isEmpty ? "" : "Forwarded: \(value)\r\n"
        let spoofed = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.org\r\n"
        let answers = try await answers(to: [fields, fields + spoofed], trusting: Self.proxies, by: .forwarded)
        #expect(answers == [answer, answer])
    }

    @Test("nobody else is believed", arguments: [ForwardingFields.xForwarded, .forwarded])
    func strangers(fields: ForwardingFields) async throws {
        let all =
            "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.org\r\n"
            + "Forwarded: for=6.6.6.6;proto=https;host=a.org\r\n"
        for rules in [[], Self.blocks("10.0.0.0/8", "::1"), [.unixSocket]] {
            let answers = try await answers(to: [all], trusting: rules, by: fields)
            #expect(answers == ["127.0.0.1 http test"])
        }
    }

    @Test("a proxy on a Unix socket is trusted by the word for it, and not by any address")
    func unixSocket() async throws {
        let directory = try TemporaryDirectory()
        for (index, (rules, answer)) in [
            ([.unixSocket], "192.0.2.1 https test"),
            (Self.blocks("0.0.0.0/0", "::/0"), "unix http test"),
            ([], "unix http test"),
        ].enumerated() as EnumeratedSequence<[([PeerRule], String)]> {
            let path = directory.url.path + "/\(index).sock"
            try await withServer(
                configure: {
                    $0.addresses = [.unix(path: path)]
                    $0.trustedProxies = TrustedProxies(rules)
                }, answering: Self.tell
            ) { address in
                let fields = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n"
                let response = try await RawClient.connect(to: address).exchange(get("/", fields))
                #expect(response.text == answer)
            }
        }
    }

    @Test("no bytes in Forwarded make an address that the proxy did not write")
    func mutations() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("Forwarded seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let alphabet = Array(#"for=by;host,"\[]:._6 "#.utf8)
        let requests = (0..<400).map { _ -> String in
            let junk = (0..<Int.random(in: 0...24, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            return "Forwarded: \(String(decoding: junk, as: UTF8.self)), for=192.0.2.1\r\n"
        }
        let answers = try await answers(to: requests, trusting: Self.proxies, by: .forwarded)
        for (request, answer) in zip(requests, answers) {
            #expect(["192.0.2.1 http test", "unknown http test"].contains(answer), "seed \(seed): \(request)")
        }
        #expect(Set(answers).count == 2, "seed \(seed)")
    }
}
