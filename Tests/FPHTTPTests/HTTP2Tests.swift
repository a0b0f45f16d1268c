import FPHTTP
import Foundation
import NIOCore
import NIOSSL
import Support
import Testing

/// A server that speaks TLS.
func withEncryptedServer(
    log: LogBook = LogBook(), configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    answering answer: @escaping @Sendable (Request) async -> Response,
    _ work: (SocketAddress) async throws -> Void
) async throws {
    let files = try CertificateFiles()
    try await withServer(
        log: log,
        configure: {
            $0.addresses = [.tls(host: "127.0.0.1", port: 0)]
            $0.tls = files.paths
            configure(&$0)
        }, answering: answer, work)
}

func sample(_ count: Int, seed: UInt64 = 7) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    let words = (0..<(count + 7) / 8).map { _ in random.next() as UInt64 }
    return words.withUnsafeBytes { Array($0.prefix(count)) }
}

@Suite("HTTP/2", .serialized)
struct HTTP2Tests {
    @Test("requests and answers are the same as in HTTP/1")
    func same() async throws {
        try await withEncryptedServer(answering: { request in
            let body = try? await request.body.collect(upTo: 100)
            let parts: [String] = [
                "\(request.method)", request.scheme, request.authority ?? "-", "\(request.path)", request.target,
                request.headers[.cookie] ?? "-",
                request.headers.first { $0.name.canonicalName == "host" }?.value ?? "-",
                body.map { String(buffer: $0) } ?? "-",
            ]
            return .text(.ok, parts.joined(separator: " "))
        }) { address in
            let client = try await FrameClient(to: address)
            let fields = [("cookie", "a=1"), ("cookie", "b=2")]
            var answer = try await client.exchange("POST", "/x/y?z=1", fields, body: Array("abc".utf8), stream: 1)
            #expect(answer.text == "POST https test /x/y /x/y?z=1 a=1; b=2 test abc")
            #expect(answer.status == 200 && answer.isWhole && answer.reset == nil)
            #expect(answer["content-length"] == "\(answer.body.count)" && answer["server"] == "fphost")
            #expect(answer["connection"] == nil && answer["transfer-encoding"] == nil)
            answer = try await client.exchange("HEAD", "/x", stream: 3)
            #expect(answer.status == 200 && answer.body.isEmpty && answer.isWhole)
            #expect(answer["content-length"] == "\("HEAD https test /x /x - test ".utf8.count)")
        }
    }

    @Test("a client has the protocol that it chooses, and HTTP/1.1 where HTTP/2 is off", arguments: [true, false])
    func choice(isOn: Bool) async throws {
        try await withEncryptedServer(configure: { $0.speaksHTTP2 = isOn }, answering: mirror) { address in
            for protocols in [[], ["http/1.1"], ["http/1.1", "h2"], ["h2", "http/1.1"]] {
                var tls = try TestCertificate.one.client()
                tls.applicationProtocols = protocols
                let client = try await RawClient.connect(to: address, tls: tls)
                if isOn, protocols.contains("h2") {
                    _ = try await client.incoming.wait("settings") {
                        FrameClient.frames($0.bytes).first?.kind == .settings
                    }
                } else {
                    let response = try await client.exchange(get("/a"))
                    #expect(response.text == "GET /a")
                }
            }
        }
    }

    @Test("an upload of 5 MB arrives whole, and the connection goes on")
    func upload() async throws {
        let bytes = sample(5_000_000)
        let log = LogBook()
        try await withEncryptedServer(
            log: log,
            answering: { request in
                do throws(BodyError) {
                    let body = try await request.body.collect(upTo: 32 << 20)
                    return .text(.ok, "\(Array(buffer: body) == bytes) \(request.contentLength ?? -1)")
                } catch {
                    return .text(.badRequest, "\(error)")
                }
            }
        ) { address in
            let client = try await FrameClient(to: address)
            var answer = try await client.exchange(
                "POST", "/", [("content-length", "\(bytes.count)")], body: bytes, stream: 1)
            #expect(answer.text == "true \(bytes.count)")
            answer = try await client.exchange("POST", "/", body: bytes, stream: 3)
            #expect(answer.text == "true -1")
            try await log.lines.wait("the log") { $0.filter { $0.contains("POST / 200") }.count == 2 }
        }
    }

