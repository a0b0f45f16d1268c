import FPHTTP
import HTTPTypes
import NIOCore
import Support
import Testing

@Suite("Back pressure and disconnects")
struct FlowTests {
    /// Many round trips through the server's one event loop: whatever it was about to do, it has done.
    static func settle(_ address: SocketAddress) async throws {
        let client = try await RawClient.connect(to: address)
        for _ in 0..<50 {
            #expect(try await client.exchange(get("/")).status == 200)
        }
        try await client.close()
    }

    @Test("a body that nobody reads is kept to the high-water mark, and arrives whole in the end")
    func upload() async throws {
        let readAhead = 1 << 20
        let content = ByteBuffer(repeating: 1, count: 64 << 20)
        let body = Watched<RequestBody?>(nil)
        let isReleased = Watched(false)
        try await withServer(answering: { request in
            guard request.method == .post else {
                return .text(.ok, "")
            }
            body.change { $0 = request.body }
            _ = try? await isReleased.wait("the test's word") { $0 }
            var whole = ByteBuffer()
            while let buffers = try? await request.body.next() {
                for var buffer in buffers { whole.writeBuffer(&buffer) }
            }
            return .text(.ok, whole == content ? "the same" : "other bytes")
        }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \(content.readableBytes)\r\n\r\n")
            async let sent: Void = client.send(Array(content.readableBytesView))
            let waiting = try #require(try await body.wait("the request") { $0 != nil })
            try await waitFor("what is read ahead to be there", within: .seconds(60)) {
                waiting.received >= readAhead ? true : nil
            }
            try await Self.settle(address)
            try await Self.settle(address)
            #expect(waiting.received <= 2 * readAhead)
            isReleased.change { $0 = true }
            try await sent
            #expect(try await client.response().text == "the same")
        }
    }

