import Foundation
import Support
import Testing

@Suite("fphost policy")
struct PolicyCommandTests {
    private static let keys =
        "authentication: {policies: {keys: {old: file:./key, new: '0123456789abcdef0123456789abcdef'}}}\n"

    /// A directory with a configuration that has keys, one of them in a file.
    private func directory(_ more: String = keys, key: String = "fedcba9876543210fedcba9876543210") throws
        -> TemporaryDirectory
    {
        let directory = try TemporaryDirectory()
        let file = directory.url.appendingPathComponent("key")
        try (key + "\n").write(to: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
        try (HostProcess.plainConfiguration + "\n" + more).write(
            to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        return directory
    }

    @Test("the host takes what the command signs, and show tells what it says")
    func signed() async throws {
        let directory = try directory()
        let host = try await HostProcess(
            configuration: HostProcess.plainConfiguration + "\n" + Self.keys, in: directory)
        #expect(try await host.client.send("POST", "/fp", headers: [("Upload-Length", "3")]).status == 401)
        for key in ["old", "new"] {
            let signed = try await HostProcess.run(
                [
                    "policy", "sign", "--key", key, "--owner", "alice", "--expires", "1h", "--op", "begin",
                    "--max-size", "5B",
                    "--count", "2", "--type", "image/*", "--path", "in/{id}",
                ], in: directory)
            try #require(signed.status == 0, "\(signed.errors)")
            let policy = signed.output.trimmingCharacters(in: .newlines)
            let headers = [("Upload-Length", "3"), ("Upload-Policy", policy)]
            let reply = try await host.client.send("POST", "/fp", headers: headers)
            #expect(reply.status == 200, "\(reply.text)")
            let large = [("Upload-Length", "6"), ("Upload-Policy", policy)]
            #expect(try await host.client.send("POST", "/fp", headers: large).status == 413)
            let shown = try await HostProcess.run(["policy", "show", policy], in: directory)
            #expect(shown.status == 0)
            #expect(shown.output.contains("key: \(key)\n") && shown.output.contains("\"owner\": \"alice\""))
            let forged = try await HostProcess.run(["policy", "show", policy + "A"], in: directory)
            #expect(forged.status == 1 && forged.output.isEmpty)
        }
        #expect(try await host.stop() == 0)
        #expect(!host.logText.contains("0123456789abcdef"))
    }

    @Test("a policy that is over is shown, with what is wrong, and the exit status 1")
    func expired() async throws {
        let directory = try directory()
        let signed = try await HostProcess.run(["policy", "sign", "--key", "new", "--expires", "0s"], in: directory)
        let policy = signed.output.trimmingCharacters(in: .newlines)
        let shown = try await HostProcess.run(["policy", "show", policy], in: directory)
        #expect(shown.status == 1)
        #expect(shown.output.contains("\"exp\": ") && shown.errors.contains("has expired"), "\(shown.errors)")
    }

    @Test(
        "a key that cannot be had stops host and check at its place, and is not shown",
        arguments: [
            ("authentication: {policies: {keys: {a: too short to be safe}}}", "is a key of 20 bytes"),
            ("authentication: {policies: {keys: {a.b: 0123456789abcdef0123456789abcdef}}}", "must have a name"),
            ("authentication: {policies: {keys: {a: file:./nothing}}}", "nothing does not exist"),
        ])
    func badKeys(settings: String, complaint: String) async throws {
        let directory = try directory(settings)
        for command in ["check", "serve"] {
            let result = try await HostProcess.run([command], in: directory)
            #expect(result.status == 78)
            #expect(result.errors.contains("fphost.yaml:9:") && result.errors.contains(complaint), "\(result.errors)")
            #expect(!result.errors.contains("too short to be safe"))
        }
    }

    @Test("sign without a key that it could mean says which there are")
    func whichKey() async throws {
        let directory = try directory()
        let result = try await HostProcess.run(["policy", "sign", "--expires", "1h"], in: directory)
        #expect(result.status == 64 && result.errors.contains("new, old"), "\(result.errors)")
    }
}
