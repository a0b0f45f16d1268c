import FPAccess
import Foundation
import Testing

@Suite struct TokenFileTests {
    @Test func `the first load makes a file that only its owner can read, and later loads agree with it`() throws {
        try withDirectory { directory in
            let path = directory + "/data/deep/api-token"
            let made = try TokenFile.load(at: path)
            #expect(made.isNew)
            #expect(made.token.utf8.count == 43)
            let fileMode = try mode(of: path)
            #expect(fileMode == 0o600)
            let outerMode = try mode(of: directory + "/data")
            #expect(outerMode == 0o700)
            let innerMode = try mode(of: directory + "/data/deep")
            #expect(innerMode == 0o700)
            let again = try TokenFile.load(at: path)
            #expect(again.token == made.token)
            #expect(!again.isNew)
            #expect(!again.isReadableByOthers)
            let names = try FileManager.default.contentsOfDirectory(atPath: directory + "/data/deep")
            #expect(names == ["api-token"])
        }
    }

    @Test func `many starts at once agree on one token, and leave one file`() async throws {
        try await withDirectory { directory in
            let path = directory + "/api-token"
            let tokens = await withTaskGroup(of: String?.self) { group in
                for _ in 0..<32 { group.addTask { try? TokenFile.load(at: path).token } }
                return await group.reduce(into: [String?]()) { $0.append($1) }
            }
            #expect(tokens.count == 32)
            #expect(Set(tokens).count == 1)
            #expect(tokens.first != .some(nil))
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(names == ["api-token"])
        }
    }

    @Test func `white space around a token is not part of it`() throws {
        try withFile("\n  a-token-from-elsewhere\r\n") { path in
            let token = try TokenFile.load(at: path).token
            #expect(token == "a-token-from-elsewhere")
        }
    }

    @Test func `two files never get the same token`() throws {
        try withDirectory { directory in
            let tokens = try (0..<50).map { try TokenFile.load(at: "\(directory)/\($0)").token }
            #expect(Set(tokens).count == 50)
        }
    }

    @Test(arguments: [
        ("", "fewer than 16"), ("short", "holds a token of 5 characters"),
        ("first-token-first-token second-token", "only the token"), ("kénnwort-kennwort-kennwort", "only the token"),
        (String(repeating: "x", count: 5000), "too large"),
    ])
    func `what is no token is refused with the reason`(_ text: String, _ reason: String) throws {
        try withFile(text) { path in
            let error = try #require(throws: TokenFileError.self) { try TokenFile.load(at: path) }
            #expect(error.description.contains(reason))
            #expect(error.description.contains(path))
        }
    }

    @Test func `a file that anybody may change is refused`() throws {
        try withFile("a-token-that-anybody-may-change") { path in
            chmod(path, 0o666)
            let error = try #require(throws: TokenFileError.self) { try TokenFile.load(at: path) }
            #expect(error.description.contains("chmod 600"))
        }
    }

    @Test func `a file that anybody may read is reported`() throws {
        try withFile("a-token-that-anybody-may-read") { path in
            chmod(path, 0o644)
            let isReadable = try TokenFile.load(at: path).isReadableByOthers
            #expect(isReadable)
        }
    }

    @Test func `a directory and a pipe are no token files`() throws {
        try withDirectory { directory in
            mkfifo(directory + "/pipe", 0o600)
            for path in [directory, directory + "/pipe"] {
                let error = try #require(throws: TokenFileError.self) { try TokenFile.load(at: path) }
                #expect(error.description.contains("not a regular file"))
            }
        }
    }

    @Test func `a path below a file cannot be made`() throws {
        try withFile("a-token-from-elsewhere") { path in
            #expect(throws: TokenFileError.self) { try TokenFile.load(at: path + "/token") }
        }
    }

    private func withDirectory<Value>(_ body: (String) throws -> Value) throws -> Value {
        let directory = try makeDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        return try body(directory)
    }

    private func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
        let directory = try makeDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        return try await body(directory)
    }

    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        try withDirectory { directory in
            let path = directory + "/token"
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            chmod(path, 0o600)
            try body(path)
        }
    }

    private func makeDirectory() throws -> String {
        let directory = FileManager.default.temporaryDirectory.path + "/fpaccess-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        return directory
    }

    private func mode(of path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }
}
