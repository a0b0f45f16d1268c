import FPHTTP
import HTTPTypes
import NIOCore
import Testing

@Suite("Connections")
struct ConnectionTests {
    @Test("a connection serves many requests, also after answers that are errors")
    func keepsAlive() async throws {
        try await withServer(answering: { request in
            request.path.segments[0] == "missing" ? .text(.notFound, "no") : await mirror(request)
        }) { address in
            let client = try await RawClient.connect(to: address)
            #expect(try await client.exchange(get("/a")).text == "GET /a")
            #expect(try await client.exchange(get("/missing")).status == 404)
            #expect(try await client.exchange(get("/%zz")).status == 400)
            #expect(try await client.exchange(get("/a/../b")).status == 400)
            #expect(try await client.exchange("GET / HTTP/1.1\r\n\r\n").status == 400)
            #expect(try await client.exchange(get("/" + String(repeating: "x", count: 17 << 10))).status == 414)
            #expect(
                try await client.exchange("POST /%zz HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc").status == 400
            )
            #expect(try await client.exchange(get("/b")).text == "GET /b")
        }
    }

    @Test("requests sent at once are answered one at a time and in order")
    func pipelines() async throws {
        let running = Watched((now: 0, most: 0))
        try await withServer(answering: { request in
            running.change {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            let response = await echo(request)
            running.change { $0.now -= 1 }
            return Response(
                .ok, headers: [HTTPField.Name(constant: "X-Path"): request.path.description], body: response.body)
        }) { address in
            let client = try await RawClient.connect(to: address)
            var text = ""
            for index in 0..<500 {
                text += "POST /\(index) HTTP/1.1\r\nHost: t\r\nContent-Length: \(index % 7)\r\n\r\n"
                text += String(repeating: "x", count: index % 7)
            }
            try await client.send(text)
            for index in 0..<500 {
                let response = try await client.response()
                #expect(response["X-Path"] == "/\(index)")
                #expect(response.body.count == index % 7)
            }
            #expect(running.value.most == 1)
        }
    }

    @Test("a broken request behind a good one is answered after it, and ends the connection")
    func pipelinedGarbage() async throws {
        try await withServer(answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(get("/a") + "rubbish\r\n\r\n" + get("/b"))
            #expect(try await client.response().text == "GET /a")
            let second = try await client.response()
            #expect(second.status == 400)
            #expect(second["Connection"] == "close")
            #expect(try await client.waitForClose().bytes.isEmpty)
        }
    }

    @Test("thousands of requests in one burst end the connection, not the server")
    func flood() async throws {
        let isReleased = Watched(false)
        try await withServer(answering: { request in
            if request.path.segments[0] == "slow" {
                _ = try? await isReleased.wait("the test's word") { $0 }
            }
            return await mirror(request)
        }) { address in
            let client = try await RawClient.connect(to: address)
            // A large body makes the server read in large pieces; the burst comes with its end.
            let body = String(repeating: "x", count: 200_000)
            try await client.send("POST /slow HTTP/1.1\r\nHost: t\r\nContent-Length: 200000\r\n\r\n" + body)
            let burst = Array(String(repeating: "GET / HTTP/1.1\r\nHost: t\r\n\r\n", count: 10_000).utf8)
            async let sent: Void? = try? client.send(burst)
            let other = try await RawClient.connect(to: address)
            for _ in 0..<50 {
                #expect(try await other.exchange(get("/")).status == 200)
            }
            isReleased.change { $0 = true }
            #expect(try await client.response().text == "POST /slow")
            for _ in 0..<10_000 {
                #expect(try await client.response().text == "GET /")
            }
            _ = await sent
        }
    }

    @Test("HTTP/1.0 gets one answer, or more if it asks for them")
    func http10() async throws {
        try await withServer(answering: mirror) { address in
            let once = try await RawClient.connect(to: address)
            let response = try await once.exchange("GET /old HTTP/1.0\r\n\r\n")
            #expect(response.text == "GET /old")
            #expect(response["Connection"] == "close")
            _ = try await once.waitForClose()
            let more = try await RawClient.connect(to: address)
            for _ in 0..<2 {
                let response = try await more.exchange("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                #expect(response["Connection"] == "keep-alive")
            }
        }
    }

    @Test("Connection: close is heeded, from the client and from the handler")
    func closes() async throws {
        try await withServer(answering: { request in
            var response = await mirror(request)
            if request.path.segments[0] == "end" {
                response.headers[.connection] = "close"
            }
            return response
        }) { address in
            for request in [get("/a", "Connection: close\r\n"), get("/end")] {
                let client = try await RawClient.connect(to: address)
                #expect(try await client.exchange(request)["Connection"] == "close")
                _ = try await client.waitForClose()
            }
        }
    }

    @Test("a request to switch protocols is answered as it is, and ends the connection")
    func upgrade() async throws {
        try await withServer(answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            let upgrade = get("/a", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n")
            let response = try await client.exchange(upgrade)
            #expect(response.text == "GET /a")
            #expect(response["Connection"] == "close")
            let tunnel = try await RawClient.connect(to: address)
            #expect(try await tunnel.exchange("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").status == 405)
            _ = try await tunnel.waitForClose()
        }
    }

    @Test("every response has a date, and says who answered")
    func date() async throws {
        try await withServer(answering: mirror) { address in
            let response = try await RawClient.connect(to: address).exchange(get("/"))
            #expect(response["Server"] == "fphost")
            #expect(response["Date"]?.hasSuffix(" GMT") == true)
        }
    }

    @Test("a head that does not come to its end is answered 408")
    func slowHead() async throws {
        try await withServer(configure: { $0.timeouts.head = .seconds(2) }, answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange("GET / HTTP/1.1\r\nHo")
            #expect(response.status == 408)
            _ = try await client.waitForClose()
            let later = try await RawClient.connect(to: address)
            #expect(try await later.exchange(get("/")).status == 200)
            #expect(try await later.exchange("GET / HTTP/1.1\r\nHo").status == 408)
            let silent = try await RawClient.connect(to: address)
            #expect(try await silent.waitForClose().bytes.isEmpty)
        }
    }

    @Test("a connection without a request is closed after a while, without a word")
    func idle() async throws {
        try await withServer(configure: { $0.timeouts.idle = .seconds(1) }, answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            #expect(try await client.exchange(get("/")).status == 200)
            #expect(try await client.waitForClose().bytes.isEmpty)
        }
    }

    @Test("connections beyond the limit wait until others close")
    func connectionLimit() async throws {
        try await withServer(configure: { $0.limits.connections = 2 }, answering: mirror) { address in
            let first = try await RawClient.connect(to: address)
            let second = try await RawClient.connect(to: address)
            #expect(try await first.exchange(get("/1")).status == 200)
            #expect(try await second.exchange(get("/2")).status == 200)
            let third = try await RawClient.connect(to: address)
            try await third.send(get("/3"))
            #expect(try await first.exchange(get("/1")).status == 200)
            #expect(third.incoming.value.bytes.isEmpty)
            try await second.close()
            #expect(try await third.response().text == "GET /3")
        }
    }
}
