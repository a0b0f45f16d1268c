import NIOCore
import Testing

@testable import FPHTTP

@Suite("Gathering what comes of a body")
struct GatheringTests {
    /// A connection that nothing is asked of.
    struct Silent: BodySource {
        func beginReading() {}
        func resumeReading() {}
    }

    /// A body with a reader of its own, given its bytes as a connection would.
    struct Reading {
        struct Seen: Sendable {
            /// The bytes of each call of `next()`.
            var steps: [Int] = []
            var error: BodyError?
            var isOver = false
        }

        let body: RequestBody
        let seen = Watched(Seen())

        init(limits: RequestBody.Limits = .init(), budget: BodyBudget = BodyBudget(limit: 64 << 20)) {
            let body = RequestBody(expected: nil, limits: limits, budget: budget, source: Silent())
            self.body = body
            Task { [seen] in
                do throws(BodyError) {
                    while let buffers = try await body.next() {
                        let count = buffers.reduce(0) { $0 + $1.readableBytes }
                        seen.change { $0.steps.append(count) }
                    }
                } catch {
                    seen.change { $0.error = error }
                }
                seen.change { $0.isOver = true }
            }
        }

        /// Gives one byte at a time until the reader sleeps on one, and forgets what it had read before.
        func settle() async throws {
            let body = body
            let given = try await withDeadline("the reader to wait") {
                var given = 1
                while body.receive(ByteBuffer(string: "x")) != .gather {
                    given += 1
                    await Task.yield()
                    try Task.checkCancellation()
                }
                return given
            }
            try await seen.wait("the bytes before") { $0.steps.reduce(0, +) == given - 1 }
            seen.change { $0.steps = [] }
        }

        func give(_ count: Int) -> RequestBody.Demand {
            body.receive(ByteBuffer(repeating: 1, count: count))
        }

        func end() async throws -> Seen {
            try await seen.wait("the reader's end") { $0.isOver }
        }
    }

    @Test("a reader that waits gets all that was gathered in one step")
    func announced() async throws {
        let reading = Reading()
        try await reading.settle()
        for _ in 0..<10 {
            // A reader that had been told already would not wait any more.
            #expect(reading.give(20_000) == .gather)
        }
        #expect(reading.seen.value.steps == [])
        reading.body.announce()
        try await reading.seen.wait("a step") { $0.steps == [200_001] }
        reading.body.finish()
        #expect(try await reading.end().steps == [200_001])
    }

    @Test("a body's end hands on what was gathered")
    func finished() async throws {
        let reading = Reading()
        try await reading.settle()
        #expect(reading.give(9) == .gather)
        reading.body.finish()
        let end = try await reading.end()
        #expect(end.steps == [10])
        #expect(end.error == nil)
    }

    @Test("a body that breaks off hands on what was gathered, then the error")
    func failed() async throws {
        let reading = Reading()
        try await reading.settle()
        #expect(reading.give(9) == .gather)
        reading.body.fail(.truncated(received: 10, expected: 20))
        let end = try await reading.end()
        #expect(end.steps == [10])
        #expect(end.error == .truncated(received: 10, expected: 20))
    }

    @Test("a body that is stopped drops what was gathered, and gives its memory back")
    func stopped() async throws {
        let budget = BodyBudget(limit: 1000)
        let reading = Reading(budget: budget)
        try await reading.settle()
        #expect(reading.give(99) == .gather)
        reading.body.stop()
        let end = try await reading.end()
        #expect(end.steps == [])
        #expect(end.error == .cancelled)
        budget.charge(124)
        #expect(!budget.isStrained)
    }

