import FPAccess
import FPFormats
import FPServer
import FPUploads
import Foundation
import Logging
import Support
import Testing

@Suite("Bearer tokens of a file")
struct TokenTests {
    /// A server that knows the tokens of a file, in a time of the test's own.
    private struct Setting {
        static let start: Int64 = 1_800_000_000_000

        let directory: TemporaryDirectory
        let time = ManualTime()
        let file: TokenTableFile

        init() throws {
            directory = try TemporaryDirectory()
            file = TokenTableFile(directory.url.appendingPathComponent("tokens").path)
        }

        func token(_ owner: String?, _ scopes: [String] = ["upload"], for length: Int64? = nil) throws -> String {
            try file.add {
                try TokenRecord(
                    $0, owner: owner, scopes: scopes, created: Self.start, expires: length.map { Self.start + $0 },
                    note: "")
            }.text
        }

        func with(
            _ permissions: EndpointPermissions = EndpointPermissions(), _ work: (ServerHouse) async throws -> Void
        ) async throws {
            let clock = AccessClock(
                uptime: { [time] in time.uptime },
                date: { [time] in Self.start + Int64(time.uptime.components.seconds) * 1000 }, pause: { _ in })
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let authenticator = try TokenAuthenticator(path: file.path, clock: clock, logger: logger)
            try await ServerHouse.with(
                { _, settings in
                    settings.authenticators = [authenticator]
                    settings.permissions = permissions
                }, work)
        }
    }

    private func announce(_ house: ServerHouse, _ token: String) async throws -> HTTPReply {
        try await house.send("POST", "/fp/process/", Self.header(token) + [("Upload-Length", "5")])
    }

    private static func header(_ token: String) -> [(String, String)] { [("Authorization", "Bearer \(token)")] }

    @Test("an upload is the token's owner's, and no other token's owner gets at it")
    func owners() async throws {
        let setting = try Setting()
        let (alice, bob) = (try setting.token("alice"), try setting.token("bob"))
        try await setting.with { house async throws in
            let reply = try await announce(house, bob)
            let id = try #require(UploadID(reply.text), "\(reply.text)")
            #expect(try await house.uploads.upload(id)?.owner == "bob")
            let chunk = ServerHouse.chunkHeaders(0, of: 5)
            for (token, status) in [(alice, 403), (bob, 200)] {
                let reply = try await house.send(
                    "PATCH", "/fp/patch/\(id)", Self.header(token) + chunk, Array("Hello".utf8))
                #expect(reply.status == status)
                #expect(try await house.send("GET", "/fp/restore/?id=\(id)", Self.header(token)).status == status)
            }
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)").status == 401)
        }
    }

    @Test("scopes are what the permissions ask for, and \"application\" opens the application API and all uploads")
    func scopes() async throws {
        let setting = try Setting()
        let (plain, upload) = (try setting.token("bob", []), try setting.token("bob", ["other", "upload"]))
        let application = try setting.token(nil, ["application"])
        let permissions = EndpointPermissions(rules: ["POST_PROCESS": [.hasScope("upload")]])
        try await setting.with(permissions) { house async throws in
            #expect(try await announce(house, plain).status == 403)
            let id = try await announce(house, upload).text
            #expect(try await house.send("GET", "/api/v1/uploads", Self.header(upload)).status == 403)
            #expect(try await house.send("GET", "/api/v1/uploads/\(id)", Self.header(application)).status == 200)
            #expect(try await house.send("DELETE", "/fp/revert/\(id)", Self.header(application)).status == 204)
            // Those of api.tokens go on to be good.
            #expect(try await house.call("GET", "/api/v1/uploads").status == 200)
        }
    }

    @Test("what is no token of the file is a 401, and only who has a token learns that it has expired")
    func refusals() async throws {
        let setting = try Setting()
        let token = try setting.token("bob", for: 60_000)
        let secret = token.suffix(43)
        let other = try setting.token("alice")
        try await setting.with { house async throws in
            #expect(try await announce(house, token).status == 200)
            let wrong = [
                "fp_\(token.dropFirst(3).prefix(10))_\(other.suffix(43))", "fp_aaaaaaaaaa_\(secret)",
                String(token.dropLast()), token + "A", token.uppercased(), "fp_", String(secret), "fp_\(secret)",
            ]
            for wrong in wrong {
                let reply = try await announce(house, wrong)
                #expect(reply.status == 401, "\(wrong)")
                #expect(reply["www-authenticate"] == "Bearer realm=\"fphost\", error=\"invalid_token\"")
            }
            setting.time.advance(by: .seconds(60))
            let expired = try await announce(house, token)
            #expect(expired.status == 401)
            #expect(expired.text.contains("expired at 2027-01-15T08:01:00.000Z"), "\(expired.text)")
            #expect(
                expired["www-authenticate"]?.contains(
                    "error=\"invalid_token\", error_description=\"the token expired at 2027-") == true)
            #expect(try await announce(house, wrong[0]).text.contains("expired") == false)
            #expect(try await announce(house, other).status == 200)
        }
    }

    @Test("no change of a token is a token", arguments: 0..<20)
    func mutations(round: Int) async throws {
        var random = SeededGenerator()
        let setting = try Setting()
        let token = try setting.token("bob")
        try await setting.with { house async throws in
            for _ in 0..<20 {
                var bytes = Array(token.utf8)
                let place = Int.random(in: 0..<bytes.count, using: &random)
                let others = (UInt8(0x21)...0x7E).filter { $0 != bytes[place] }
                bytes[place] = try #require(others.randomElement(using: &random))
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(try await announce(house, text).status == 401, "\(text), seed \(random.seed)")
            }
        }
    }

    @Test("a token that is made or revoked counts a second later at most; a broken file changes nothing")
    func changes() async throws {
        let setting = try Setting()
        try await setting.with { house async throws in
            let first = try setting.token("bob")
            setting.time.advance(by: .seconds(1))
            #expect(try await announce(house, first).status == 200)
            let second = try setting.token("alice")
            #expect(try setting.file.revoke(try #require(AccessToken(first)).id)?.owner == "bob")
            setting.time.advance(by: .seconds(1))
            #expect(try await announce(house, first).status == 401)
            #expect(try await announce(house, second).status == 200)
            let good = try setting.directory.contents("tokens")
            let breaks: [(String) throws -> Void] = [
                { try Data("no token\n".utf8).write(to: URL(fileURLWithPath: $0)) },
                { try #require(chmod($0, 0o666) == 0) },
                { try #require(unlink($0) == 0) },
            ]
            for step in breaks {
                try step(setting.file.path)
                setting.time.advance(by: .seconds(1))
                #expect(try await announce(house, second).status == 200)
                #expect(try await announce(house, first).status == 401)
            }
            try Data(good).write(to: URL(fileURLWithPath: setting.file.path))
            #expect(try setting.file.revoke(try #require(AccessToken(second)).id) != nil)
            setting.time.advance(by: .seconds(1))
            #expect(try await announce(house, second).status == 401)
        }
    }
}
