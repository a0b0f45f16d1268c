import FPHTTP
import HTTPTypes
import NIOCore
import Testing

@Suite("Clients that close their side")
struct HalfCloseTests {
    private static let post = "POST / HTTP/1.1\r\nHost: t\r\n"

    @Test(
        "a client that has sent all of its request gets its answer, and then the end of the connection",
        arguments: [
            get("/"), post + "Content-Length: 3\r\n\r\nabc",
            post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ])
    func whole(_ request: String) async throws {
        let isEnded = Watched(false)
        try await withServer(answering: { request in
            _ = try? await isEnded.wait("the client's end") { $0 }
            return await echo(request)
        }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(request)
            try await client.endInput()
            isEnded.change { $0 = true }
            let response = try await client.response()
            #expect(response.status == 200)
            #expect(response.text == (request.hasPrefix("GET") ? "" : "abc"))
            #expect(try await client.waitForClose().bytes.isEmpty)
        }
    }

    @Test("every request that was sent whole before is answered")
    func pipelined() async throws {
        try await withServer(answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(get("/a") + get("/b") + get("/c"))
            try await client.endInput()
            for path in ["/a", "/b", "/c"] {
                #expect(try await client.response().text == "GET \(path)")
            }
            #expect(try await client.waitForClose().bytes.isEmpty)
        }
    }

    @Test("a long answer goes out whole")
    func long() async throws {
        let buffer = ByteBuffer(repeating: 1, count: 64 << 10)
        try await withServer(answering: { _ in
            let left = Watched(64)
            return Response(
                .ok,
                body: .stream(
                    length: nil,
                    next: {
                        left.change { $0 -= 1 }
                        return left.value >= 0 ? buffer : nil
                    }))
        }) { address in
            let client = try await RawClient.connect(to: address, reads: false)
            try await client.send(get("/"))
            try await client.endInput()
            try await client.startReading()
            #expect(try await client.response().body.count == 64 * buffer.readableBytes)
        }
    }

    @Test(
        "a body that ends before its time is cut short at once, and the client is told so",
        arguments: ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
    func cut(_ rest: String) async throws {
        let outcome = Watched<BodyError?>(nil)
        try await withServer(
            configure: { $0.timeouts.bodyIdle = .seconds(3600) },
            answering: { request in
                do throws(BodyError) {
                    _ = try await request.body.collect(upTo: 100)
                } catch {
                    outcome.change { $0 = error }
                    return .text(.badRequest, "cut short")
                }
                return .text(.ok, "")
            }
        ) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(Self.post + rest)
            try await client.endInput()
            let response = try await client.response()
            #expect(response.status == 400)
            #expect(response["Connection"] == "close")
            #expect(try await client.waitForClose().bytes.isEmpty)
            guard case .truncated(received: 3, _) = outcome.value else {
                Issue.record("\(String(describing: outcome.value))")
                return
            }
        }
    }

    @Test("a connection without a request, or with part of a head, closes without a word")
    func nothing() async throws {
        try await withServer(answering: mirror) { address in
            for sent in ["", "GET / HT", get("/") + "GET /"] {
                let client = try await RawClient.connect(to: address)
                try await client.send(sent)
                try await client.endInput()
                if sent.hasPrefix(get("/")) { #expect(try await client.response().status == 200) }
                #expect(try await client.waitForClose().bytes.isEmpty, "\(sent)")
            }
        }
    }
}
