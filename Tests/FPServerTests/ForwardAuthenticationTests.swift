import FPFormats
import FPForwardAuth
import FPServer
import HTTPTypes
import Support
import Synchronization
import Testing

@Suite("An application says who a visitor is")
struct ForwardAuthenticationTests {
    private static let alice = ("Cookie", "session=alice")

    @Test("it is told of the request as it came, with the fields that were named and no others")
    func question() async throws {
        try await ForwardHouse.with({ forward, _ in
            forward.headers = [.origin, HTTPField.Name(constant: "X-CSRFToken")]
        }) { forward async throws in
            let fields = [
                ("Cookie", "theme=dark"), ("X-CSRFToken", "t"), ("X-FPHost-Owner", "root"), ("X-Secret", "s"),
                ("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Uri", "/other"), ("X-FPHost-Permission", "GET_LOAD"),
                ("Authorization", "Bearer of-alice"), ("Cookie", "session=alice"), ("Content-Type", "text/plain"),
                ("X-Original-URL", "http://evil/"), ("Connection", "X-Forwarded-For, close"),
            ]
            let target = "/fp/revert/?a=%2f%C3%A9&b"
            try await forward.house.send("DELETE", target, fields, Array("body".utf8))
            let question = try #require(forward.application.questions.first)
            #expect(question.line == "GET /who?key=planted-in-the-url HTTP/1.1")
            #expect(
                question.fields.map { "\($0.name): \($0.value)" }.sorted() == [
                    "accept: */*", "authorization: Bearer of-alice", "cookie: theme=dark; session=alice",
                    "host: 127.0.0.1:\(forward.application.port)", "user-agent: fphost/test", "x-csrftoken: t",
                    "x-forwarded-for: 127.0.0.1", "x-forwarded-host: localhost", "x-forwarded-method: DELETE",
                    "x-forwarded-proto: http", "x-forwarded-uri: \(target)", "x-fphost-permission: DELETE_REVERT",
                    "x-original-method: DELETE", "x-original-url: http://localhost\(target)",
                ])
        }
    }

    /// An answer of the application, and what the visitor gets: a status, and the challenges or the owner.
    private static let answers: [(answer: String, status: Int, word: String?)] = [
        (ForwardHouse.reply(204, "X-FPHost-Owner: bob"), 200, "bob"),
        (ForwardHouse.reply(200, "x-fphost-owner:   Łukasz ☕ "), 200, "Łukasz ☕"),
        (ForwardHouse.reply(299), 200, nil),
        (ForwardHouse.reply(200, "X-FPHost-Owner:"), 200, nil),
        ("HTTP/1.1 100 Continue\r\n\r\n" + ForwardHouse.reply(200, "X-FPHost-Owner: bob"), 200, "bob"),
        (ForwardHouse.reply(401), 401, "Session realm=\"fphost\""),
        (ForwardHouse.reply(401, "WWW-Authenticate: Basic realm=\"x\""), 401, "Basic realm=\"x\""),
        (
            ForwardHouse.reply(401, "WWW-Authenticate: \(String(repeating: "a", count: 2000))"), 401,
            "Session realm=\"fphost\""
        ),
        (ForwardHouse.reply(302, "Location: /login", "X-FPHost-Owner: bob"), 401, "Session realm=\"fphost\""),
        (ForwardHouse.reply(304, "X-FPHost-Owner: bob"), 401, "Session realm=\"fphost\""),
        (ForwardHouse.reply(403, "X-FPHost-Owner: bob"), 403, nil),
        (ForwardHouse.reply(404, "X-FPHost-Owner: bob"), 503, nil),
        (ForwardHouse.reply(429, "X-FPHost-Owner: bob"), 503, nil),
        (ForwardHouse.reply(500, "X-FPHost-Owner: bob"), 503, nil),
        (ForwardHouse.reply(200, "X-FPHost-Owner: bob", "X-FPHost-Owner: eve"), 503, nil),
        (ForwardHouse.reply(200, "X-FPHost-Owner: a\u{1}b"), 503, nil),
        (ForwardHouse.reply(200, "X-FPHost-Owner: \(String(repeating: "o", count: 256))"), 503, nil),
        (ForwardHouse.reply(200, "X-FPHost-Scopes: \(String(repeating: "s ", count: 2000))"), 503, nil),
        (ForwardHouse.reply(200, "X-FPHost-Owner: bob", "X-Pad: \(String(repeating: "p", count: 70_000))"), 503, nil),
        ("HTTP/1.1 200 OK\r\nX-FPHost-Owner: bob", 503, nil),
        ("", 503, nil), ("bob\r\n\r\n", 503, nil), ("HTTP/0.9 200\r\n\r\n", 503, nil),
        ("HTTP/1.1 2000 OK\r\nX-FPHost-Owner: bob\r\n\r\n", 503, nil),
    ]

    @Test(
        "2xx lets pass, 401 and 403 are refusals, a redirect is a 401, and everything else a 503",
        arguments: answers.indices)
    func answer(row: Int) async throws {
        let (answer, status, word) = Self.answers[row]
        let isWhole = answer.hasSuffix("secret") || answer.hasSuffix("\r\n\r\n")
        try await ForwardHouse.with(
            { forward, _ in
                // What has no end ends by the time.
                if !isWhole { forward.timeout = .milliseconds(200) }
            }, answer: { _ in answer }
        ) { forward async throws in
            let reply = try await forward.process([Self.alice])
            #expect(reply.status == status, "\(answer.prefix(200)): \(reply.text)")
            #expect(!reply.text.contains("secret"))
            if status == 200 { #expect(try await forward.owner(reply.text) == word) }
            if status == 401 { #expect(reply.headers.filter { $0.0 == "www-authenticate" }.map(\.1) == [word]) }
            #expect((reply["retry-after"] != nil) == (status == 503))
            #expect(status == 200 || forward.house.filesOnDisk().isEmpty)
            #expect(forward.log.all.count == (status == 503 ? 1 : 0))
        }
    }

    @Test("an application that is not there, or never answers, lets nobody in")
    func absent() async throws {
        let port = try VisitorsApplication { _ in "" }.port
        let gate = Gate()
        defer { gate.open() }
        for url in ["http://127.0.0.1:\(port)/", "https://127.0.0.1:\(port)/", "http://name.invalid/", nil] {
            try await ForwardHouse.with(
                { forward, _ in
                    forward.url = url ?? forward.url
                    forward.timeout = .milliseconds(300)
                },
                answer: { _ in
                    gate.pass()
                    return ForwardHouse.reply(200)
                }
            ) { forward async throws in
                let reply = try await forward.process([Self.alice])
                #expect(reply.status == 503)
                #expect(reply["retry-after"] == "5")
                #expect(!reply.text.contains("127.0.0.1") && !reply.text.contains("invalid"))
            }
        }
    }

    @Test("who brings no credentials is not asked about, unless the settings say so, and asked to log in")
    func withoutCredentials() async throws {
        try await ForwardHouse.with { forward async throws in
            for fields in [[], [("Cookie", "")], [("Origin", "https://a.example")]] {
                let reply = try await forward.process(fields)
                #expect(reply.status == 401)
                #expect(reply.headers.contains { $0 == ("www-authenticate", "Session realm=\"fphost\"") })
            }
            #expect(try await forward.house.send("GET", "/healthz", [Self.alice]).status == 200)
            #expect(forward.application.questions.isEmpty)
            // FilePond asks how far an upload has come without them.
            let id = try await forward.announce(Self.alice)
            #expect(try await forward.house.send("HEAD", "/fp/patch/\(id)").status == 200)
        }
        try await ForwardHouse.with(
            { forward, _ in forward.asksAlways = true },
            answer: { _ in
                ForwardHouse.reply(200, "X-FPHost-Owner: machine-next-door")
            }
        ) { forward async throws in
            let reply = try await forward.process([])
            #expect(try await forward.owner(reply.text) == "machine-next-door")
        }
    }

    @Test("nobody uses what another visitor uploaded, and whoever is logged out nothing")
    func owners() async throws {
        let loggedOut = Mutex<Set<String>>([])
        try await ForwardHouse.with(answer: { question in
            loggedOut.withLock { $0.contains(question["cookie"] ?? "") }
                ? ForwardHouse.reply(401) : ForwardHouse.byCookie(question)
        }) { forward async throws in
            let id = try await forward.process([Self.alice]).text
            let announced = try await forward.announce(Self.alice)
            let bob = ("Cookie", "session=bob")
            func statuses(_ visitor: (String, String)) async throws -> [Int] {
                let chunk = ServerHouse.chunkHeaders(0, of: 3) + [visitor]
                return [
                    try await forward.house.send("GET", "/fp/restore/\(id)", [visitor]).status,
                    try await forward.house.send("PATCH", "/fp/patch/\(announced)", chunk, Array("abc".utf8)).status,
                    try await forward.house.send("DELETE", "/fp/revert/", [visitor], Array(id.utf8)).status,
                ]
            }
            #expect(try await statuses(bob) == [403, 403, 403])
            let restored = { try await forward.house.send("GET", "/fp/restore/\(id)", [Self.alice]).status }
            #expect(try await restored() == 200)
            loggedOut.withLock { _ = $0.insert("session=alice") }
            // What was known a moment ago holds for as long as the settings say, and no longer.
            #expect(try await restored() == 200)
            forward.clock.pass(.seconds(10))
            #expect(try await statuses(Self.alice) == [401, 401, 401])
            loggedOut.withLock { $0 = [] }
            forward.clock.pass(.seconds(1))
            #expect(try await statuses(Self.alice) == [200, 200, 204])
        }
    }

    @Test("its scopes and roles count in rules, and the scope of the application opens everybody's uploads")
    func words() async throws {
        try await ForwardHouse.with(
            { _, settings in
                settings.permissions.rules["POST_PROCESS"] = [.hasScope("upload"), .hasRole("editor")]
            },
            answer: { question in
                question["cookie"] == "all"
                    ? ForwardHouse.reply(200, "X-FPHost-Scopes: read,upload", "X-FPHost-Roles: staff editor")
                    : question["cookie"] == "admin"
                        ? ForwardHouse.reply(200, "X-FPHost-Scopes: application", "X-FPHost-Scopes: upload")
                        : ForwardHouse.reply(200, "X-FPHost-Scopes: uploads", "X-FPHost-Roles: editors")
            }
        ) { forward async throws in
            #expect(try await forward.process([("Cookie", "all")]).status == 200)
            #expect(try await forward.process([("Cookie", "admin")]).status == 403)
            #expect(try await forward.process([("Cookie", "few")]).status == 403)
            #expect(try await forward.house.send("GET", "/api/v1/uploads", [("Cookie", "admin")]).status == 200)
            #expect(try await forward.house.send("GET", "/api/v1/uploads", [("Cookie", "all")]).status == 403)
        }
    }

    @Test("where a browser may have sent the credentials by itself, pages of other origins cannot act for the visitor")
    func forgery() async throws {
        let known = ForwardHouse.reply(200, "X-FPHost-Owner: alice")
        try await ForwardHouse.with(
            { forward, _ in
                forward.credentials.append(HTTPField.Name(constant: "X-Client-Cert"))
                forward.asksAlways = true
            }, answer: { _ in known }
        ) { forward async throws in
            let foreign = ("Origin", "https://evil.example")
            for (credentials, status) in [
                ([Self.alice], 403), ([("Authorization", "Basic YTpi")], 403),
                ([("Authorization", "Negotiate YTpi")], 403),
                ([("Authorization", "bearer")], 403), ([("X-Client-Cert", "CN=alice")], 403), ([], 403),
                ([("Authorization", "Bearer t"), Self.alice], 403), ([("Authorization", "Bearer t")], 200),
                ([("Authorization", "TOKEN t")], 200),
            ] {
                let reply = try await forward.process(credentials + [foreign])
                #expect(reply.status == status, "\(credentials)")
                #expect(try await forward.process(credentials + [("Origin", "http://localhost")]).status == 200)
                #expect(try await forward.process(credentials + [("Sec-Fetch-Site", "cross-site")]).status == status)
            }
        }
    }
}
