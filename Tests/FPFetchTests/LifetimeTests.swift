import FPFetch
import NIOCore
import Synchronization
import Testing

@Suite struct LifetimeTests {
    /// Sends some of a file, then waits for the other side to go away.
    private static func unfinished() -> RawServer {
        RawServer { connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello")
            _ = connection.isClosed()
        }
    }

    @Test("Leaving the loop over a body closes the connection, while the response is still there")
    func iteratorDropped() async throws {
        let server = Self.unfinished()
        let response = try await makeFetcher().open(server.url())
        for try await _ in response.body { break }
        #expect(await eventually { server.open == 0 })
        withExtendedLifetime(response) {}
    }

    @Test("Dropping a response closes the connection")
    func responseDropped() async throws {
        let server = Self.unfinished()
        let fetcher = try makeFetcher()
        do {
            let response = try await fetcher.open(server.url())
            #expect(server.open == 1)
            #expect(response.contentLength == 1_000_000)
        }
        #expect(await eventually { server.open == 0 })
    }

    @Test("A body outlives its response")
    func iteratorKept() async throws {
        let server = RawServer(ok("hello"))
        let fetcher = try makeFetcher()
        var iterator = try await fetcher.open(server.url()).body.makeAsyncIterator()
        var received = 0
        while let piece = try await iterator.next() { received += piece.readableBytes }
        #expect(received == 5)
        #expect(try await iterator.next() == nil)
    }

    @Test("Cancelling a task that waits for bytes closes the connection")
    func cancelledInBody() async throws {
        let server = Self.unfinished()
        let fetcher = try makeFetcher()
        let hasBytes = Flag()
        let task = Task {
            for try await _ in try await fetcher.open(server.url()).body { hasBytes.raise() }
        }
        #expect(await eventually { hasBytes.isRaised })
        task.cancel()
        await #expect { try await task.value } throws: { ($0 as? FetchError)?.reason == .cancelled }
        #expect(await eventually { server.open == 0 })
    }

    @Test("Cancelling a task that waits for a head closes the connection")
    func cancelledInHead() async throws {
        let server = RawServer { connection in _ = connection.isClosed() }
        let fetcher = try makeFetcher()
        let task = Task { await fetcher.failure(server.url()) }
        #expect(await eventually { server.requests.count == 1 })
        task.cancel()
        #expect(await task.value?.reason == .cancelled)
        #expect(await eventually { server.open == 0 })
    }

