import FPHTTP
import Foundation
import NIOCore
import NIOSSL
import Support
import Testing

@Suite("TLS")
struct TLSTests {
    private func withEncrypted(
        _ files: CertificateFiles? = nil, log: LogBook = LogBook(),
        configure: (inout HTTPServer.Configuration) -> Void = { _ in },
        answering answer: @escaping @Sendable (Request) async -> Response,
        _ work: (SocketAddress) async throws -> Void
    ) async throws {
        let files = try files ?? CertificateFiles()
        try await withServer(
            log: log,
            configure: {
                $0.addresses = [.tls(host: "127.0.0.1", port: 0)]
                $0.tls = files.paths
                configure(&$0)
            }, answering: answer, work)
    }

    private static func connect(
        to address: SocketAddress, reads: Bool = true, trusting certificate: TestCertificate = .one,
        _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) async throws -> RawClient {
        var configuration = try certificate.client()
        change(&configuration)
        return try await RawClient.connect(to: address, reads: reads, tls: configuration)
    }

    private static func sample(_ count: Int) -> [UInt8] {
        var random = SeededGenerator(seed: 7)
        let words = (0..<(count + 7) / 8).map { _ in random.next() as UInt64 }
        return words.withUnsafeBytes { Array($0.prefix(count)) }
    }

    @Test("an upload of 20 MB arrives whole, and the connection goes on")
    func upload() async throws {
        let bytes = Self.sample(20_000_000)
        try await withEncrypted(answering: { request in
            guard let body = try? await request.body.collect(upTo: 32 << 20) else { return .text(.badRequest, "") }
            return .text(.ok, "\(Array(buffer: body) == bytes) \(request.scheme)")
        }) { address in
            let client = try await Self.connect(to: address)
            for _ in 0..<2 {
                try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \(bytes.count)\r\n\r\n")
                try await client.send(bytes)
                let response = try await client.response()
                #expect(response.text == "true https")
            }
        }
    }

    @Test("a file, or a piece of it, goes out whole, also to a client that is slow to read", arguments: [true, false])
    func download(reads: Bool) async throws {
        let bytes = Self.sample(5 << 20)
        let directory = try TemporaryDirectory()
        let path = directory.url.appendingPathComponent("file").path
        #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
        for piece in [0..<bytes.count, 0..<1, 7..<7, (1 << 20) - 1..<(3 << 20) + 1] {
            try await withEncrypted(answering: { _ in
                let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
                return Response(
                    .ok,
                    body: .file(
                        descriptor: descriptor, offset: Int64(piece.lowerBound), length: Int64(piece.count)))
            }) { address in
                let client = try await Self.connect(to: address)
                _ = try await client.exchange(get("/"))
                for _ in 0..<2 {
                    if !reads { try await client.stopReading() }
                    try await client.send(get("/"))
                    if !reads { try await client.startReading() }
                    let response = try await client.response()
                    #expect(response.body == Array(bytes[piece]))
                }
            }
        }
    }

