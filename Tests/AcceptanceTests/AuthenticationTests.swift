import Foundation
import Support
import Testing

@Suite("Tokens and passwords on a real host")
struct AuthenticationTests {
    private static let password = "hunter2-of-ann"
    /// Of that password.
    private static let hash = "$2y$05$abcdefghijklmnopqrstuuU54uLhRo2Vp7/UdS4YUGkn86ThJ8A1u"

    private static let configuration =
        HostProcess.plainConfiguration + """

            authentication:
              tokens: ./data/tokens
              basic: {file: ./htpasswd, realm: uploads}
            """

    private func made(_ arguments: [String], in directory: TemporaryDirectory) async throws -> String {
        let result = try await HostProcess.run(["token", "new"] + arguments, in: directory)
        try #require(result.status == 0, "\(result.errors)")
        return result.output.trimmingCharacters(in: .newlines)
    }

    private func basic(_ user: String, _ password: String) -> [(String, String)] {
        [("Authorization", "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())")]
    }

    @Test(
        "bob's token uploads as bob, alice gets at nothing of his, and a revoked token is refused by the running host")
    func tokens() async throws {
        let directory = try TemporaryDirectory()
        let users = directory.url.appendingPathComponent("htpasswd")
        try Data("ann:\(Self.hash)\n".utf8).write(to: users)
        let file = directory.url.appendingPathComponent("fphost.yaml")
        try Self.configuration.write(to: file, atomically: true, encoding: .utf8)
        let check = try await HostProcess.run(["check", "--show"], in: directory)
        #expect(check.status == 0, "\(check.errors)")
        let bob = try await made(["--owner", "bob", "--scope", "upload", "--note", "CI"], in: directory)
        let host = try await HostProcess(configuration: Self.configuration, in: directory)
        // Made while the host runs.
        let alice = try await made(["--owner", "alice", "--expires", "never"], in: directory)
        let bearer = { (token: String) in [("Authorization", "Bearer \(token)")] }
        let client = host.client

        let bare = try await client.send("POST", "/fp/process/", headers: [("Upload-Length", "5")])
        #expect(bare.status == 401)
        #expect(
            bare.headers.filter { $0.0 == "www-authenticate" }.map(\.1)
                == ["Bearer realm=\"fphost\"", "Basic realm=\"uploads\", charset=\"UTF-8\""])

