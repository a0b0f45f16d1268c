import FPFetch
import NIOCore
import Synchronization
import Testing

@Suite struct BodyTests {
    @Test(
        "A body that is cut short ends with an error",
        arguments: [
            "Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "Transfer-Encoding: chunked\r\n\r\na\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n", "Content-Length: 1\r\n\r\n",
        ]
    )
    func short(rest: String) async throws {
        let server = RawServer("HTTP/1.1 200 OK\r\n" + rest)
        #expect(try await makeFetcher().failure(server.url())?.reason == .incomplete)
    }

    @Test("A connection that is reset in the body is an error, also where the length is not known")
    func reset() async throws {
        let server = RawServer { connection in
            connection.send("HTTP/1.0 200 OK\r\n\r\nhello")
            // Not before the client has read what came first.
            connection.waitUntilTaken()
            connection.reset()
        }
        #expect(try await makeFetcher().failure(server.url())?.reason == .incomplete)
    }

    @Test(
        "What goes wrong before the first byte of a file is told before there is a response",
        arguments: [
            ("Content-Length: 1\r\n\r\n", .incomplete), ("Transfer-Encoding: chunked\r\n\r\nzz\r\n", .incomplete),
            ("Content-Encoding: gzip\r\n\r\nhello", .damaged),
        ] as [(String, FetchError.Reason)])
    func beforeTheFirst(rest: String, reason: FetchError.Reason) async throws {
        let server = RawServer("HTTP/1.1 200 OK\r\n" + rest)
        let fetcher = try makeFetcher()
        await #expect { try await fetcher.open(server.url()) } throws: { ($0 as? FetchError)?.reason == reason }
    }

    @Test("An empty file is a file")
    func empty() async throws {
        for field in ["Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n"] {
            let server = RawServer("HTTP/1.1 200 OK\r\n\(field)\r\n" + (field.first == "T" ? "0\r\n\r\n" : ""))
            #expect(try await makeFetcher().fetch(server.url()).1 == [])
        }
    }

    @Test("A file larger than the limit is refused by its announced length, without a body")
    func announced() async throws {
        let fetcher = try makeFetcher { $0.maxSize = 1000 }
        let server = RawServer { connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n")
            _ = connection.isClosed()
        }
        await #expect { try await fetcher.open(server.url()) } throws: { ($0 as? FetchError)?.reason == .tooLarge }
        let exact = RawServer(ok(String(repeating: "x", count: 1000)))
        #expect(try await fetcher.fetch(exact.url()).1.count == 1000)
    }

