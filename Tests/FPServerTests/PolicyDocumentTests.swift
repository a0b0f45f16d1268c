import FPHTTP
import FPPolicy
import FPServer
import FPUploads
import Foundation
import Support
import Testing

/// A program of docs/policies.md.
struct PolicyProgram: CustomTestStringConvertible, Sendable {
    /// As the page marks the language.
    let language: String
    let file: String
    let interpreter: String
    let arguments: [String]

    var testDescription: String { language }
    var isInstalled: Bool { CommandResult.installed(interpreter) != nil }

    static let python = PolicyProgram(
        language: "python", file: "sign.py", interpreter: "python3", arguments: ["sign.py"])
    static let php = PolicyProgram(language: "php", file: "sign.php", interpreter: "php", arguments: ["sign.php"])
    static let ruby = PolicyProgram(language: "ruby", file: "sign.rb", interpreter: "ruby", arguments: ["sign.rb"])
    static let node = PolicyProgram(
        language: "javascript", file: "sign.js", interpreter: "node", arguments: ["sign.js"])
    static let go = PolicyProgram(language: "go", file: "sign.go", interpreter: "go", arguments: ["run", "sign.go"])

    /// What the page has of the language, with a policy at its end.
    func text() throws -> String {
        let here = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        let page = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "docs/policies.md")
        let blocks = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```\(language)\n")
            .dropFirst()
        let programs = blocks.map { $0.components(separatedBy: "\n```\n")[0] }.filter {
            $0.contains("FPHOST_POLICY_KEY")
        }
        try #require(programs.count == 1)
        return programs[0]
    }

    func run() async throws -> String {
        let directory = try TemporaryDirectory()
        try text().write(to: directory.url.appendingPathComponent(file), atomically: true, encoding: .utf8)
        let program = try #require(CommandResult.installed(interpreter))
        let result = try await CommandResult.of(
            program, arguments,
            environment: ["FPHOST_POLICY_KEY": Application.secret, "HOME": directory.url.path, "LC_ALL": "C.UTF-8"],
            in: directory)
        try #require(result.status == 0, "\(result.errors)")
        return result.output.trimmingCharacters(in: .newlines)
    }
}

@Suite("docs/policies.md")
struct PolicyDocumentTests {
    private func check(_ program: PolicyProgram) async throws {
        let policy = try await program.run()
        let keys = try Application().keys
        try await ServerHouse.with({ _, settings in settings.authenticators = [PolicyAuthenticator(keys)] }) {
            house async throws in
            let headers = [("Upload-Policy", policy)]
            #expect(try await house.send(file: "a.txt", [1], headers).status == 415)
            let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            let reply = try await house.send(file: "a.png", png, headers)
            let id = try #require(UploadID(reply.text), "\(policy): \(reply.text)")
            #expect(try await house.uploads.upload(id)?.owner == "zoë/7")
        }
    }

    @Test(
        "its Python makes a policy that the server takes", .enabled(if: PolicyProgram.python.isInstalled, "no python3"))
    func python() async throws { try await check(.python) }

    @Test("its PHP makes a policy that the server takes", .enabled(if: PolicyProgram.php.isInstalled, "no php"))
    func php() async throws { try await check(.php) }

    @Test("its Ruby makes a policy that the server takes", .enabled(if: PolicyProgram.ruby.isInstalled, "no ruby"))
    func ruby() async throws { try await check(.ruby) }

    @Test(
        "its JavaScript makes a policy that the server takes", .enabled(if: PolicyProgram.node.isInstalled, "no node"))
    func node() async throws { try await check(.node) }

    @Test("its Go makes a policy that the server takes", .enabled(if: PolicyProgram.go.isInstalled, "no go"))
    func go() async throws { try await check(.go) }
}
