import FPHTTP
import HTTPTypes
import NIOCore
import Testing

@Suite("Request bodies")
struct BodyTests {
    @Test("a body with a length arrives whole, in pieces or at once")
    func contentLength() async throws {
        try await withServer(answering: echo) { address in
            let client = try await RawClient.connect(to: address)
            let whole = try await client.exchange("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello")
            #expect(whole.text == "hello")
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n")
            for byte in "hello".utf8 {
                try await client.send([byte])
            }
            #expect(try await client.response().text == "hello")
        }
    }

    @Test("a chunked body arrives whole, with extensions and trailers ignored")
    func chunked() async throws {
        try await withServer(answering: { request in
            #expect(request.contentLength == (request.method == .post ? nil : 0))
            return await echo(request)
        }) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange(
                "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3\r\nabc\r\n00A;name=value\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n"
            )
            #expect(response.text == "abc0123456789")
            #expect(try await client.exchange(get("/")).status == 200, "the connection goes on")
        }
    }

    @Test("blanks behind a field's value are no part of it", arguments: [" ", "\t", " \t "])
    func trailingBlanks(blanks: String) async throws {
        try await withServer(answering: { request in
            if request.method == .post {
                #expect(request.headers[values: HTTPField.Name(constant: "X-Field")] == ["a value"])
                #expect(request.headers[values: .contentLength] == ["5"])
            }
            return await echo(request)
        }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(
                "POST / HTTP/1.1\r\nHost: t\(blanks)\r\nX-Field: \(blanks)a value\(blanks)\r\n"
                    + "Content-Length: 5  \r\nExpect: 100-continue\(blanks)\r\n\r\n"
            )
            #expect(try await client.response().status == 100)
            try await client.send("hello")
            #expect(try await client.response().text == "hello")
            #expect(try await client.exchange(get("/")).status == 200, "the connection goes on")
        }
    }

    @Test("no body is a body of no bytes, and its end can be read again and again")
    func empty() async throws {
        try await withServer(answering: { request in
            #expect(request.contentLength == 0)
            for _ in 0..<3 {
                let buffers = try? await request.body.next()
                #expect(buffers == .some(nil))
            }
            return .text(.ok, "")
        }) { address in
            let client = try await RawClient.connect(to: address)
            #expect(try await client.exchange(get("/")).status == 200)
            let post = try await client.exchange("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")
            #expect(post.status == 200)
        }
    }

    @Test(
        "what is there can be had without waiting, and the end of a whole body; how any other ends only the reader hears"
    )
    func withoutWaiting() async throws {
        let piece = ByteBuffer(string: "hello")
        let whole = RequestBody([piece])
        #expect(whole.nextWithoutWaiting() == [piece])
        #expect(whole.nextWithoutWaiting() == [])
        #expect(whole.nextWithoutWaiting() == [])
        #expect(try await whole.next() == nil)
        let broken = RequestBody([piece], endingWith: .malformed)
        #expect(broken.nextWithoutWaiting() == [piece])
        #expect(broken.nextWithoutWaiting() == nil)
        await #expect(throws: BodyError.malformed) { try await broken.next() }
        let stopped = RequestBody([piece])
        stopped.stop()
        #expect(stopped.nextWithoutWaiting() == nil)
        await #expect(throws: BodyError.cancelled) { try await stopped.next() }
    }

    @Test("a body that comes later is not waited for, and arrives whole in whichever way it is asked for")
    func bothWays() async throws {
        let isAsked = Watched(false)
        try await withServer(answering: { request in
            var text = ""
            let early = request.body.nextWithoutWaiting()
            #expect(early == nil)
            isAsked.change { $0 = true }
            while let buffers = try? await request.body.next() {
                for buffer in buffers { text += String(buffer: buffer) }
                while let more = request.body.nextWithoutWaiting(), !more.isEmpty {
                    for buffer in more { text += String(buffer: buffer) }
                }
            }
            return .text(.ok, text)
        }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n")
            _ = try await isAsked.wait("the handler") { $0 }
            for _ in 0..<100 { try await client.send("0123456789") }
            #expect(try await client.response().text == String(repeating: "0123456789", count: 100))
        }
    }

    @Test("100 Continue is sent when the handler asks for the body")
    func continues() async throws {
        let isAsked = Watched(false)
        try await withServer(answering: { request in
            _ = try? await isAsked.wait("the test's word") { $0 }
            return await echo(request)
        }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            #expect(client.incoming.value.bytes.isEmpty)
            isAsked.change { $0 = true }
            #expect(try await client.response().status == 100)
            let response = try await client.exchange("ok")
            #expect(response.status == 200)
            #expect(response.text == "ok")
            #expect(try await client.exchange(get("/")).status == 200, "the connection goes on")
        }
    }

    @Test("100 Continue is not sent to a client that does not wait for it, nor to HTTP/1.0")
    func doesNotContinue() async throws {
        try await withServer(answering: echo) { address in
            let eager = try await RawClient.connect(to: address)
            let response = try await eager.exchange(
                "PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok"
            )
            #expect(response.status == 200)
            let old = try await RawClient.connect(to: address)
            try await old.send("PUT / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            #expect(try await old.exchange("ok").status == 200)
        }
    }

    @Test("a handler that refuses without asking for the body never sends 100 Continue, and closes")
    func refusesExpectation() async throws {
        try await withServer(answering: { _ in .text(.payloadTooLarge, "no") }) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange(
                "PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
            )
            #expect(response.status == 413)
            #expect(response["Connection"] == "close")
            _ = try await client.waitForClose()
        }
    }

    @Test("an expectation that cannot be met is answered 417")
    func otherExpectation() async throws {
        try await withServer(answering: echo) { address in
            let client = try await RawClient.connect(to: address)
            #expect(try await client.exchange(get("/", "Expect: the-impossible\r\n")).status == 417)
        }
    }

    @Test("a small body that nobody reads leaves the connection usable")
    func drains() async throws {
        try await withServer(answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            let body = String(repeating: "x", count: 200 << 10)
            try await client.send("POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
            let first = try await client.response()
            #expect(first["Connection"] == nil)
            try await client.send(body)
            #expect(try await client.exchange(get("/b")).text == "GET /b")
        }
    }

    @Test("a client whose large body is refused reads the answer, although it goes on sending")
    func refusesEarly() async throws {
        try await withServer(answering: { _ in .text(.payloadTooLarge, "too large") }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20000000\r\n\r\n")
            for _ in 0..<20 {
                try await client.send(Array(repeating: 7, count: 1_000_000))
            }
            let response = try await client.response()
            #expect(response.status == 413)
            #expect(response.text == "too large")
            #expect(response["Connection"] == "close")
            #expect(try await client.waitForClose().wasReset == false)
        }
    }

    @Test("a handler that stops reading a large body in the middle still gets its answer through")
    func refusesInTheMiddle() async throws {
        try await withServer(answering: { request in
            _ = try? await request.body.next()
            return .text(.unsupportedMediaType, "not this")
        }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20000000\r\n\r\n")
            for _ in 0..<20 {
                try await client.send(Array(repeating: 7, count: 1_000_000))
            }
            #expect(try await client.response().text == "not this")
        }
    }

    @Test("a client that dies gives all bytes that came, then truncated, and does not cancel who reads them")
    func truncated() async throws {
        struct Outcome: Sendable, Equatable {
            var bytes = 0
            var error: BodyError?
            var wasCancelled = false
        }
        let outcome = Watched<Outcome?>(nil)
        let received = Watched(0)
        try await withServer(answering: { request in
            var end = Outcome()
            do throws(BodyError) {
                while let buffers = try await request.body.next() {
                    end.bytes += buffers.reduce(0) { $0 + $1.readableBytes }
                    let bytes = end.bytes
                    received.change { $0 = bytes }
                }
            } catch {
                end.error = error
            }
            end.wasCancelled = Task.isCancelled
            let final = end
            outcome.change { $0 = final }
            return .text(.badRequest, "")
        }) { address in
            for (head, expected) in [("Content-Length: 100", Int64(100)), ("Transfer-Encoding: chunked", nil)] {
                outcome.change { $0 = nil }
                received.change { $0 = 0 }
                let client = try await RawClient.connect(to: address)
                try await client.send(
                    "POST / HTTP/1.1\r\nHost: t\r\n\(head)\r\n\r\n" + (expected == nil ? "32\r\n" : ""))
                try await client.send(String(repeating: "x", count: 40))
                try await received.wait("40 bytes") { $0 == 40 }
                try await client.close()
                let end = try await outcome.wait("the handler's end") { $0 != nil }
                #expect(end == Outcome(bytes: 40, error: .truncated(received: 40, expected: expected)))
            }
        }
    }

    @Test("a body of which nothing comes is too slow")
    func idle() async throws {
        try await withServer(
            configure: { $0.timeouts.bodyIdle = .milliseconds(100) },
            answering: echo
        ) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhel")
            #expect(response.text == "\(BodyError.tooSlow)")
            #expect(response["Connection"] == "close")
            _ = try await client.waitForClose()
        }
    }

    @Test("a body that trickles is too slow")
    func trickle() async throws {
        try await withServer(
            configure: {
                $0.timeouts.bodyIdle = .milliseconds(400)
                $0.limits.minimumBodyRate = 1_000_000
            },
            answering: echo
        ) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 500000\r\n\r\n")
            while client.incoming.value.bytes.isEmpty {
                try await client.send("x")
            }
            #expect(try await client.response().text == "\(BodyError.tooSlow)")
        }
    }

    @Test("time in which the handler does not read is not the client's")
    func pausesTheClock() async throws {
        let isReleased = Watched(false)
        try await withServer(
            configure: {
                $0.timeouts.bodyIdle = .seconds(1)
                $0.timeouts.idle = .seconds(3)
                $0.limits.readAhead = 64 << 10
            },
            answering: { request in
                _ = try? await isReleased.wait("the test's word") { $0 }
                var count = 0
                do throws(BodyError) {
                    while let buffers = try await request.body.next() {
                        count += buffers.reduce(0) { $0 + $1.readableBytes }
                    }
                } catch {
                    return .text(.badRequest, "\(error)")
                }
                return .text(.ok, "\(count)")
            }
        ) { address in
            let client = try await RawClient.connect(to: address)
            let body = Array(repeating: UInt8(7), count: 4_000_000)
            async let sent: Void = client.send(
                Array("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
            )
            // Another connection is closed for idling: that takes far longer than the body may idle.
            _ = try await RawClient.connect(to: address).exchangeThenIdle()
            isReleased.change { $0 = true }
            try await sent
            #expect(try await client.response().text == "4000000")
        }
    }

    @Test("stop() wakes the reader, and the connection still answers")
    func stops() async throws {
        let bodies = Watched<[RequestBody]>([])
        try await withServer(answering: { request in
            if request.method == .post {
                bodies.change { $0.append(request.body) }
                return await echo(request)
            }
            let body = try? await bodies.wait("a body") { !$0.isEmpty }.first
            body?.stop()
            return .text(.ok, "stopped")
        }) { address in
            let reader = try await RawClient.connect(to: address)
            try await reader.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\nabc")
            let stopper = try await RawClient.connect(to: address)
            #expect(try await stopper.exchange(get("/")).text == "stopped")
            let response = try await reader.response()
            #expect(response.text == "\(BodyError.cancelled)")
            #expect(response["Connection"] == "close")
        }
    }

    @Test("collect() refuses what is announced too large, and what turns out so")
    func collectLimit() async throws {
        try await withServer(answering: { request in
            do throws(BodyError) {
                _ = try await request.body.collect(upTo: 4)
                return .text(.ok, "fits")
            } catch {
                return .text(.payloadTooLarge, "\(error)")
            }
        }) { address in
            let client = try await RawClient.connect(to: address)
            let tooLarge = "\(BodyError.tooLarge(limit: 4))"
            let announced = try await client.exchange("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello")
            #expect(announced.text == tooLarge)
            let fits = try await client.exchange("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nhell")
            #expect(fits.text == "fits")
            let chunked = try await client.exchange(
                "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            )
            #expect(chunked.text == tooLarge)
        }
    }

    @Test("a broken chunk is told to the reader, and the connection closes after the answer")
    func malformedChunk() async throws {
        try await withServer(answering: echo) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange(
                "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"
            )
            #expect(response.text == "\(BodyError.malformed)")
            #expect(response["Connection"] == "close")
            _ = try await client.waitForClose()
        }
    }

    @Test("a body made at hand reads like one that arrives")
    func atHand() async throws {
        let body = RequestBody([ByteBuffer(string: "ab"), ByteBuffer(), ByteBuffer(string: "c")])
        #expect(try await body.collect(upTo: 10) == ByteBuffer(string: "abc"))
        let broken = RequestBody([ByteBuffer(string: "ab")], endingWith: .tooSlow)
        #expect(try await broken.next() == [ByteBuffer(string: "ab")])
        await #expect(throws: BodyError.tooSlow) { try await broken.next() }
        await #expect(throws: BodyError.tooSlow) { try await broken.next() }
    }
}

extension RawClient {
    /// Makes a request, then waits until the server closes the connection for idling.
    func exchangeThenIdle() async throws -> Incoming {
        _ = try await exchange("GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nExpect: x\r\n\r\n")
        return try await waitForClose()
    }
}
