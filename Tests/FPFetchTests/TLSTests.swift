import FPFetch
import Foundation
import Testing

@Suite(.enabled(if: TLSServer.isAvailable, "openssl is not installed"))
struct TLSTests {
    @Test("A file is fetched over TLS from a server whose certificate is good")
    func trusted() async throws {
        let server = try TLSServer(serving: ["file.bin": ok("hello")])
        let fetcher = try makeFetcher(certificateAuthorities: server.certificate)
        #expect(try await fetcher.fetch(server.url("/file.bin")).1 == Array("hello".utf8))
    }

    @Test("A certificate that no authority signed, or that is for another name, is refused")
    func untrusted() async throws {
        let server = try TLSServer(serving: ["file.bin": ok("hello")])
        #expect(try await makeFetcher().failure(server.url("/file.bin"))?.reason == .unreachable)
        let other = try makeFetcher(allow: ["127.0.0.0/8"], certificateAuthorities: server.certificate)
        let error = await other.failure("https://127.0.0.3:\(server.port)/file.bin")
        #expect(error?.reason == .unreachable)
        #expect(error?.detail.contains("SSL") == true)
    }

    @Test("A redirect leads from http to https, but never back")
    func downgrade() async throws {
        let plain = RawServer(ok("plain"))
        let server = try TLSServer(serving: ["file.bin": ok("hello"), "down": redirect(to: plain.url())])
        let up = RawServer(redirect(to: server.url("/file.bin")))
        let fetcher = try makeFetcher(certificateAuthorities: server.certificate)
        #expect(try await fetcher.fetch(up.url()).1 == Array("hello".utf8))
        #expect(await fetcher.failure(server.url("/down"))?.reason == .badRedirect)
        #expect(plain.mostOpen == 0)
    }
}

/// A web server behind TLS, from the command line of OpenSSL. Each file is a whole HTTP response.
private final class TLSServer: Sendable {
    let certificate: String
    let port: Int

    private let directory: URL
    private let process: Process

    static let isAvailable = ["/usr/bin/openssl", "/usr/local/bin/openssl"].contains {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    func url(_ path: String) -> String { "https://127.0.0.2:\(port)\(path)" }

    init(serving files: [String: String]) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "fetch-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for (name, response) in files {
            try Data(response.utf8).write(to: directory.appending(path: name))
        }
        certificate = directory.appending(path: "cert.pem").path
        let making = Self.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test "
                + "-addext subjectAltName=IP:127.0.0.2 -keyout key.pem -out cert.pem",
            in: directory
        )
        try making.run()
        making.waitUntilExit()
        try #require(making.terminationStatus == 0)

        process = Self.openssl("s_server -HTTP -4 -accept 0 -cert cert.pem -key key.pem", in: directory)
        let output = Pipe()
        process.standardOutput = output
        // It leaves when its input ends.
        process.standardInput = Pipe()
        try process.run()
        var text = ""
        while !text.contains("\nACCEPT") && !text.hasPrefix("ACCEPT") || !text.hasSuffix("\n") {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "openssl ended: \(text)")
            text += String(decoding: more, as: UTF8.self)
        }
        port = try #require(text.split(whereSeparator: { !$0.isNumber }).last.flatMap { Int($0) })
    }

    deinit {
        // Started from a thread that blocks all signals, it does not hear a milder one.
        kill(process.processIdentifier, SIGKILL)
        try? FileManager.default.removeItem(at: directory)
    }

    private static func openssl(_ arguments: String, in directory: URL) -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments.split(separator: " ").map(String.init)
        process.currentDirectoryURL = directory
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        return process
    }
}
