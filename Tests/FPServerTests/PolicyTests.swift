import FPFormats
import FPHTTP
import FPPolicy
import FPServer
import FPUploads
import Support
import Synchronization
import Testing

/// An application that signs policies, and the server's clock.
final class Application: Sendable {
    static let secret = "the key that the application signs with"

    let keys: PolicyKeys
    // What is kept of a policy goes by the real clock, a day after its end.
    private let seconds = Atomic<Int64>(Timestamp.now.milliseconds / 1000)

    init() throws {
        var keys = PolicyKeys()
        try keys.add("app", secret: Self.secret)
        try keys.add("old", secret: "the key before that one, still accepted")
        self.keys = keys
    }

    var now: Int64 { seconds.load(ordering: .relaxed) }

    func pass(_ time: Int64) { seconds.add(time, ordering: .relaxed) }

    /// A policy that holds for an hour.
    func policy(key: String = "app", _ change: (inout UploadPolicy) -> Void = { _ in }) throws -> String {
        var policy = UploadPolicy(expires: now + 3600)
        change(&policy)
        return try SignedPolicy.text(of: policy, key: key, in: keys)
    }

    /// The same as a request's header.
    func header(key: String = "app", _ change: (inout UploadPolicy) -> Void = { _ in }) throws -> [(String, String)] {
        [("Upload-Policy", try policy(key: key, change))]
    }

    /// Runs `body` on a server that knows the application's keys.
    static func with(
        _ change: (inout UploadSettings, inout ServerSettings) throws -> Void = { _, _ in }, fetches: Bool = false,
        sick: [String: PluginControl] = [:], _ body: (Application, ServerHouse) async throws -> Void
    ) async throws {
        let application = try Application()
        try await ServerHouse.with(
            { uploads, settings in
                settings.authenticators = [PolicyAuthenticator(application.keys) { application.now }]
                try change(&uploads, &settings)
            }, fetches: fetches, sick: sick
        ) { house async throws in try await body(application, house) }
    }
}

extension ServerHouse {
    /// Sends one whole file.
    func send(file name: String, _ content: [UInt8], _ headers: [(String, String)], query: String = "") async throws
        -> HTTPReply
    {
        var form = Form()
        form.add("filepond", file: name, content)
        return try await send("POST", "/fp/process/" + query, form.headers + headers, form.body)
    }

    /// Announces a file that comes in chunks.
    func send(announcement length: Int?, _ headers: [(String, String)]) async throws -> HTTPReply {
        var form = Form()
        form.add("filepond", "{}")
        let size = length.map { [("Upload-Length", "\($0)")] } ?? []
        return try await send("POST", "/fp/process/", form.headers + size + headers, form.body)
    }

    /// Sends one chunk of a file.
    func send(
        chunk content: String, at offset: Int, of length: Int, _ id: String, _ headers: [(String, String)],
        name: String = "chunked.txt"
    ) async throws -> HTTPReply {
        try await send(
            "PATCH", "/fp/patch/\(id)", Self.chunkHeaders(offset, of: length, name: name) + headers,
            Array(content.utf8))
    }
}

@Suite("Upload policies over HTTP")
struct PolicyTests {
    @Test("who has a policy uploads whole files and chunks, as the owner that it names, by any key, header or query")
    func uploads() async throws {
        try await Application.with { app, house async throws in
            let alice = try app.header { $0.owner = "alice" }
            for (headers, query) in [
                (alice, ""), (try app.header(key: "old") { $0.owner = "alice" }, ""),
                ([], "?policy=\(try app.policy { $0.owner = "alice" })"),
            ] {
                let reply = try await house.send(file: "a.txt", [1, 2, 3], headers, query: query)
                let id = try #require(UploadID(reply.text), "\(reply.text)")
                #expect(try await house.uploads.upload(id)?.owner == "alice")
            }
            let announced = try await house.send(announcement: 6, alice)
            #expect(try await house.send(chunk: "abc", at: 0, of: 6, announced.text, alice).status == 200)
            let asked = try await house.send("HEAD", "/fp/patch/\(announced.text)")
            #expect(asked["upload-offset"] == "3")
            #expect(try await house.send(chunk: "def", at: 3, of: 6, announced.text, alice).status == 200)
            #expect(try await house.send("DELETE", "/fp/revert/", alice, Array(announced.text.utf8)).status == 204)
        }
    }

    @Test("a request without a policy is told what to send")
    func challenge() async throws {
        try await Application.with { _, house async throws in
            let reply = try await house.send(file: "a.txt", [1], [])
            #expect(reply.status == 401)
            #expect(reply.text.contains("Authorization: Bearer"), "\(reply.text)")
            let asked = reply.headers.filter { $0.0 == "www-authenticate" }.map(\.1)
            #expect(asked.contains("Upload-Policy realm=\"fphost\""))
            #expect(house.filesOnDisk().isEmpty)
        }
    }

