import Foundation
import Support
import Testing

@Suite("Open files", .serialized)
struct DescriptorTests {
    private static let form = """
        --b\r\nContent-Disposition: form-data; name="filepond"; filename="a.txt"\r\n\r\nwords\r\n--b--\r\n
        """

    private static func upload(_ client: HTTPClient) async throws -> HTTPReply {
        try await client.send(
            "POST", "/fp/process/", headers: [("Content-Type", "multipart/form-data; boundary=b")],
            body: Array(form.utf8))
    }

    private static func limit(of host: HostProcess) throws -> Int? {
        let limits = try String(contentsOfFile: "/proc/\(host.processIdentifier)/limits", encoding: .utf8)
        let line = limits.split(separator: "\n").first { $0.hasPrefix("Max open files") }
        return line?.split(separator: " ").compactMap { Int($0) }.first
    }

    @Test("the soft limit is raised to the hard one, and 1,100 idle connections keep no upload from passing")
    func raised() async throws {
        let host = try await HostProcess(after: "ulimit -Sn 1024; ulimit -Hn 16384", in: try TemporaryDirectory())
        #expect(try Self.limit(of: host) == 16384)
        var idle: [HTTPConnection] = []
        for _ in 0..<1100 { idle.append(try HTTPConnection(port: host.client.port)) }
        for _ in 0..<50 {
            let reply = try await Self.upload(host.client)
            #expect(reply.status == 200, "\(reply.text)")
        }
        withExtendedLifetime(idle) {}
        #expect(try await host.stop() == 0)
    }

    @Test("where the hard limit is low, connections beyond what fits wait, and no upload fails")
    func derived() async throws {
        let host = try await HostProcess(after: "ulimit -n 512", in: try TemporaryDirectory())
        let notice = host.logText.firstMatch(of: #/leaves room for (\d+) connections/#)
        let fits = try #require(notice.flatMap { Int($0.1) }, "\(host.logText)")
        #expect((16..<170).contains(fits))
        var idle: [HTTPConnection] = []
        for _ in 0..<600 { idle.append(try HTTPConnection(port: host.client.port)) }
        let client = host.client
        async let waiting = Self.upload(client)
        _ = try await waitFor("the limit to be reached", within: .seconds(30)) {
            host.logText.contains("connections are taken") ? true : nil
        }
        // Its turn comes when the others go.
        idle = []
        let reply = try await waiting
        #expect(reply.status == 200, "\(reply.text)")
        #expect(!host.logText.contains("could not be accepted"), "\(host.logText)")
        #expect(!host.logText.contains("DOWN"))
        #expect(try await host.stop() == 0)
    }

    @Test("a limit that sinks under the host neither spins nor closes its door")
    func sinking() async throws {
        let host = try await HostProcess(in: try TemporaryDirectory())
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(host.processIdentifier)/fd").count
        try await Self.setLimit(of: host, to: open + 2)
        let start = ContinuousClock.now
        var idle: [HTTPConnection] = []
        for _ in 0..<8 { idle.append(try HTTPConnection(port: host.client.port)) }
        let tries = try await waitFor("the host to try again twice", within: .seconds(30)) {
            let tries = host.logText.components(separatedBy: "could not be accepted").count - 1
            return tries >= 3 ? tries : nil
        }
        // Half a second lies between two tries, however slow the machine is.
        #expect(ContinuousClock.now - start > .milliseconds(500 * (tries - 1)))
        try await Self.setLimit(of: host, to: 1024)
        let reply = try await Self.upload(host.client)
        #expect(reply.status == 200, "\(reply.text)")
        withExtendedLifetime(idle) {}
        #expect(try await host.stop() == 0)
    }

    private static func setLimit(of host: HostProcess, to limit: Int) async throws {
        let words = ["prlimit", "--pid", "\(host.processIdentifier)", "--nofile=\(limit):"]
        let run = try await CommandResult.of(URL(fileURLWithPath: "/usr/bin/env"), words, in: host.directory)
        try #require(run.status == 0, "\(run.errors)")
    }

    @Test("a limit too small to run with is refused by a sentence", arguments: [30, 64, 128])
    func tooSmall(limit: Int) async throws {
        let directory = try TemporaryDirectory()
        try HostProcess.plainConfiguration.write(
            to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        for command in ["serve", "check"] {
            let result = try await HostProcess.run([command], after: "ulimit -n \(limit)", in: directory)
            #expect(result.status == 78, "\(command): \(result.status) \(result.errors)")
            #expect(result.errors.contains("the limit of open files is \(limit)"), "\(result.errors)")
            #expect(result.errors.contains("LimitNOFILE="), "\(result.errors)")
        }
        #expect(directory.files(below: ".") == ["fphost.yaml"])
    }

    @Test("a number of connections set by hand that does not fit is a warning with the one that does")
    func setByHand() async throws {
        let directory = try TemporaryDirectory()
        let configuration = HostProcess.plainConfiguration.replacing(
            "server: {listen: 127.0.0.1:0}", with: "server: {listen: 127.0.0.1:0, max_connections: 900}")
        try configuration.write(
            to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        let result = try await HostProcess.run(["check"], after: "ulimit -n 1024", in: directory)
        #expect(result.status == 0)
        let found = try #require(
            result.errors.firstMatch(of: #/fphost.yaml:1:\d+: warning: .*is 900, but .* 1024, leaves room for (\d+)/#),
            "\(result.errors)")
        #expect((16..<400).contains(Int(found.1) ?? 0))
        let roomy = try await HostProcess.run(["check"], after: "ulimit -n 16384", in: directory)
        #expect(roomy.status == 0 && !roomy.errors.contains("max_connections"), "\(roomy.errors)")
    }
}