    @Test("A file without end is cut off at the limit", arguments: ["chunked", "close"])
    func endless(framing: String) async throws {
        let wasCut = Flag()
        let server = RawServer { connection in
            let piece = String(repeating: "x", count: 4096)
            connection.send(
                "HTTP/1.1 200 OK\r\n" + (framing == "chunked" ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n"))
            while connection.send(framing == "chunked" ? "1000\r\n\(piece)\r\n" : piece) {}
            wasCut.raise()
        }
        let response = try await makeFetcher { $0.maxSize = 300_000 }.open(server.url())
        #expect(response.contentLength == nil)
        var received = 0
        do throws(FetchError) {
            for try await piece in response.body { received += piece.readableBytes }
            Issue.record("the body ended")
        } catch {
            #expect(error.reason == .tooLarge)
        }
        #expect(received <= 300_000)
        #expect(await eventually { wasCut.isRaised })
    }

    @Test("Random bodies in random framings arrive as they were sent")
    func random() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of random: \(seed)")
        var generator = Seeded(seed)
        let fetcher = try makeFetcher { $0.bufferedBytes = 100_000 }
        for _ in 0..<30 {
            let body = (0..<Int.random(in: 0...500_000, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let cuts = (0..<5).map { _ in Int.random(in: 0...body.count, using: &generator) }.sorted()
            let framing = Int.random(in: 0...2, using: &generator)
            let server = RawServer { connection in
                let heads = ["Content-Length: \(body.count)\r\n", "Transfer-Encoding: chunked\r\n", ""]
                connection.send("HTTP/1.1 200 OK\r\n\(heads[framing])\r\n")
                for (from, to) in zip([0] + cuts, cuts + [body.count]) where from < to {
                    if framing == 1 { connection.send(String(to - from, radix: 16) + "\r\n") }
                    connection.send(Array(body[from..<to]))
                    if framing == 1 { connection.send("\r\n") }
                }
                if framing == 1 { connection.send("0\r\n\r\n") }
            }
            let (response, received) = try await fetcher.fetch(server.url())
            #expect(received == body)
            #expect(response.contentLength == (framing == 0 ? UInt64(body.count) : nil))
        }
    }

    @Test("A consumer that stops taking stops the remote server, and can go on later")
    func backPressure() async throws {
        let total = 16 << 20
        let stalledAt = Mutex<Int?>(nil)
        let server = RawServer { connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            var sent = 0
            while sent < total {
                while !connection.canSend(within: 300) { stalledAt.withLock { $0 = $0 ?? sent } }
                // Few enough to be taken without a wait, once any can be.
                guard connection.send(Pattern.bytes(from: sent, count: 8192)) else { return }
                sent += 8192
            }
        }
        // The stall is longer than this, and does not count as slowness of the server.
        let fetcher = try makeFetcher { $0.minimumSpeedOver = .seconds(1) }
        let response = try await fetcher.open(server.url())
        var iterator = response.body.makeAsyncIterator()
        let first = try #require(try await iterator.next())
        #expect(await eventually { stalledAt.withLock { $0 } != nil })
        // What the kernel holds comes on top of what the fetcher holds.
        #expect(try #require(stalledAt.withLock { $0 }) < 8 << 20)
        let waited = ContinuousClock.now
        #expect(await eventually { ContinuousClock.now - waited > .milliseconds(2500) })

        var received = first.readableBytes
        #expect(Pattern.matches(first, at: 0))
        while let piece = try await iterator.next() {
            #expect(Pattern.matches(piece, at: received))
            received += piece.readableBytes
        }
        #expect(received == total)
    }

    @Test(
        "A server that says nothing, or too little, is given up after the limit of time",
        arguments: ["head", "body", "drip"])
    func slow(kind: String) async throws {
        let server = RawServer { connection in
            if kind != "head" { connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n") }
            while !connection.isClosed(within: 20) {
                if kind == "drip" { connection.send("x") }
            }
        }
        let start = ContinuousClock.now
        #expect(try await makeFetcher { $0.timeout = .milliseconds(500) }.failure(server.url())?.reason == .timedOut)
        // Before slowness alone would have ended it.
        #expect(ContinuousClock.now - start < .seconds(15))
        #expect(await eventually { server.open == 0 })
    }

    @Test("A server below the minimum speed is given up long before the limit of time")
    func minimumSpeed() async throws {
        let server = RawServer { connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while !connection.isClosed(within: 50) { connection.send("x") }
        }
        let fetcher = try makeFetcher {
            $0.minimumSpeed = 1000
            $0.minimumSpeedOver = .seconds(1)
        }
        let start = ContinuousClock.now
        #expect(await fetcher.failure(server.url())?.reason == .timedOut)
        #expect(ContinuousClock.now - start < .seconds(15))
    }

    @Test("A consumer that never takes does not keep its place for longer than the limit of time")
    func stuckConsumer() async throws {
        let server = RawServer { connection in
            connection.send("HTTP/1.1 200 OK\r\n\r\n")
            while connection.send(Pattern.bytes(from: 0, count: 65_000)) {}
        }
        let fetcher = try makeFetcher { $0.timeout = .milliseconds(700) }
        let response = try await fetcher.open(server.url())
        #expect(await eventually { server.open == 0 })
        await #expect { try await response.body.collect() } throws: { ($0 as? FetchError)?.reason == .timedOut }
    }
}

/// A body of any length, of which every piece can be told from its neighbours.
private enum Pattern {
    private static let period = 65_521
    private static let bytes = (0..<2 * period).map {
        UInt8(truncatingIfNeeded: ($0 % period) &* 31 &+ ($0 % period) >> 8)
    }

    /// At most a period of it.
    static func bytes(from offset: Int, count: Int) -> [UInt8] {
        Array(bytes[offset % period..<offset % period + count])
    }

    static func matches(_ piece: ByteBuffer, at offset: Int) -> Bool {
        // Comparing in one call: loops over bytes are slow without optimization.
        bytes(from: offset, count: piece.readableBytes) == Array(piece.readableBytesView)
    }
}