        try await waitFor("alice's token to be known", within: .seconds(20)) {
            let reply = try await client.send("GET", "/fp/restore/?id=none", headers: bearer(alice))
            return reply.status == 401 ? nil : true
        }
        let begun = try await client.send(
            "POST", "/fp/process/", headers: bearer(bob) + [("Upload-Length", "5")])
        #expect(begun.status == 200, "\(begun.text)")
        let id = begun.text
        let chunk = [
            ("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", "0"), ("Upload-Length", "5"),
            ("Upload-Name", "a.txt"),
        ]
        for (method, target) in [
            ("PATCH", "/fp/patch/\(id)"), ("GET", "/fp/restore/?id=\(id)"), ("GET", "/fp/load/?id=\(id)"),
            ("DELETE", "/fp/revert/\(id)"),
        ] {
            for stranger in [bearer(alice), basic("ann", Self.password)] {
                let reply = try await client.send(
                    method, target, headers: stranger + (method == "PATCH" ? chunk : []),
                    body: method == "PATCH" ? Array("Hello".utf8) : [])
                #expect(reply.status == 403, "\(method) \(target): \(reply.text)")
            }
        }
        let whole = try await client.send(
            "PATCH", "/fp/patch/\(id)", headers: bearer(bob) + chunk, body: Array("Hello".utf8))
        #expect(whole.status == 200, "\(whole.text)")
        let shown = try await client.send("GET", "/api/v1/uploads/\(id)", headers: bearer("test-token"))
        #expect(shown.text.contains("\"owner\":\"bob\""), "\(shown.text)")
        let anns = try await client.send(
            "POST", "/fp/process/", headers: basic("ann", Self.password) + [("Upload-Length", "5")])
        #expect(anns.status == 200, "\(anns.text)")
        #expect(
            try await client.send("GET", "/fp/restore/?id=\(id)", headers: basic("ann", "guessed-by-eve")).status == 401
        )

        let revoked = try await HostProcess.run(["token", "revoke", bob], in: directory)
        #expect(revoked.status == 0 && revoked.output.contains("of bob"), "\(revoked.output) \(revoked.errors)")
        try await waitFor("bob's token to be refused", within: .seconds(20)) {
            let reply = try await client.send("GET", "/fp/restore/?id=\(id)", headers: bearer(bob))
            return reply.status == 401 ? true : nil
        }
        let list = try await HostProcess.run(["token", "list"], in: directory)
        #expect(list.output.contains("\talice\t-\t") && !list.output.contains("bob"), "\(list.output)")
        #expect(try await host.stop() == 0)

        let seen = [host.logText, check.output, check.errors, list.output, list.errors, revoked.output]
        let secrets = [
            String(bob.suffix(43)), String(alice.suffix(43)), Self.password, "guessed-by-eve", Self.hash,
            Data("ann:\(Self.password)".utf8).base64EncodedString(),
        ]
        for secret in secrets {
            for text in seen { #expect(!text.contains(secret), "\(secret) in \(text)") }
        }
    }

    @Test("passwords that are not kept well stop the start with the place and what to do, and no secret")
    func badPasswords() async throws {
        let directory = try TemporaryDirectory()
        try Data("ann:\(Self.hash)\nben:$apr1$saltsalt$hashhashhashhashhashha\n".utf8).write(
            to: directory.url.appendingPathComponent("htpasswd"))
        let file = directory.url.appendingPathComponent("fphost.yaml")
        try Self.configuration.write(to: file, atomically: true, encoding: .utf8)
        for command in ["check", "serve"] {
            let result = try await HostProcess.run([command], in: directory)
            #expect(result.status == 78)
            for words in ["fphost.yaml:11:", "line 2", "MD5", "htpasswd -B"] {
                #expect(result.errors.contains(words), "\(command), \(words): \(result.errors)")
            }
            #expect(!result.errors.contains("hashhash"), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: directory.url.appendingPathComponent("data").path))
        }
    }

    @Test("token says what is wrong: no file named, a broken one, times and texts that are none")
    func complaints() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.url.appendingPathComponent("fphost.yaml")
        try HostProcess.plainConfiguration.write(to: file, atomically: true, encoding: .utf8)
        let none = try await HostProcess.run(["token", "new"], in: directory)
        #expect(none.status == 78 && none.errors.contains("authentication: {tokens:"), "\(none.errors)")
        try (HostProcess.plainConfiguration + "\nauthentication: {tokens: ./tokens}\n").write(
            to: file, atomically: true, encoding: .utf8)
        for (arguments, words) in [
            (["new", "--expires", "soon"], "a duration such as"), (["new", "--expires", "0s"], "between"),
            (["new", "--owner", ""], "an owner is"), (["new", "--scope", "a b"], "a scope is"),
            (["revoke", "abc"], "no token of that id"),
        ] {
            let result = try await HostProcess.run(["token"] + arguments, in: directory)
            #expect(result.status == 1 && result.errors.contains(words), "\(arguments): \(result.errors)")
            #expect(result.output.isEmpty)
        }
        try Data("nonsense\n".utf8).write(to: directory.url.appendingPathComponent("tokens"))
        for arguments in [["list"], ["new"], ["revoke", "abc"]] {
            let result = try await HostProcess.run(["token"] + arguments, in: directory)
            #expect(result.status == 1 && result.errors.contains("line 1"), "\(arguments): \(result.errors)")
        }
        let check = try await HostProcess.run(["check"], in: directory)
        #expect(check.status == 78 && check.errors.contains("fphost.yaml:9:"), "\(check.errors)")
    }
}
