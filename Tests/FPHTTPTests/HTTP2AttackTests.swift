import FPHTTP
import Foundation
import NIOCore
import Support
import Testing

/// What a client of HTTP/2 may try on a server that it wants to stop.
@Suite("HTTP/2, hostile clients", .serialized)
struct HTTP2AttackTests {
    /// ENHANCE_YOUR_CALM and others of RFC 9113, section 7.
    private enum Code {
        static let protocolError: UInt32 = 1
        static let internalError: UInt32 = 2
        static let refused: UInt32 = 7
        static let calm: UInt32 = 11
    }

    /// The server is as good as before.
    private func checkService(_ address: SocketAddress) async throws {
        let client = try await FrameClient(to: address)
        #expect(try await client.exchange("POST", "/", body: Array("abc".utf8), stream: 1).text == "abc")
    }

    /// Sends until the server has had enough.
    private func flood(_ client: FrameClient, limit: Int = 20_000, _ next: (Int) -> [UInt8]) async throws -> UInt32 {
        for number in 0..<limit / 10 {
            let bytes = (0..<10).flatMap { next(number * 10 + $0) }
            do {
                try await client.raw.send(bytes)
            } catch {
                break
            }
            let incoming = client.raw.incoming.value
            if incoming.isClosed || FrameClient.frames(incoming.bytes).contains(where: { $0.kind == .goAway }) { break }
        }
        return try await client.goAway()
    }

    @Test("streams that are reset as soon as they are begun end the connection (CVE-2023-44487)")
    func rapidReset() async throws {
        let active = Watched(0)
        let begun = Watched(0)
        try await withEncryptedServer(answering: { request in
            begun.change { $0 += 1 }
            active.change { $0 += 1 }
            defer { active.change { $0 -= 1 } }
            return await echo(request)
        }) { address in
            let client = try await FrameClient(to: address)
            let code = try await flood(client) { number in
                let stream = 2 * number + 1
                return FrameClient.frame(.headers, flags: 4, stream: stream, content: FrameClient.head("POST", "/"))
                    + FrameClient.frame(.reset, stream: stream, content: FrameClient.bytes(8))
            }
            #expect(code == Code.calm)
            _ = try await client.raw.waitForClose()
            try await active.wait("all to end") { $0 == 0 }
            #expect(begun.value < 300)
            try await checkService(address)
        }
    }

    @Test("floods of frames that cost nothing to send end the connection (CVE-2019-9512, -9515, -9518, CVE-2024-27316)")
    func floods() async throws {
        try await withEncryptedServer(answering: echo) { address in
            let empty = FrameClient.frame(.settings)
            let ping = FrameClient.frame(.ping, content: [UInt8](repeating: 1, count: 8))
            let priority = FrameClient.frame(.priority, stream: 1, content: [0, 0, 0, 3, 1])
            for frame in [empty, ping, priority] {
                let client = try await FrameClient(to: address)
                #expect(try await flood(client) { _ in frame } == Code.calm)
                _ = try await client.raw.waitForClose()
            }
            // Data without any bytes.
            var client = try await FrameClient(to: address)
            try await client.begin("POST", "/", stream: 1, ends: false)
            #expect(try await flood(client) { _ in FrameClient.frame(.data, stream: 1) } == Code.calm)
            _ = try await client.raw.waitForClose()
            // A head that goes on and on.
            client = try await FrameClient(to: address)
            try await client.send(.headers, stream: 1, content: FrameClient.head("GET", "/"))
            let more = FrameClient.block([("a", "b")])
            _ = try await flood(client) { _ in FrameClient.frame(.continuation, stream: 1, content: more) }
            _ = try await client.raw.waitForClose()
            try await checkService(address)
        }
    }