    @Test("a file, or a piece of it, goes out whole, also to a client that gives little credit")
    func download() async throws {
        let bytes = sample(1 << 20)
        let directory = try TemporaryDirectory()
        let path = directory.url.appendingPathComponent("file").path
        #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
        let pieces = [0..<bytes.count, 0..<1, 7..<7, (1 << 18) - 1..<(3 << 18) + 1]
        try await withEncryptedServer(answering: { request in
            let piece = pieces[Int(request.query.first("n") ?? "") ?? 0]
            return Response(
                .ok,
                body: .file(
                    descriptor: Glibc.open(path, O_RDONLY | O_CLOEXEC), offset: Int64(piece.lowerBound),
                    length: Int64(piece.count)))
        }) { address in
            let client = try await FrameClient(to: address)
            let slow = try await FrameClient(to: address, window: 0)
            for (index, piece) in pieces.enumerated() {
                let stream = 2 * index + 1
                let answer = try await client.exchange("GET", "/?n=\(index)", stream: stream)
                #expect(answer.body == Array(bytes[piece]) && answer.isWhole)
                try await slow.begin("GET", "/?n=\(index)", stream: stream)
                var credit = 0
                while credit < piece.count {
                    let more = min(100_000, piece.count - credit)
                    credit += more
                    let due = credit
                    try await slow.send(.windowUpdate, stream: stream, content: FrameClient.bytes(UInt32(more)))
                    _ = try await slow.raw.incoming.wait("what there is credit for") {
                        FrameClient.frames($0.bytes).filter { $0.stream == stream && $0.kind == .data }
                            .reduce(0) { $0 + $1.content.count } == due
                    }
                }
                #expect(try await slow.answer(stream).body == Array(bytes[piece]))
            }
        }
    }

    @Test("answers of unknown length end as streams do, and broken ones do not")
    func streams() async throws {
        struct Fault: Error {}
        let part = ByteBuffer(repeating: 1, count: 100_000)
        try await withEncryptedServer(answering: { request in
            let left = Watched(3)
            let fails = "\(request.path)" == "/broken"
            return Response(
                .ok,
                body: .stream(
                    length: nil,
                    next: {
                        left.change { $0 -= 1 }
                        if left.value >= 0 { return part }
                        if fails { throw Fault() }
                        return nil
                    }))
        }) { address in
            let client = try await FrameClient(to: address)
            let whole = try await client.exchange("GET", "/whole", stream: 1)
            #expect(whole.body.count == 300_000 && whole.isWhole && whole["content-length"] == nil)
            let broken = try await client.exchange("GET", "/broken", stream: 3)
            #expect(!broken.isWhole && broken.reset == 2)
            #expect(try await client.exchange("GET", "/whole", stream: 5).isWhole)
        }
    }

    @Test("a stream that waits for its client keeps no other from going on")
    func independence() async throws {
        let bytes = ByteBuffer(repeating: 7, count: 4 << 20)
        try await withEncryptedServer(answering: { request in
            if "\(request.path)" == "/large" { return Response(.ok, body: .bytes(bytes)) }
            return await echo(request)
        }) { address in
            let client = try await FrameClient(to: address, window: 1000)
            try await client.begin("GET", "/large", stream: 1)
            // Its body never comes.
            try await client.begin("POST", "/", stream: 3, ends: false)
            let answer = try await client.exchange("POST", "/", body: Array("abc".utf8), stream: 5)
            #expect(answer.text == "abc")
            try await client.upload(Array("d".utf8), stream: 3)
            #expect(try await client.answer(3).text == "d")
        }
    }