    @Test("many bodies at once are kept to their share of the server's memory")
    func uploads() async throws {
        let bodies = Watched<[RequestBody]>([])
        let isReleased = Watched(false)
        try await withServer(
            configure: { $0.limits.readAheadTotal = 1 << 20 },
            answering: { request in
                guard request.method == .post else {
                    return .text(.ok, "")
                }
                bodies.change { $0.append(request.body) }
                _ = try? await isReleased.wait("the test's word") { $0 }
                return .text(.ok, "")
            }
        ) { address in
            try await withThrowingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask {
                        let client = try await RawClient.connect(to: address)
                        try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20000000\r\n\r\n")
                        try? await client.send(Array(repeating: 1, count: 20_000_000))
                        try await client.close()
                    }
                }
                let waiting = try await bodies.wait("all requests") { $0.count == 20 }
                try await Self.settle(address)
                try await Self.settle(address)
                let total = waiting.reduce(0) { $0 + $1.received }
                #expect(total <= (1 << 20) + 20 * (64 << 10) * 2 + (256 << 10))
                isReleased.change { $0 = true }
            }
        }
    }

    @Test("a response that the client does not read is made no further than a few buffers ahead")
    func download() async throws {
        let buffer = ByteBuffer(repeating: 1, count: 256 << 10)
        let made = Watched(0)
        try await withServer(answering: { request in
            guard request.path.segments[0] == "large" else {
                return .text(.ok, "")
            }
            let count = 256
            return Response(
                .ok,
                body: .stream(
                    length: Int64(count * buffer.readableBytes),
                    next: {
                        guard made.value < count else {
                            return nil
                        }
                        made.change { $0 += 1 }
                        return buffer
                    }
                )
            )
        }) { address in
            let client = try await RawClient.connect(to: address, reads: false)
            try await client.send(get("/large"))
            try await made.wait("the stream to begin") { $0 > 0 }
            try await Self.settle(address)
            try await Self.settle(address)
            // The kernel's buffers hold a few MiB on either side.
            #expect(made.value < 64)
            try await client.startReading()
            #expect(try await client.response().body.count == 256 * buffer.readableBytes)
        }
    }

    @Test("a client that takes nothing of its response for too long is given up")
    func stalledDownload() async throws {
        let closes = Watched(0)
        let log = LogBook()
        let buffer = ByteBuffer(repeating: 1, count: 256 << 10)
        try await withServer(
            log: log,
            configure: { $0.timeouts.writeIdle = .milliseconds(100) },
            answering: { _ in
                Response(.ok, body: .stream(length: 1 << 40, next: { buffer }, close: { closes.change { $0 += 1 } }))
            }
        ) { address in
            let client = try await RawClient.connect(to: address, reads: false)
            try await client.send(get("/"))
            try await closes.wait("the stream to be closed") { $0 == 1 }
            try await log.lines.wait("an access line") { $0.contains { $0.contains("GET / 200 aborted") } }
            try? await client.close()
        }
    }

    @Test("a slow but steady reader is not given up")
    func steadyDownload() async throws {
        let buffer = ByteBuffer(repeating: 1, count: 256 << 10)
        let left = Watched(100)
        try await withServer(
            configure: { $0.timeouts.writeIdle = .seconds(2) },
            answering: { _ in
                Response(
                    .ok,
                    body: .stream(
                        length: 100 * Int64(buffer.readableBytes),
                        next: {
                            left.change { $0 -= 1 }
                            return left.value < 0 ? nil : buffer
                        }
                    )
                )
            }
        ) { address in
            let client = try await RawClient.connect(to: address)
            #expect(try await client.exchange(get("/")).body.count == 100 * buffer.readableBytes)
        }
    }

    @Test("a client that goes away cancels a handler that is not reading its body, and is logged as 499")
    func cancels() async throws {
        let state = Watched("")
        let log = LogBook()
        try await withServer(
            log: log,
            configure: { $0.timeouts.halfClosed = .milliseconds(200) },
            answering: { request in
                if request.contentLength != 0 {
                    _ = try? await request.body.collect(upTo: 100)
                }
                state.change { $0 = "waiting" }
                try? await Task.sleep(for: deadline)
                state.change { [isCancelled = Task.isCancelled] in $0 = isCancelled ? "cancelled" : "not cancelled" }
                return .text(.ok, "")
            }
        ) { address in
            for request in [get("/gone"), "POST /gone HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx"] {
                let client = try await RawClient.connect(to: address)
                try await client.send(request)
                try await state.wait("the handler") { $0 == "waiting" }
                try await client.close()
                try await state.wait("the handler's end") { $0 == "cancelled" }
            }
            try await log.lines.wait("two lines") { $0.count { $0.hasPrefix("info") && $0.contains("/gone 499") } == 2 }
        }
    }

    @Test("a client that goes away while its answer is made closes the stream")
    func closesStream() async throws {
        let closes = Watched(0)
        let buffer = ByteBuffer(repeating: 1, count: 64 << 10)
        try await withServer(answering: { _ in
            Response(.ok, body: .stream(length: nil, next: { buffer }, close: { closes.change { $0 += 1 } }))
        }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(get("/"))
            try await client.incoming.wait("some of the answer") { $0.bytes.count > 1_000_000 }
            try await client.close()
            try await closes.wait("the stream to be closed") { $0 == 1 }
        }
    }

    @Test("a client that goes away while the stream waits for its source cancels the wait")
    func cancelsStream() async throws {
        let closes = Watched(0)
        let isWaiting = Watched(false)
        try await withServer(
            configure: { $0.timeouts.halfClosed = .milliseconds(200) },
            answering: { _ in
                Response(
                    .ok,
                    body: .stream(
                        length: nil,
                        next: {
                            if isWaiting.value {
                                try await Task.sleep(for: deadline)
                            }
                            isWaiting.change { $0 = true }
                            return ByteBuffer(string: "x")
                        },
                        close: { closes.change { $0 += 1 } }
                    )
                )
            }
        ) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(get("/"))
            try await client.incoming.wait("the head") { !$0.bytes.isEmpty }
            try await client.close()
            try await closes.wait("the stream to be closed") { $0 == 1 }
        }
    }
}