    @Test("a file that becomes shorter on its way never looks whole")
    func shortFile() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.url.appendingPathComponent("file").path
        #expect(FileManager.default.createFile(atPath: path, contents: Data(count: 1 << 20)))
        try await withEncrypted(answering: { _ in
            Response(
                .ok, body: .file(descriptor: Glibc.open(path, O_RDONLY | O_CLOEXEC), offset: 0, length: 2 << 20))
        }) { address in
            let client = try await Self.connect(to: address)
            try await client.send(get("/"))
            let end = try await client.incoming.wait("the end") { $0.isClosed }
            #expect(end.bytes.count < 2 << 20)
            #expect(end.wasReset)
        }
    }

    @Test("an answer without a length that breaks off does not end as a whole one does", arguments: [true, false])
    func broken(fails: Bool) async throws {
        struct Fault: Error {}
        let part = ByteBuffer(repeating: 1, count: 1000)
        try await withEncrypted(answering: { _ in
            let left = Watched(3)
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
            let client = try await Self.connect(to: address)
            try await client.send("GET / HTTP/1.0\r\n\r\n")
            let end = try await client.waitForClose()
            #expect(end.wasReset == fails)
            if !fails { #expect(end.bytes.count > 3000) }
        }
    }

    @Test("a client that ends its side in order gets the answers to what it sent whole")
    func halfClose() async throws {
        let isEnded = Watched(false)
        try await withEncrypted(answering: { request in
            _ = try? await isEnded.wait("the client's end") { $0 }
            return await echo(request)
        }) { address in
            let client = try await Self.connect(to: address)
            try await client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc")
            try await client.endInput()
            isEnded.change { $0 = true }
            let response = try await client.response()
            #expect(response.text == "abc")
            let end = try await client.waitForClose()
            #expect(end.bytes.isEmpty && !end.wasReset, "\(end.error)")
        }
    }

    @Test("nothing is served behind the last answer of a connection")
    func last() async throws {
        let served = Watched(0)
        try await withEncrypted(answering: { request in
            served.change { $0 += 1 }
            return await mirror(request)
        }) { address in
            let client = try await Self.connect(to: address)
            try await client.send(get("/a", "Connection: close\r\n") + get("/b"))
            let response = try await client.response()
            #expect(response["Connection"] == "close")
            let end = try await client.waitForClose()
            #expect(end.bytes.isEmpty && !end.wasReset)
            #expect(served.value == 1)
        }
    }

    @Test("TLS 1.2 and 1.3 are spoken, and nothing older", arguments: [TLSVersion.tlsv1, .tlsv11, .tlsv12, .tlsv13])
    func versions(version: TLSVersion) async throws {
        try await withEncrypted(answering: mirror) { address in
            let client = try await Self.connect(to: address) {
                $0.minimumTLSVersion = version
                $0.maximumTLSVersion = version
            }
            try? await client.send(get("/a"))
            if version == .tlsv12 || version == .tlsv13 {
                let response = try await client.response()
                #expect(response.text == "GET /a")
            } else {
                let end = try await client.incoming.wait("the end") { $0.isClosed }
                #expect(end.bytes.isEmpty)
            }
        }
    }

    @Test("what is not TLS there is closed, unanswered", arguments: [get("/"), "\u{16}\u{3}\u{1}\u{0}\u{2}xx"])
    func plain(bytes: String) async throws {
        try await withEncrypted(configure: { $0.timeouts.head = .seconds(2) }, answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(bytes)
            let end = try await client.incoming.wait("the end") { $0.isClosed || $0.wasReset }
            #expect(!String(decoding: end.bytes, as: UTF8.self).contains("HTTP/"))
        }
    }

    @Test("a handshake has the time that a head has, and a place among the connections")
    func slowHandshake() async throws {
        try await withEncrypted(
            configure: {
                $0.timeouts.head = .seconds(3)
                $0.limits.connections = 1
            }, answering: mirror
        ) { address in
            let slow = try await RawClient.connect(to: address)
            try await slow.send([0x16, 0x03, 0x01])
            // Waits until the slow one is gone.
            let client = try await Self.connect(to: address)
            let response = try await client.exchange(get("/a"))
            #expect(response.text == "GET /a")
            _ = try await slow.waitForClose()
        }
    }

    @Test("new connections get a new certificate once its key is there too, and others go on")
    func renewal() async throws {
        let files = try CertificateFiles(.one)
        let log = LogBook()
        try await withEncrypted(
            files, log: log, configure: { $0.certificateCheck = .milliseconds(20) }, answering: mirror
        ) { address in
            let old = try await Self.connect(to: address, trusting: .one)
            let before = try await old.exchange(get("/before"))
            #expect(before.text == "GET /before")

            try files.replace(certificate: TestCertificate.two.certificate)
            try await log.lines.wait("a complaint") {
                $0.contains { $0.contains("does not belong to the certificate") }
            }
            let still = try await Self.connect(to: address, trusting: .one)
            let between = try await still.exchange(get("/between"))
            #expect(between.text == "GET /between")

            try files.replace(key: TestCertificate.two.key)
            try await log.lines.wait("the renewal") { $0.contains { $0.contains("get the new certificate") } }
            let new = try await Self.connect(to: address, trusting: .two)
            let after = try await new.exchange(get("/after"))
            #expect(after.text == "GET /after")
            let other = try await Self.connect(to: address, trusting: .one)
            try? await other.send(get("/other"))
            let refused = try await other.waitForClose()
            #expect(refused.bytes.isEmpty)
            let last = try await old.exchange(get("/last"))
            #expect(last.text == "GET /last")
        }
    }

    @Test("files that are no certificate and its key are refused, and the refusal names them")
    func refusals() throws {
        let files = try CertificateFiles()
        let identity = try TLSIdentity(files.paths)
        #expect(identity.expiryWarning(at: identity.expiry - 20 * 86_400) == nil)
        #expect(identity.expiryWarning(at: identity.expiry - 3 * 86_400)?.contains("expires in 3 days") == true)
        #expect(identity.expiryWarning(at: identity.expiry)?.contains("has expired") == true)
        func refusal() -> String {
            do throws(TLSIdentity.Failure) {
                _ = try TLSIdentity(files.paths)
                return ""
            } catch {
                return error.description
            }
        }
        try files.replace(key: TestCertificate.two.key)
        #expect(refusal().contains("does not belong to the certificate in \(files.paths.certificate)"))
        try files.replace(key: TestCertificate.one.certificate)
        #expect(refusal() == "\(files.paths.key) holds no private key in PEM that needs no passphrase")
        try files.replace(key: String(repeating: "x", count: 2 << 20))
        #expect(refusal().contains("larger than"))
        try files.replace(certificate: "rubbish")
        #expect(refusal().hasPrefix("\(files.paths.certificate) holds no certificate"))
        try FileManager.default.removeItem(atPath: files.paths.certificate)
        #expect(refusal().contains("cannot be read"))
    }

    @Test("a server that is to speak TLS does not start without a certificate")
    func noCertificate() async throws {
        await #expect(throws: (any Error).self) {
            try await withServer(
                configure: { $0.addresses = [.tls(host: "127.0.0.1", port: 0)] }, answering: mirror
            ) { _ in }
        }
    }
}
