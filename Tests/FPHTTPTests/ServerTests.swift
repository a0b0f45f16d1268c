import FPFormats
import FPHTTP
import Glibc
import HTTPTypes
import NIOCore
import Testing

@Suite("Starting, listening and stopping")
struct ServerTests {
    static func server(
        _ addresses: [ListenAddress],
        answering answer: @escaping @Sendable (Request) async -> Response = mirror
    ) -> HTTPServer {
        HTTPServer(
            configuration: .init(addresses: addresses),
            logger: LogBook().logger,
            handler: Handling(answer: answer)
        )
    }

    /// A directory that is gone after `work`.
    static func withDirectory(_ work: (String) async throws -> Void) async throws {
        var template = Array("/tmp/fphost-http-XXXXXX".utf8CString)
        #expect(mkdtemp(&template) != nil)
        let path = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
        defer {
            for name in ["s", "f"] {
                unlink("\(path)/\(name)")
            }
            rmdir(path)
        }
        try await work(path)
    }

    @Test("a server listens in several places at once, IPv6 and Unix sockets among them")
    func severalAddresses() async throws {
        try await Self.withDirectory { directory in
            let server = Self.server([
                .tcp(host: "127.0.0.1", port: 0), .tcp(host: "::1", port: 0), .unix(path: "\(directory)/s"),
            ])
            let addresses = try await server.start()
            #expect(addresses.count == 3)
            for address in addresses {
                let response = try await RawClient.connect(to: address).exchange(get("/a"))
                #expect(response.text == "GET /a")
            }
            await server.shutdown(grace: .zero)
        }
    }

    @Test("a Unix socket has mode 0660, replaces a stale one, and is gone at the end")
    func unixSocket() async throws {
        try await Self.withDirectory { directory in
            let path = "\(directory)/s"
            let stale = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(stale, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            #expect(bound == 0)
            close(stale)
            let server = Self.server([.unix(path: path)])
            let addresses = try await server.start()
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o660)
            #expect(try await RawClient.connect(to: addresses[0]).exchange(get("/a")).status == 200)
            await #expect(throws: (any Error).self, "a socket in use is not taken") {
                try await Self.server([.unix(path: path)]).start()
            }
            #expect(try await RawClient.connect(to: addresses[0]).exchange(get("/a")).status == 200)
            await server.shutdown(grace: .zero)
            #expect(stat(path, &status) != 0)
        }
    }

    @Test("a file that is no socket is left alone")
    func regularFile() async throws {
        try await Self.withDirectory { directory in
            let path = "\(directory)/f"
            close(open(path, O_CREAT | O_WRONLY, 0o600))
            let error = await #expect(throws: (any Error).self) {
                try await Self.server([.unix(path: path)]).start()
            }
            #expect(error.map { "\($0)" }?.contains("not a socket") == true)
            #expect(access(path, F_OK) == 0)
        }
    }

    @Test("a port that is taken stops the start with a sentence, and frees the others")
    func portTaken() async throws {
        let first = Self.server([.tcp(host: "127.0.0.1", port: 0)])
        let port = try #require(try await first.start()[0].port)
        let second = Self.server([.tcp(host: "127.0.0.1", port: 0), .tcp(host: "127.0.0.1", port: UInt16(port))])
        let error = await #expect(throws: (any Error).self) { try await second.start() }
        #expect(error.map { "\($0)" } == "cannot listen on 127.0.0.1:\(port): another process listens there")
        await first.shutdown(grace: .zero)
        await second.shutdown(grace: .zero)
    }

    @Test("shutdown lets a request finish, closes idle connections and takes no new ones")
    func graceful() async throws {
        let isReleased = Watched(false)
        let isRunning = Watched(false)
        let server = Self.server([.tcp(host: "127.0.0.1", port: 0)]) { request in
            if request.path.segments[0] == "slow" {
                isRunning.change { $0 = true }
                _ = try? await isReleased.wait("the test's word") { $0 }
            }
            return await mirror(request)
        }
        let address = try await server.start()[0]
        let idle = try await RawClient.connect(to: address)
        #expect(try await idle.exchange(get("/")).status == 200)
        let busy = try await RawClient.connect(to: address)
        try await busy.send(get("/slow"))
        try await isRunning.wait("the handler") { $0 }
        async let down: Void = server.shutdown(grace: deadline)
        _ = try await idle.waitForClose()
        await #expect(throws: (any Error).self) { try await RawClient.connect(to: address) }
        isReleased.change { $0 = true }
        let response = try await busy.response()
        #expect(response.text == "GET /slow")
        #expect(response["Connection"] == "close")
        await down
    }

    @Test("shutdown cancels what does not finish in time, bodies and handlers alike")
    func forced() async throws {
        let ends = Watched<[String]>([])
        let running = Watched(0)
        let server = Self.server([.tcp(host: "127.0.0.1", port: 0)]) { request in
            running.change { $0 += 1 }
            if request.method == .post {
                do throws(BodyError) {
                    while try await request.body.next() != nil {}
                } catch {
                    ends.change { $0.append("\(error)") }
                }
            } else {
                try? await Task.sleep(for: deadline)
                ends.change { $0.append("woken") }
            }
            return .text(.ok, "")
        }
        let address = try await server.start()[0]
        let upload = try await RawClient.connect(to: address)
        try await upload.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc")
        let sleeper = try await RawClient.connect(to: address)
        try await sleeper.send(get("/"))
        try await running.wait("both handlers") { $0 == 2 }
        await server.shutdown(grace: .milliseconds(20))
        #expect(ends.value.sorted() == ["cancelled", "woken"])
        _ = try await upload.waitForClose()
        _ = try await sleeper.waitForClose()
    }

    @Test("handlers and streams that outlive their server do their work to the end, and are let go")
    func outlive() async throws {
        let waiting = Watched(0)
        let isReleased = Watched(false)
        let steps = Watched(0)
        let closes = Watched(0)
        @Sendable func work() async {
            waiting.change { $0 += 1 }
            // Detached, as it would be cancelled otherwise.
            await Task.detached { _ = try? await isReleased.wait("the test's word") { $0 } }.value
            for _ in 0..<3 {
                await Task.yield()
                steps.change { $0 += 1 }
            }
        }
        let server = Self.server([.tcp(host: "127.0.0.1", port: 0)]) { request in
            let begins = request.path.segments[0] == "stream"
            if !begins { await work() }
            let made = Watched(0)
            return Response(
                .ok,
                body: .stream(
                    length: nil,
                    next: {
                        made.change { $0 += 1 }
                        if begins, made.value == 2 { await work() }
                        return ByteBuffer(string: "x")
                    },
                    close: { closes.change { $0 += 1 } }))
        }
        let address = try await server.start()[0]
        var clients: [RawClient] = []
        for path in ["/handler", "/stream"] {
            let client = try await RawClient.connect(to: address)
            try await client.send(get(path))
            clients.append(client)
        }
        try await waiting.wait("the handler and the stream") { $0 == 2 }
        await server.shutdown(grace: .zero)
        for client in clients { _ = try await client.waitForClose() }
        #expect(steps.value == 0)
        isReleased.change { $0 = true }
        try await steps.wait("the last steps") { $0 == 6 }
        try await closes.wait("both streams to be closed") { $0 == 2 }
    }
}