    @Test("a policy that does not hold is refused with the reason, before anything of the body counts")
    func refusals() async throws {
        try await Application.with { app, house async throws in
            let good = try app.policy()
            let other = try Application()
            other.pass(5)
            var strange = PolicyKeys()
            try strange.add("app", secret: "another key of the same name, and as long")
            try strange.add("new", secret: "a key that the server does not have yet")
            let forged = try SignedPolicy.text(of: UploadPolicy(expires: app.now + 9), key: "app", in: strange)
            let unknown = try SignedPolicy.text(of: UploadPolicy(expires: app.now + 9), key: "new", in: strange)
            for (headers, query, sentence) in [
                ([("Upload-Policy", forged)], "", "signature"), ([("Upload-Policy", unknown)], "", "\\\"new\\\""),
                ([("Upload-Policy", "")], "", "cannot be read"), ([("Upload-Policy", "rubbish")], "", "cannot be read"),
                (try app.header { $0.expires = app.now }, "", "expired"),
                (try app.header { $0.notBefore = app.now + 1 }, "", "not hold yet"),
                ([("Upload-Policy", good), ("Upload-Policy", good)], "", "more than one"),
                ([("Upload-Policy", good)], "?policy=\(good)", "more than one"),
                ([], "?policy=\(good)&policy=\(good)", "more than one"), ([], "?policy=", "cannot be read"),
            ] {
                let reply = try await house.send(file: "a.txt", [1], headers, query: query)
                #expect(reply.status == 401 && reply.text.contains(sentence), "\(sentence): \(reply.text)")
                #expect(!reply.text.contains(good))
                #expect(reply["www-authenticate"] == "Upload-Policy realm=\"fphost\", error=\"invalid_policy\"")
            }
            #expect(house.filesOnDisk().isEmpty)
        }
    }

    @Test("a policy that runs out lets no further chunk in; a fresh one goes on where the old one stopped")
    func expiry() async throws {
        try await Application.with { app, house async throws in
            let first = try app.header { $0.owner = "alice" }
            let id = try await house.send(announcement: 6, first).text
            #expect(try await house.send(chunk: "abc", at: 0, of: 6, id, first).status == 200)
            app.pass(3600)
            #expect(try await house.send(chunk: "def", at: 3, of: 6, id, first).status == 401)
            let second = try app.header { $0.owner = "alice" }
            #expect(try await house.send(chunk: "def", at: 3, of: 6, id, second).status == 200)
        }
    }

    @Test("what a policy does not open stays shut, and so do the uploads of others and the application API")
    func reach() async throws {
        try await Application.with { app, house async throws in
            let alice = try app.header { $0.owner = "alice" }
            let bob = try app.header {
                $0.owner = "bob"
                $0.operations = PolicyOperation.allCases
            }
            let id = try await house.send(file: "a.txt", [1], alice).text
            for (headers, expected) in [(alice, 403), (bob, 403)] {
                #expect(try await house.send("GET", "/fp/restore/?id=\(id)", headers).status == expected)
                #expect(try await house.send("GET", "/api/v1/uploads", headers).status == 403)
            }
            let own = try app.header {
                $0.owner = "alice"
                $0.operations = [.restore]
            }
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)", own).status == 200)
            #expect(try await house.send(file: "a.txt", [1], own).status == 403)
            #expect(try await house.send("DELETE", "/fp/revert/", bob, Array(id.utf8)).status == 403)
        }
    }

    @Test("scopes of a policy open what asks for them")
    func scopes() async throws {
        try await Application.with({ _, settings in
            settings.permissions = EndpointPermissions(rules: ["POST_PROCESS": [.hasScope("upload")]])
        }) { app, house async throws in
            #expect(try await house.send(file: "a.txt", [1], app.header()).status == 403)
            #expect(try await house.send(file: "a.txt", [1], app.header { $0.scopes = ["upload"] }).status == 200)
        }
    }

    @Test("pages of other origins may send the header, and read why it was refused")
    func otherOrigins() async throws {
        let origin = "https://app.example.org"
        try await Application.with({ _, settings in settings.http.cors = CORSPolicy(origins: .only([origin])) }) {
            app, house async throws in
            let preflight = try await house.send(
                "OPTIONS", "/fp/process/",
                [
                    ("Origin", origin), ("Access-Control-Request-Method", "POST"),
                    ("Access-Control-Request-Headers", "upload-policy"),
                ])
            #expect(preflight.status == 204)
            #expect(preflight["access-control-allow-headers"] == "upload-policy")
            let from = [("Origin", origin)]
            let refused = try await house.send(file: "a.txt", [1], from + [("Upload-Policy", "rubbish")])
            #expect(refused.status == 401 && refused["access-control-allow-origin"] == origin)
            #expect(try await house.send(file: "a.txt", [1], from + app.header()).status == 200)
        }
    }
}