    @Test("a head is as large as it may be in HTTP/1, however well it is compressed")
    func largeHeads() async throws {
        try await withEncryptedServer(
            configure: {
                $0.limits.headers = 8 << 10
                $0.limits.headerCount = 50
                $0.limits.target = 1 << 10
            }, answering: mirror
        ) { address in
            let client = try await FrameClient(to: address)
            let many = (0..<60).map { ("x-\($0)", "1") }
            #expect(try await client.exchange("GET", "/", many, stream: 1).status == 431)
            #expect(
                try await client.exchange("GET", "/", [("x", String(repeating: "x", count: 8200))], stream: 3).status
                    == 431)
            #expect(
                try await client.exchange("GET", "/" + String(repeating: "x", count: 2000), stream: 5).status == 414)
            #expect(try await client.exchange("GET", "/a", stream: 7).text == "GET /a")
            // One field of 4000 bytes in the table of both, named a thousand times with a byte each.
            let value = String(repeating: "x", count: 3900)
            let stored = [0x40] + FrameClient.block([("y", value)]).dropFirst()
            let bomb = FrameClient.head("GET", "/") + stored + [UInt8](repeating: 0xBE, count: 1000)
            try await client.send(.headers, flags: 5, stream: 9, content: bomb)
            _ = try await client.goAway()
            _ = try await client.raw.waitForClose()
            #expect(client.raw.incoming.value.bytes.count < 64 << 10)
        }
    }

    @Test("more streams than may be are refused, and so is everything beyond the server's places")
    func tooManyStreams() async throws {
        let isDue = Watched(false)
        let begun = Watched(0)
        try await withEncryptedServer(
            configure: { $0.limits.connections = 20 },
            answering: { request in
                begun.change { $0 += 1 }
                _ = try? await isDue.wait("its time") { $0 }
                return await mirror(request)
            }
        ) { address in
            let client = try await FrameClient(to: address)
            for stream in 0..<25 { try await client.begin("GET", "/", stream: 2 * stream + 1) }
            for stream in 20..<25 {
                #expect(try await client.answer(2 * stream + 1).reset == Code.refused)
            }
            try await begun.wait("those that fit") { $0 == 20 }
            isDue.change { $0 = true }
            for stream in 0..<20 { #expect(try await client.answer(2 * stream + 1).status == 200) }
            #expect(try await client.exchange("GET", "/", stream: 51).status == 200)

        }
        let more = Watched(0)
        try await withEncryptedServer(answering: { request in
            more.change { $0 += 1 }
            _ = try? await isDue.wait("its time") { $0 }
            return await echo(request)
        }) { address in
            isDue.change { $0 = false }
            let many = try await FrameClient(to: address)
            for stream in 0..<40 { try? await many.begin("GET", "/", stream: 2 * stream + 1) }
            #expect(try await many.goAway() != 0)
            _ = try await many.raw.waitForClose()
            #expect(more.value <= 32)
            isDue.change { $0 = true }
            try await checkService(address)
        }
    }

    @Test("what is malformed resets its stream, or is answered, and the others go on")
    func malformed() async throws {
        try await withEncryptedServer(answering: echo) { address in
            let client = try await FrameClient(to: address)
            try await client.begin("POST", "/", stream: 1, ends: false)
            let basis = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "test")]
            func without(_ name: String, _ more: [(String, String)] = []) -> [(String, String)] {
                basis.filter { $0.0 != name } + more
            }
            let blocks: [[(String, String)]] = [
                without(":method"), without(":path"), without(":scheme"), basis + [("Upper", "x")],
                basis + [("connection", "close")], basis + [("transfer-encoding", "chunked")], basis + [("a b", "x")],
                basis + [("x", "a\nb")], basis + [("x", "a\0b")], basis + [(":path", "/b")], [("x", "y")] + basis,
                without(":path", [(":path", "")]), [(":method", "G T")] + without(":method"),
                [(":path", "/a b")] + without(":path"), basis + [(":nonsense", "x")], basis + [("te", "gzip")],
                basis + [(":status", "200")], basis + [("content-length", "x")], basis + [("content-length", "5")],
            ]
            for (index, block) in blocks.enumerated() {
                let stream = 2 * index + 3
                try await client.send(.headers, flags: 5, stream: stream, content: FrameClient.block(block))
                let answer = try await client.answer(stream)
                #expect(answer.reset == Code.protocolError || answer.status == 400, "\(block): \(answer)")
            }
            let answered: [([(String, String)], Int)] = [
                (basis + [("host", "other")], 400), (basis + [("host", "test")], 200), (without(":authority"), 400),
                ([(":method", "CONNECT"), (":authority", "test:1")], 405), (basis + [("expect", "miracles")], 417),
                ([(":path", "nothing")] + without(":path"), 400), ([(":method", "FOO")] + without(":method"), 200),
            ]
            for (index, (block, status)) in answered.enumerated() {
                let answer = try await {
                    try await client.send(
                        .headers, flags: 5, stream: 101 + 2 * index, content: FrameClient.block(block))
                    return try await client.answer(101 + 2 * index)
                }()
                #expect(answer.status == status, "\(block)")
            }
            // More than, and less than, the length that was promised.
            try await client.begin("POST", "/", [("content-length", "2")], stream: 201, ends: false)
            try await client.send(.data, flags: 1, stream: 201, content: [1, 2, 3])
            #expect(try await client.answer(201).reset == Code.protocolError)
            try await client.begin("POST", "/", [("content-length", "5")], stream: 203, ends: false)
            try await client.send(.data, flags: 1, stream: 203, content: [1, 2, 3])
            #expect(try await client.answer(203).reset == Code.protocolError)
            // Trailers say nothing.
            try await client.begin("POST", "/", stream: 205, ends: false)
            try await client.send(.data, stream: 205, content: Array("abc".utf8))
            try await client.send(.headers, flags: 5, stream: 205, content: FrameClient.block([("x", "y")]))
            #expect(try await client.answer(205).text == "abc")

            try await client.upload(Array("whole".utf8), stream: 1)
            #expect(try await client.answer(1).text == "whole")
        }
    }

    @Test("a client that gives no credit loses its stream in the time of a write, and nothing else")
    func withheldWindow() async throws {
        let log = LogBook()
        try await withEncryptedServer(
            log: log, configure: { $0.timeouts.writeIdle = .milliseconds(600) },
            answering: { request in
                if request.method == .post { return await echo(request) }
                return Response(.ok, body: .bytes(ByteBuffer(repeating: 1, count: 1 << 20)))
            }
        ) { address in
            let client = try await FrameClient(to: address, window: 0)
            try await client.begin("GET", "/", stream: 1)
            let answer = try await client.answer(1)
            #expect(answer.status == 200 && answer.body.isEmpty && answer.reset == Code.internalError)
            // A byte now and then is no better.
            try await client.begin("GET", "/", stream: 3)
            let begin = ContinuousClock.now
            while ContinuousClock.now - begin < .seconds(60) {
                try await client.send(.windowUpdate, stream: 3, content: FrameClient.bytes(1))
                if FrameClient.frames(client.raw.incoming.value.bytes).contains(where: {
                    $0.stream == 3 && $0.kind == .reset
                }) {
                    break
                }
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try await client.answer(3).reset == Code.internalError)
            // Credit that no client can have is an error of its own.
            let greedy = try await FrameClient(to: address)
            try await greedy.begin("POST", "/", stream: 1, ends: false)
            for _ in 0..<2 {
                try await greedy.send(.windowUpdate, stream: 1, content: FrameClient.bytes(0x7FFF_FFFF))
            }
            #expect(try await greedy.answer(1).reset != nil)
            try await checkService(address)
        }
    }

    @Test("a client that takes nothing at all loses the connection, and its place")
    func deaf() async throws {
        let large = ByteBuffer(repeating: 1, count: 32 << 20)
        try await withEncryptedServer(
            configure: {
                $0.timeouts.writeIdle = .milliseconds(500)
                $0.limits.connections = 1
            },
            answering: { request in
                if request.method == .post { return await echo(request) }
                return Response(.ok, body: .bytes(large))
            }
        ) { address in
            let client = try await FrameClient(to: address)
            try await client.raw.stopReading()
            for stream in [1, 3, 5] { try await client.begin("GET", "/", stream: stream) }
            // One that waits for nothing that a clock could see.
            try await client.begin("POST", "/", stream: 7, ends: false)
            // Is let in when the first is gone.
            try await checkService(address)
        }
    }

    @Test("credit for a stream that never was ends the connection")
    func strangeStream() async throws {
        try await withEncryptedServer(answering: echo) { address in
            let client = try await FrameClient(to: address)
            try await client.begin("POST", "/", stream: 1, ends: false)
            try await client.send(.windowUpdate, stream: 0x7FFF_FFFF, content: FrameClient.bytes(1))
            #expect(try await client.goAway() == Code.protocolError)
            _ = try await client.raw.waitForClose()
        }
    }

    @Test("a body that has come far with a small window gets a wide one when there is a place, and no more")
    func laterWidth() async throws {
        let length = 3 << 20
        try await withEncryptedServer(
            configure: { $0.limits.readAheadTotal = 1 << 20 },
            answering: { request in
                var sum = 0
                while let piece = try? await request.body.next() { sum += piece.reduce(0) { $0 + $1.readableBytes } }
                return .text(.ok, "\(sum)")
            }
        ) { address in
            let client = try await FrameClient(to: address)
            let fields = [("content-length", "\(length)")]
            // Takes the only wide window.
            try await client.begin("POST", "/", fields, stream: 1, ends: false)
            try await client.begin("POST", "/", fields, stream: 3, ends: false)
            func mostCredit(_ sent: Int) -> Int {
                FrameClient.credit(client.raw.incoming.value.bytes, stream: 3).stream - sent
            }
            try await client.upload(sample(2 << 20), stream: 3, ends: false)
            #expect(mostCredit(2 << 20) <= FrameClient.initialWindow)
            try await client.send(.reset, stream: 1, content: FrameClient.bytes(8))
            for part in 1...8 {
                try await client.upload(sample(1 << 17), stream: 3, ends: part == 8)
                #expect(mostCredit((2 << 20) + (part << 17)) <= 1 << 20)
            }
            #expect(try await client.answer(3).text == "\(length)")
        }
    }

    @Test("a body that nobody reads is taken up to the read-ahead, and one without room up to a small window")
    func unreadBodies() async throws {
        let isDue = Watched(false)
        for (total, most) in [(64 << 20, 3 << 20), (1 << 16, 300_000)] {
            isDue.change { $0 = false }
            try await withEncryptedServer(
                configure: {
                    $0.limits.readAhead = 1 << 20
                    $0.limits.readAheadTotal = total
                },
                answering: { request in
                    var first = true
                    var sum = 0
                    do {
                        while let piece = try await request.body.next() {
                            sum += piece.reduce(0) { $0 + $1.readableBytes }
                            if first { _ = try await isDue.wait("its time") { $0 } }
                            first = false
                        }
                    } catch {
                        return .text(.badRequest, "\(error)")
                    }
                    return .text(.ok, "\(sum)")
                }
            ) { address in
                let client = try await FrameClient(to: address)
                try await client.begin("POST", "/", stream: 1, ends: false)
                let sent = Watched(0)
                let upload = Task {
                    for number in 0..<1000 {
                        try await client.upload(sample(16_384), stream: 1, ends: number == 999)
                        sent.change { $0 += 16_384 }
                    }
                }
                try await sent.wait("what is always taken") { $0 >= 49_152 }
                var last = -1
                while last != sent.value {
                    last = sent.value
                    try await Task.sleep(for: .milliseconds(500))
                }
                #expect(last < most, "\(last) of \(total)")
                isDue.change { $0 = true }
                try await upload.value
                #expect(try await client.answer(1).text == "\(1000 * 16_384)")
            }
        }
    }

    @Test("bodies that come too slowly are answered, and connections without streams are closed, whatever they send")
    func slow() async throws {
        try await withEncryptedServer(
            configure: {
                $0.timeouts.bodyIdle = .milliseconds(300)
                $0.timeouts.idle = .milliseconds(700)
                $0.timeouts.head = .seconds(3)
            },
            answering: { request in
                do throws(BodyError) {
                    return Response(.ok, body: .bytes(try await request.body.collect(upTo: 1 << 20)))
                } catch {
                    return .text(error == .tooSlow ? .requestTimeout : .badRequest, "\(error)")
                }
            }
        ) { address in
            let client = try await FrameClient(to: address)
            try await client.begin("POST", "/", stream: 1, ends: false)
            try await client.send(.data, stream: 1, content: [1])
            let answer = try await client.answer(1)
            #expect(answer.status == 408 && answer.isWhole)
            let pings = Task {
                while !Task.isCancelled {
                    try await client.send(.ping, content: [UInt8](repeating: 1, count: 8))
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            #expect(try await client.goAway() == 0)
            _ = try await client.raw.waitForClose()
            pings.cancel()
            // Neither a preface nor a head has more time than in HTTP/1.
            let mute = try await FrameClient(to: address, greets: false)
            _ = try await mute.raw.waitForClose()
            let dripping = try await FrameClient(to: address)
            try await dripping.send(.headers, stream: 1, content: FrameClient.head("GET", "/"))
            _ = try await dripping.raw.waitForClose()
        }
    }

    @Test("no bytes behind the preface bring the server down, or keep it from serving others")
    func garbage() async throws {
        let seed = UInt64.random(in: 0 ..< .max)
        var random = SeededGenerator(seed: seed)
        try await withEncryptedServer(answering: echo) { address in
            for round in 0..<60 {
                let client = try await FrameClient(to: address, greets: round % 4 != 0)
                var bytes: [UInt8] = []
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    let kind = FrameClient.Kind(rawValue: UInt8.random(in: 0...9, using: &random)) ?? .data
                    var content = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                    if kind == .headers, Bool.random(using: &random) { content = FrameClient.head("POST", "/") }
                    bytes += FrameClient.frame(
                        kind, flags: UInt8.random(in: 0...255, using: &random),
                        stream: Int.random(in: 0...7, using: &random),
                        content: content)
                }
                try? await client.raw.send(bytes)
                try? await client.raw.endInput()
                _ = try await client.raw.incoming.wait("the end of round \(round), seed \(seed)") {
                    $0.isClosed || $0.wasReset
                }
            }
            try await checkService(address)
        }
    }
}
