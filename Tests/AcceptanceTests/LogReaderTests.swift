import Foundation
import Support
import Testing

@Suite("Whoever reads the log")
struct LogReaderTests {
    /// A request whose access line is as long as one may be.
    private static let path = "/" + String(repeating: "x", count: 8000)

    private static func ask(_ client: HTTPClient) async throws -> HTTPReply {
        try await client.send("GET", path)
    }

    @Test("a reader that stalls stops no request and no SIGTERM", arguments: [SIGTERM, SIGHUP, SIGINT])
    func stalled(signal: Int32) async throws {
        let host = try await HostProcess(in: try TemporaryDirectory())
        host.stopReadingLog()
        for _ in 0..<100 { #expect(try await Self.ask(host.client).status == 404) }
        host.signal(signal)
        #expect(try await host.end() == 0)
    }

    @Test("lines that find no room are dropped and counted, and the reader learns how many once it reads again")
    func counted() async throws {
        let host = try await HostProcess(in: try TemporaryDirectory())
        host.stopReadingLog()
        // More than all that the queue holds, in lines of half a kilobyte.
        let port = host.client.port
        try await onThread {
            let connection = try HTTPConnection(port: port)
            let line = "GET /\(String(repeating: "x", count: 600)) HTTP/1.1\r\nHost: a\r\n\r\n"
            for _ in 0..<250 {
                try connection.send(String(repeating: line, count: 40))
                for _ in 0..<40 { #expect(try connection.readReply().status == 404) }
            }
        }
        host.readLogAgain()
        let notice = try await waitFor("the number of dropped lines", within: .seconds(30)) {
            host.logText.firstMatch(of: #/WARNING (\d+) lines were dropped: /#)?.1
        }
        #expect((1..<10_000).contains(Int(notice) ?? 0))
        #expect(try await host.stop() == 0)
        // What was not dropped is whole; a warning about the configuration has a form of its own.
        let lines = host.logText.split(separator: "\n").filter { !$0.contains(": warning: ") }
        #expect(lines.allSatisfy { $0.starts(with: #/\d{4}-\d\d-\d\dT\S+Z [A-Z]+ /#) })
    }

    @Test("a reader that goes away stops no request and no SIGTERM")
    func gone() async throws {
        let host = try await HostProcess(in: try TemporaryDirectory())
        try host.closeLog()
        for _ in 0..<20 { #expect(try await Self.ask(host.client).status == 404) }
        host.signal(SIGTERM)
        #expect(try await host.end() == 0)
    }

    @Test("a standard error that was closed before the start is no file of the host's")
    func closed() async throws {
        let directory = try TemporaryDirectory()
        try "nonsense: 1".write(
            to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        let result = try await HostProcess.run(["serve"], after: "exec 2>&- 1>&- 0<&-", in: directory)
        #expect(result.status == 78)
    }

    @Test("SIGHUP that was ignored before the start stays so")
    func ignoredHangUp() async throws {
        let host = try await HostProcess(after: "trap '' HUP", in: try TemporaryDirectory())
        host.signal(SIGHUP)
        #expect(try await Self.ask(host.client).status == 404)
        host.signal(SIGTERM)
        #expect(try await host.end() == 0)
    }

    @Test("the last lines before a crash are written")
    func crash() async throws {
        let host = try await HostProcess(in: try TemporaryDirectory())
        for _ in 0..<50 { _ = try await Self.ask(host.client) }
        host.signal(SIGSEGV)
        #expect(try await host.end() == -SIGSEGV)
        _ = try await waitFor("all access lines", within: .seconds(10)) {
            host.logText.components(separatedBy: " 404").count > 50 ? true : nil
        }
    }
}