    struct Share: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var limits = RequestBody.Limits()
        var isStrained = false
        let gathered: Int
    }

    static let shares = [
        Share(testDescription: "by default", gathered: 1 << 20),
        Share(
            testDescription: "with less to be read ahead", limits: .init(highWater: 100_000), gathered: 100_000),
        Share(testDescription: "while memory is short", isStrained: true, gathered: 64 << 10),
    ]

    @Test("no more is gathered than a step may have, the server's memory allowing", arguments: shares)
    func enough(share: Share) async throws {
        let budget = BodyBudget(limit: 64 << 20)
        if share.isStrained { budget.charge(8 << 20) }
        let reading = Reading(limits: share.limits, budget: budget)
        try await reading.settle()
        #expect(reading.give(share.gathered - 2) == .gather)
        #expect(reading.give(1) == .more)
        try await reading.seen.wait("a step") { $0.steps == [share.gathered] }
        reading.body.finish()
        #expect(try await reading.end().steps == [share.gathered])
    }

    @Test("a body that drips reaches its reader drop by drop")
    func drips() async throws {
        let received = Watched(0)
        try await withServer(
            // No time may be what wakes the reader.
            configure: { $0.timeouts.bodyIdle = deadline * 10 },
            answering: { request in
                while let buffers = try? await request.body.next() {
                    let count = buffers.reduce(0) { $0 + $1.readableBytes }
                    received.change { $0 += count }
                }
                return .text(.ok, "\(received.value)")
            }
        ) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\n")
            for count in 1...20 {
                try await client.send("x")
                try await received.wait("byte \(count)") { $0 == count }
            }
            #expect(try await client.response().text == "20")
        }
    }

    @Test("many small chunks that come at once are far fewer steps to the reader")
    func smallChunks() async throws {
        let count = 1000
        let isWaiting = Watched(false)
        try await withServer(answering: { request in
            var steps = 0
            var bytes = 0
            isWaiting.change { $0 = true }
            while let buffers = try? await request.body.next() {
                steps += 1
                bytes += buffers.reduce(0) { $0 + $1.readableBytes }
            }
            return .text(.ok, steps <= count / 10 ? "\(bytes)" : "\(steps) steps")
        }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
            try await isWaiting.wait("the handler") { $0 }
            let chunks = String(repeating: "a\r\n0123456789\r\n", count: count) + "0\r\n\r\n"
            #expect(try await client.exchange(chunks).text == "\(10 * count)")
        }
    }

    @Test("a client that sends its last bytes and goes away loses none of them")
    func goesAway() async throws {
        let ends = Watched<[String]>([])
        let isWaiting = Watched(0)
        try await withServer(answering: { request in
            isWaiting.change { $0 += 1 }
            var bytes = 0
            do throws(BodyError) {
                while let buffers = try await request.body.next() {
                    bytes += buffers.reduce(0) { $0 + $1.readableBytes }
                }
                ends.change { $0.append("whole") }
            } catch {
                let end = "\(bytes) \(error == .truncated(received: 40, expected: 100))"
                ends.change { $0.append(end) }
            }
            return .text(.badRequest, "")
        }) { address in
            for count in 1...10 {
                let client = try await RawClient.connect(to: address)
                try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n")
                try await isWaiting.wait("the handler") { $0 == count }
                try await client.send(String(repeating: "x", count: 40))
                try await client.close()
                try await ends.wait("the handler's end") { $0.count == count }
            }
            #expect(ends.value == Array(repeating: "40 true", count: 10))
        }
    }

    @Test("while memory is short, bodies are received in smaller pieces")
    func smallerPieces() async throws {
        let held = Watched<RequestBody?>(nil)
        let isReleased = Watched(false)
        try await withServer(
            configure: { $0.limits.readAheadTotal = 8 << 20 },
            answering: { request in
                if request.path.segments[0] == "held" {
                    held.change { $0 = request.body }
                    _ = try? await isReleased.wait("the test's word") { $0 }
                    return .text(.ok, "")
                }
                var largest = 0
                while let buffers = try? await request.body.next() {
                    largest = max(largest, buffers.map(\.readableBytes).max() ?? 0)
                }
                return .text(.ok, "\(largest)")
            }
        ) { address in
            let size = 64 << 20
            let holder = try await RawClient.connect(to: address)
            try await holder.send("POST /held HTTP/1.1\r\nHost: t\r\nContent-Length: \(size)\r\n\r\n")
            try await holder.send(Array(repeating: 1, count: 1 << 20))
            let body = try #require(try await held.wait("the request") { $0 != nil })
            try await withDeadline("a full read-ahead") {
                while body.received < 1 << 20 {
                    await Task.yield()
                    try Task.checkCancellation()
                }
            }
            let client = try await RawClient.connect(to: address)
            try await client.send("POST /read HTTP/1.1\r\nHost: t\r\nContent-Length: \(size)\r\n\r\n")
            try await client.send(Array(repeating: 1, count: size))
            let largest = try #require(Int(try await client.response().text))
            #expect((1...(256 << 10)).contains(largest))
            isReleased.change { $0 = true }
        }
    }
}
