import FPHTTP
import NIOCore
import Support
import Testing

@Suite("What requests may be made of")
struct LimitTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let request: String
        let status: Int
        var testDescription: String { name }

        init(_ name: String, _ request: String, _ status: Int) {
            self.name = name
            self.request = request
            self.status = status
        }
    }

    static func fields(_ count: Int, size: Int = 1) -> String {
        (0..<count).map { "X-\($0): \(String(repeating: "v", count: size))\r\n" }.joined()
    }

    static let sizes: [Case] = [
        Case("target within the limit", get("/" + String(repeating: "x", count: (16 << 10) - 1)), 200),
        Case("target over the limit", get("/" + String(repeating: "x", count: 16 << 10)), 414),
        Case("target far over the limit", "GET /" + String(repeating: "x", count: 200 << 10), 414),
        Case("199 fields and Host", get("/", fields(199)), 200),
        Case("200 fields and Host", get("/", fields(200)), 431),
        Case("fields within the limit", get("/", fields(1, size: 65_000)), 200),
        Case("one field over the limit", get("/", fields(1, size: 66 << 10)), 431),
        Case("fields over the limit together", get("/", fields(10, size: 7000)), 431),
        Case("fields far over the limit", "GET / HTTP/1.1\r\nHost: t\r\n" + fields(150, size: 2000), 431),
    ]

    @Test("too much of a head is refused with its own status", arguments: sizes)
    func tooMuch(_ one: Case) async throws {
        try await withServer(answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            #expect(try await client.exchange(one.request).status == one.status)
        }
    }

    /// Where two servers could see different requests in the same bytes, this one sees none. Each is followed by a
    /// request for /smuggled, which must not be served.
    static let smuggling: [Case] = [
        Case(
            "Content-Length and Transfer-Encoding",
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400
        ),
        Case(
            "Transfer-Encoding and Content-Length",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400
        ),
        Case("two lengths", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", 400),
        Case("a length twice", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
        Case("a list of lengths", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0, 0\r\n\r\n", 400),
        Case("a length with a sign", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: +0\r\n\r\n", 400),
        Case("a negative length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n", 400),
        Case("a hexadecimal length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0x0\r\n\r\n", 400),
        Case("no length in the field", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length:\r\n\r\n", 400),
        Case("a length with a space", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0 0\r\n\r\n", 400),
        Case(
            "a length over 63 bits",
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9223372036854775808\r\n\r\n", 400
        ),
        Case(
            "a length over 64 bits",
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 18446744073709551616\r\n\r\n", 400
        ),
        Case("an unknown coding", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        Case(
            "chunked not last", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        Case(
            "gzip and chunked", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        Case(
            "chunked twice",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400
        ),
        Case(
            "chunked twice in one field",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        Case("an empty coding", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
        Case("a coding of blanks", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: \t \r\n\r\n", 400),
        Case("an empty coding, no body", "GET / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding:\r\n\r\n", 400),
        Case("only a comma", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: ,\r\n\r\n0\r\n\r\n", 400),
        Case(
            "an empty coding before chunked",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: , chunked\r\n\r\n0\r\n\r\n", 400),
        Case(
            "an empty field and chunked",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        Case(
            "chunked and an empty field",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
        Case(
            "chunked with a parameter",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 400),
        Case(
            "a coding that only looks like chunked",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chun\u{212A}ed\r\n\r\n0\r\n\r\n", 400),
        Case("identity", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: identity\r\n\r\n", 400),
        Case(
            "an empty coding and a length",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding:\r\nContent-Length: 0\r\n\r\n", 400),
        Case("chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        Case("a space before the colon", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length : 0\r\n\r\n", 400),
        Case("a folded field", "GET / HTTP/1.1\r\nHost: t\r\nX-A: b\r\n c\r\n\r\n", 400),
        Case("a folded coding", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
        Case("NUL in a value", "GET / HTTP/1.1\r\nHost: t\r\nX-A: b\u{0}c\r\n\r\n", 400),
        Case("NUL in a name", "GET / HTTP/1.1\r\nHost: t\r\nX\u{0}A: b\r\n\r\n", 400),
        Case("a bare CR in a value", "GET / HTTP/1.1\r\nHost: t\r\nX-A: b\rContent-Length: 3\r\n\r\n", 400),
        Case("bare line feeds", "GET / HTTP/1.1\nHost: t\n\n", 505),
        Case("a field without a name", "GET / HTTP/1.1\r\nHost: t\r\n: b\r\n\r\n", 400),
        Case("a line that is no field", "GET / HTTP/1.1\r\nHost: t\r\nrubbish\r\n\r\n", 400),
        Case("two hosts", "GET / HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n", 400),
        Case("no host", "GET / HTTP/1.1\r\n\r\n", 400),
        Case("another version", "GET / HTTP/2.0\r\nHost: t\r\n\r\n", 505),
        Case("HTTP/2 by surprise", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        Case("no version, which is HTTP/0.9", "GET /\r\nHost: t\r\n\r\n", 505),
        Case("a TLS hello", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}", 400),
        Case("a space in the target", "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        Case("a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        Case("a method of our own", "FROBNICATE / HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    ]

    @Test("what could be read in two ways is refused, and nothing behind it is served", arguments: smuggling)
    func ambiguous(_ one: Case) async throws {
        let served = Watched<[String]>([])
        try await withServer(answering: { request in
            served.change { $0.append(request.path.description) }
            return await echo(request)
        }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(one.request + get("/smuggled"))
            let response = try await client.response()
            #expect(response.status == one.status)
            #expect(response.body.last == UInt8(ascii: "\n"))
            // Refusals whose framing is certain leave the connection open; then what follows is a request of its own.
            let isFramed = ["two hosts", "no host"].contains(one.name)
            if !isFramed {
                #expect(response["Connection"] == "close")
                #expect(try await client.waitForClose().bytes.isEmpty)
            }
            #expect(served.value.isEmpty || isFramed)
        }
    }

    static let chunks: [Case] = [
        Case("no size", "\r\nabc", 400),
        Case("a negative size", "-1\r\nabc\r\n", 400),
        Case("a size with 0x", "0x3\r\nabc\r\n", 400),
        Case("a size with a space before", " 3\r\nabc\r\n", 400),
        Case("a size with a space behind", "3 \r\nabc\r\n", 400),
        Case("a size over 64 bits", "10000000000000000\r\nabc\r\n", 400),
        Case("a chunk without its end", "3\r\nabcd\r\n", 400),
        Case("a chunk that ends in a line feed", "3\r\nabc\n0\r\n\r\n", 400),
        Case("a size that ends in a line feed", "3\nabc\r\n0\r\n\r\n", 400),
        Case("a bare CR in an extension", "3;a=\rb\r\nabc\r\n0\r\n\r\n", 400),
    ]

    @Test("broken chunks end the body with an error, and nothing behind them is served", arguments: chunks)
    func brokenChunks(_ one: Case) async throws {
        let served = Watched(0)
        try await withServer(answering: { request in
            served.change { $0 += 1 }
            return await echo(request)
        }) { address in
            let client = try await RawClient.connect(to: address)
            let head = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
            try await client.send(head + one.request + "0\r\n\r\n" + get("/smuggled"))
            let response = try await client.response()
            #expect(response.status == one.status)
            #expect(response["Connection"] == "close")
            _ = try await client.waitForClose()
            #expect(served.value == 1)
        }
    }

    @Test("random bytes never do more than end their connection")
    func garbage() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("HTTP garbage seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let sound = Array(
            (get("/a", "X-A: b\r\n")
                + "POST /b HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").utf8)
        try await withServer(configure: { $0.timeouts.head = .seconds(2) }, answering: echo) { address in
            for _ in 0..<200 {
                var bytes = sound
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                let client = try await RawClient.connect(to: address)
                try? await client.send(bytes)
                try? await client.close()
            }
            #expect(try await RawClient.connect(to: address).exchange(get("/")).status == 200, "seed \(seed)")
        }
    }
}
