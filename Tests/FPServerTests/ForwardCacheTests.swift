import FPFormats
import FPForwardAuth
import FPServer
import Glibc
import HTTPTypes
import Support
import Synchronization
import Testing

@Suite("How often an application is asked who a visitor is")
struct ForwardCacheTests {
    private static let known = ForwardHouse.reply(204, "X-FPHost-Owner: alice")

    private func ask(
        _ forward: ForwardHouse, _ times: Int, _ fields: String, to target: String = "/fp?load=x"
    ) async throws -> Set<Int> {
        let port = forward.house.client.port
        return try await onThread {
            let connection = try HTTPConnection(port: port)
            var statuses: Set<Int> = []
            for _ in 0..<times {
                try connection.send("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
                statuses.insert(try connection.readReply().status)
            }
            return statuses
        }
    }

    @Test("a thousand requests of a visitor ask once within the time that an answer holds")
    func thousand() async throws {
        try await ForwardHouse.with(answer: { _ in Self.known }) { forward async throws in
            let questions = { forward.application.questions.count }
            #expect(try await ask(forward, 1000, "Cookie: s\r\n") == [404])
            #expect(questions() == 1)
            forward.clock.pass(.milliseconds(9999))
            #expect(try await ask(forward, 1000, "Cookie: s\r\n", to: "/fp?load=y") == [404])
            #expect(questions() == 1)
            forward.clock.pass(.milliseconds(1))
            #expect(try await ask(forward, 1000, "Cookie: s\r\n") == [404])
            #expect(questions() == 2)
        }
    }

    @Test("another endpoint, other credentials and other fields are other questions")
    func differences() async throws {
        try await ForwardHouse.with(answer: { _ in Self.known }) { forward async throws in
            var asked = 0
            for (target, fields) in [
                ("/fp?load=x", "Cookie: s\r\n"), ("/fp?restore=x", "Cookie: s\r\n"), ("/fp?load=x", "Cookie: s2\r\n"),
                ("/fp?load=x", "Cookie: s\r\nOrigin: https://a\r\n"), ("/fp?load=x", "Authorization: s\r\n"),
                ("/fp?load=x", "Cookie: s\r\nAuthorization: s\r\n"),
                ("/fp?load=x", "Cookie: s\r\nReferer: https://a\r\n"),
            ] {
                asked += 1
                #expect(try await ask(forward, 3, fields, to: target).isDisjoint(with: [401, 403, 503]))
                #expect(forward.application.questions.count == asked, "\(target) \(fields)")
            }
        }
    }

    @Test("a refusal holds for a second, and no answer not at all")
    func refusals() async throws {
        let answer = Mutex(ForwardHouse.reply(403))
        try await ForwardHouse.with(answer: { _ in answer.withLock { $0 } }) { forward async throws in
            #expect(try await ask(forward, 10, "Cookie: s\r\n") == [403])
            #expect(forward.application.questions.count == 1)
            answer.withLock { $0 = Self.known }
            forward.clock.pass(.milliseconds(999))
            #expect(try await ask(forward, 1, "Cookie: s\r\n") == [403])
            forward.clock.pass(.milliseconds(1))
            #expect(try await ask(forward, 1, "Cookie: s\r\n") == [404])
            answer.withLock { $0 = ForwardHouse.reply(500) }
            #expect(try await ask(forward, 10, "Cookie: t\r\n") == [503])
            #expect(forward.application.questions.count == 12)
        }
    }

    @Test("with no time to hold, each request is a question of its own, on the same connection")
    func always() async throws {
        try await ForwardHouse.with({ forward, _ in forward.cacheTime = .zero }, answer: { _ in Self.known }) {
            forward async throws in
            #expect(try await ask(forward, 50, "Cookie: s\r\n") == [404])
            #expect(forward.application.questions.count == 50)
            #expect(forward.application.connections == 1)
        }
    }

    @Test("the same question is asked once at a time, whoever waits for the answer")
    func together() async throws {
        let gate = Gate()
        try await ForwardHouse.with(
            { forward, settings in
                forward.cacheTime = .zero
                // Requests are then taken up in the order in which they come.
                settings.http.eventLoops = 1
            },
            answer: { question in
                if question["cookie"] == "slow" { gate.pass() }
                return Self.known
            }
        ) { forward async throws in
            defer { gate.open() }
            let port = forward.house.client.port
            let connections = try await onThread {
                try (0..<20).map { _ in
                    let connection = try HTTPConnection(port: port)
                    try connection.send("GET /fp?load=x HTTP/1.1\r\nHost: localhost\r\nCookie: slow\r\n\r\n")
                    return connection
                }
            }
            #expect(try await ask(forward, 1, "Cookie: quick\r\n") == [404])
            gate.open()
            let statuses = try await onThread { try connections.map { try $0.readReply().status } }
            #expect(statuses == Array(repeating: 404, count: 20))
            #expect(forward.application.questions.map { $0["cookie"] }.filter { $0 == "slow" }.count == 1)
        }
    }

    @Test("visitors who come and go give the application no more to do than there are places")
    func abandoned() async throws {
        let gate = Gate()
        try await ForwardHouse.with(
            { forward, settings in
                forward.concurrency = 1
                settings.http.eventLoops = 1
            },
            answer: { question in
                gate.pass()
                return Self.known
            }
        ) { forward async throws in
            defer { gate.open() }
            let (port, application) = (forward.house.client.port, forward.application)
            @Sendable func visit(_ cookie: String) throws -> HTTPConnection {
                let connection = try HTTPConnection(port: port)
                try connection.send("GET /fp?load=x HTTP/1.1\r\nHost: localhost\r\nCookie: \(cookie)\r\n\r\n")
                return connection
            }
            try await onThread {
                let first = try visit("first")
                for _ in 0..<30_000 where application.questions.isEmpty { usleep(2000) }
                first.reset()
                let others = try (0..<50).map { try visit("other \($0)") }
                for connection in others { connection.reset() }
            }
            // Comes after the ends of all of them, on the one event loop.
            let last = try await onThread {
                let barrier = try HTTPConnection(port: port)
                try barrier.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(try barrier.readReply().status == 200)
                return try visit("last")
            }
            #expect(application.questions.count == 1)
            gate.open()
            #expect(try await onThread { try last.readReply().status } == 404)
            #expect(application.mostAtOnce == 1)
            #expect(application.questions.count < 10)
            #expect(forward.log.all == [])
        }
    }

    @Test("a question that others wait for goes on when one of them goes away")
    func shared() async throws {
        let gate = Gate()
        try await ForwardHouse.with(
            { _, settings in settings.http.eventLoops = 1 },
            answer: { question in
                if question["cookie"] == "shared" { gate.pass() }
                return Self.known
            }
        ) { forward async throws in
            defer { gate.open() }
            let port = forward.house.client.port
            @Sendable func visit() throws -> HTTPConnection {
                let connection = try HTTPConnection(port: port)
                try connection.send("GET /fp?load=x HTTP/1.1\r\nHost: localhost\r\nCookie: shared\r\n\r\n")
                return connection
            }
            let staying = try await onThread {
                let staying = try visit()
                try visit().reset()
                return staying
            }
            // Comes after the end of the one who leaves, on the one event loop.
            #expect(try await ask(forward, 1, "Cookie: quick\r\n") == [404])
            gate.open()
            #expect(try await onThread { try staying.readReply().status } == 404)
            #expect(forward.application.questions.filter { $0["cookie"] == "shared" }.count == 1)
            #expect(forward.log.all == [])
        }
    }

    @Test("no more questions are under way than the settings allow; the others wait")
    func bound() async throws {
        let gate = Gate()
        try await ForwardHouse.with(
            { forward, _ in forward.concurrency = 3 },
            answer: { _ in
                gate.pass()
                return Self.known
            }
        ) { forward async throws in
            defer { gate.open() }
            let port = forward.house.client.port
            let connections = try await onThread {
                try (0..<12).map { number in
                    let connection = try HTTPConnection(port: port)
                    try connection.send("GET /fp?load=x HTTP/1.1\r\nHost: localhost\r\nCookie: \(number)\r\n\r\n")
                    return connection
                }
            }
            try await waitFor("three questions", within: .seconds(60)) {
                forward.application.questions.count >= 3 ? true : nil
            }
            gate.open()
            let statuses = try await onThread { try connections.map { try $0.readReply().status } }
            #expect(statuses == Array(repeating: 404, count: 12))
            #expect(forward.application.mostAtOnce == 3)
        }
    }

    @Test("the operator is told once a minute of an application that gives no answers, and of nobody's credentials")
    func log() async throws {
        try await ForwardHouse.with(answer: { _ in ForwardHouse.reply(502) }) { forward async throws in
            #expect(try await ask(forward, 20, "Cookie: planted-in-a-cookie\r\n") == [503])
            forward.clock.pass(.seconds(59))
            #expect(try await ask(forward, 20, "Cookie: planted-in-a-cookie\r\n") == [503])
            #expect(forward.log.all.count == 1)
            forward.clock.pass(.seconds(1))
            #expect(try await ask(forward, 1, "Cookie: planted-in-a-cookie\r\n") == [503])
            let lines = forward.log.all
            #expect(lines.count == 2)
            #expect(lines[0].hasPrefix("error ") && lines[0].contains("status 502"))
            #expect(lines.last?.contains("39 times") == true)
            #expect(!lines.joined().contains("planted"))
        }
    }

    @Test("what is kept has a bound, and what was used last stays")
    func memory() {
        var random = SeededGenerator()
        let seed = random.seed
        let start = ContinuousClock.now
        var memory = Memory<Int, Int>(atMost: 16)
        var recent: [Int] = []
        for step in 0..<20_000 {
            let key = Int.random(in: 0..<40, using: &random)
            if let value = memory.value(of: key, at: start) {
                #expect(value == key, "seed \(seed), step \(step)")
            } else {
                #expect(!recent.suffix(8).contains(key), "seed \(seed), step \(step)")
                memory.keep(key, of: key, until: start + .seconds(1))
            }
            recent.removeAll { $0 == key }
            recent.append(key)
        }
        let kept = (0..<40).filter { memory.value(of: $0, at: start) != nil }
        #expect(kept.count <= 16, "seed \(seed)")
        #expect((0..<40).allSatisfy { memory.value(of: $0, at: start + .seconds(1)) == nil })
    }
}