    @Test("a body that waits for a 100 gets it, and one that is refused need not be sent")
    func interim() async throws {
        try await withEncryptedServer(answering: { request in
            if "\(request.path)" == "/refused" { return .text(.contentTooLarge, "no") }
            return await echo(request)
        }) { address in
            let client = try await FrameClient(to: address)
            try await client.begin("POST", "/", [("expect", "100-continue")], stream: 1, ends: false)
            _ = try await client.raw.incoming.wait("a 100") {
                FrameClient.frames($0.bytes).contains { $0.stream == 1 && $0.kind == .headers }
            }
            try await client.upload(Array("abc".utf8), stream: 1)
            let answer = try await client.answer(1)
            #expect(answer.interim == [100] && answer.text == "abc")
            // Far more than is read of a body that nobody wants.
            let large = [("content-length", "\(1 << 30)")]
            try await client.begin("POST", "/refused", large, stream: 3, ends: false)
            let refused = try await client.raw.incoming.wait("a reset") {
                FrameClient.frames($0.bytes).contains { $0.stream == 3 && $0.kind == .reset }
            }
            #expect(FrameClient.frames(refused.bytes).contains { $0.stream == 3 && $0.endsStream })
            let whole = try await client.answer(3)
            #expect(whole.status == 413 && whole.text == "no" && whole.reset == 0)
            // A little is read.
            let small = try await client.exchange(
                "POST", "/refused", [("content-length", "60000")], body: sample(60_000), stream: 5)
            #expect(small.status == 413 && small.reset == nil)
        }
    }

    @Test("what the handler does ends with its stream, and the body of which no more comes is cut short")
    func cancellation() async throws {
        let outcomes = Watched<[String]>([])
        try await withEncryptedServer(answering: { request in
            if request.method == .post {
                do throws(BodyError) {
                    _ = try await request.body.collect(upTo: 1 << 20)
                } catch {
                    outcomes.change { $0.append("\(error)") }
                }
            } else {
                try? await Task.sleep(for: .seconds(600))
                outcomes.change { $0.append("cancelled") }
            }
            return .text(.ok, "")
        }) { address in
            let client = try await FrameClient(to: address)
            try await client.begin("GET", "/", stream: 1)
            try await client.send(.reset, stream: 1, content: FrameClient.bytes(8))
            try await outcomes.wait("the first") { $0 == ["cancelled"] }
            try await client.begin("POST", "/", stream: 3, ends: false)
            try await client.send(.data, stream: 3, content: [1, 2])
            try await client.send(.reset, stream: 3, content: FrameClient.bytes(8))
            let second = try await outcomes.wait("the second") { $0.count == 2 }
            #expect(second[1].contains("truncated"))
            try await client.begin("GET", "/", stream: 5)
            try await client.begin("POST", "/", stream: 7, ends: false)
            try await client.send(.data, stream: 7, content: [1, 2])
            #expect(try await client.exchange("POST", "/", body: [], stream: 9).isWhole)
            try await client.raw.close()
            try await outcomes.wait("the others") { $0.count == 4 }
        }
    }

    @Test("a server that stops lets streams finish, and takes no others")
    func shutdown() async throws {
        let isDue = Watched(false)
        let begun = Watched(0)
        var configuration = HTTPServer.Configuration(addresses: [.tls(host: "127.0.0.1", port: 0)])
        let files = try CertificateFiles()
        configuration.tls = files.paths
        let server = HTTPServer(
            configuration: configuration, logger: LogBook().logger,
            handler: Handling { request in
                begun.change { $0 += 1 }
                _ = try? await isDue.wait("its time") { $0 }
                return await mirror(request)
            })
        let address = try await server.start()[0]
        let client = try await FrameClient(to: address)
        let idle = try await FrameClient(to: address)
        try await client.begin("GET", "/a", stream: 1)
        try await begun.wait("the request") { $0 == 1 }
        async let stop: Void = server.shutdown(grace: .seconds(30))
        #expect(try await client.goAway() == 0)
        #expect(try await idle.goAway() == 0)
        _ = try await idle.raw.waitForClose()
        try await client.begin("GET", "/b", stream: 3)
        isDue.change { $0 = true }
        #expect(try await client.answer(1).text == "GET /a")
        _ = try await client.raw.waitForClose()
        await stop
        #expect(begun.value == 1)
    }
}