    @Test("A task that was cancelled before asks for nothing")
    func cancelledBefore() async throws {
        let fetcher = try makeFetcher()
        let server = RawServer(ok("hello"))
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await fetcher.failure(server.url())
        }
        #expect(await task.value?.reason == .cancelled)
        #expect(server.requests.count == 0)
        // The fetcher is none the worse for it.
        #expect(await fetcher.failure(server.url()) == nil)
    }

    @Test("Sixty-four at once get their own files over four connections")
    func concurrency() async throws {
        let counts = Mutex((now: 0, most: 0))
        let server = RawServer { connection in
            counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            // The first ones wait for each other, so that the four places are in use at the same time.
            while counts.withLock({ $0.most }) < 4, !connection.isClosed(within: 5) {}
            let name = connection.request.target
            let response = ok(String(repeating: name, count: 20_000))
            // Before the client has it all and goes on to the next.
            counts.withLock { $0.now -= 1 }
            connection.send(response)
        }
        let fetcher = try makeFetcher { $0.concurrency = 4 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let (_, body) = try await fetcher.fetch(server.url("/\(number)"))
                    #expect(String(decoding: body, as: UTF8.self) == String(repeating: "/\(number)", count: 20_000))
                }
            }
            try await group.waitForAll()
        }
        #expect(server.requests.count == 64)
        #expect(counts.withLock { $0.most } == 4)
    }

    @Test("When all places are taken a fetch waits, and when all that may wait do it is refused at once")
    func busy() async throws {
        let server = Self.unfinished()
        let quick = RawServer(ok("hello"))
        let fetcher = try makeFetcher {
            $0.concurrency = 1
            $0.waiting = 1
        }
        var held: FetchResponse? = try await fetcher.open(server.url())
        await withTaskGroup(of: FetchError.Reason?.self) { group in
            for _ in 0..<2 { group.addTask { await fetcher.failure(quick.url())?.reason } }
            #expect(await group.next() == .some(.busy))
            #expect(quick.requests.isEmpty)
            #expect(held?.status == 200)
            held = nil
            #expect(await group.next() == .some(nil))
        }
        #expect(await eventually { server.open == 0 })
    }

    @Test("A fetch that waits for a place until its time is over is refused as busy")
    func busyTooLong() async throws {
        let server = RawServer { connection in _ = connection.isClosed() }
        let fetcher = try makeFetcher {
            $0.concurrency = 1
            $0.timeout = .milliseconds(600)
        }
        async let first = fetcher.failure(server.url())
        #expect(await eventually { server.requests.count == 1 })
        let second = await fetcher.failure(server.url())
        // The first timed out at about the moment at which the second had waited long enough.
        #expect(second?.reason == .busy || second?.reason == .timedOut)
        #expect(await first?.reason == .timedOut)
    }

    @Test("A fetch that is cancelled while it waits makes room for another")
    func cancelledWaiting() async throws {
        let server = Self.unfinished()
        let quick = RawServer(ok("hello"))
        let fetcher = try makeFetcher {
            $0.concurrency = 1
            $0.waiting = 1
        }
        var held: FetchResponse? = try await fetcher.open(server.url())
        let waiting = Task { await fetcher.failure(quick.url("/cancelled")) }
        // It has its place as soon as another is refused.
        while await isRoom(fetcher, quick) { await Task.yield() }
        waiting.cancel()
        #expect(await waiting.value?.reason == .cancelled)
        async let next = fetcher.failure(quick.url("/next"))
        _ = held
        held = nil
        #expect(await next == nil)
        #expect(quick.requests.map(\.target) == ["/next"])
    }

    /// Whether a fetch is let in to wait; it is cancelled at once if it is.
    private func isRoom(_ fetcher: Fetcher, _ server: RawServer) async -> Bool {
        await withTaskGroup(of: FetchError.Reason?.self) { group in
            group.addTask { await fetcher.failure(server.url("/probe"))?.reason }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(50))
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first != .busy
        }
    }

    @Test("Shutting down ends everything, waits for it, and refuses what comes later")
    func shutdown() async throws {
        let server = Self.unfinished()
        let fetcher = try makeFetcher { $0.concurrency = 1 }
        let response = try await fetcher.open(server.url())
        async let waiting = fetcher.failure(server.url())
        await fetcher.shutdown()
        #expect(await waiting?.reason == .shutDown)
        #expect(await eventually { server.open == 0 })
        await #expect { try await response.body.collect() } throws: { ($0 as? FetchError)?.reason == .shutDown }
        #expect(await fetcher.failure(server.url())?.reason == .shutDown)
        await fetcher.shutdown()
    }

    @Test("Dropping a fetcher ends its transfers")
    func fetcherDropped() async throws {
        let server = Self.unfinished()
        var fetcher: Fetcher? = try makeFetcher()
        let response = try #require(try await fetcher?.open(server.url()))
        fetcher = nil
        await #expect { try await response.body.collect() } throws: { ($0 as? FetchError)?.reason == .shutDown }
        #expect(await eventually { server.open == 0 })
    }

    @Test("Limits out of range are refused at the start")
    func limits() {
        let changes: [(inout FetchLimits) -> Void] = [
            { $0.timeout = .zero }, { $0.connectTimeout = .seconds(-1) }, { $0.minimumSpeed = 0 },
            { $0.minimumSpeedOver = .milliseconds(999) }, { $0.maxRedirects = -1 }, { $0.concurrency = 0 },
            { $0.waiting = -1 }, { $0.bufferedBytes = 0 },
        ]
        for change in changes { #expect(throws: Fetcher.SetupError.self) { try makeFetcher(change) } }
        #expect(throws: Fetcher.SetupError.self) { try makeFetcher(certificateAuthorities: "/nowhere.pem") }
    }
}
