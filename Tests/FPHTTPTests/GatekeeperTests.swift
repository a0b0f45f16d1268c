import FPFormats
import FPHTTP
import HTTPTypes
import Testing

@Suite("Who may do what")
struct GatekeeperTests {
    /// Says who called, and whether it is bound to its own.
    private struct Door: Mount {
        let access: Access
        var methods: [HTTPRequest.Method] { [.get, .post] }
        var accesses: [Access] { [access] }

        func action(for request: Request, rest: ArraySlice<String>) -> Action {
            Action(for: access) { caller in
                .text(.ok, "\(caller.kind) \(caller.owner ?? "-") \(caller.isBoundToOwn ? "own" : "all")")
            }
        }
    }

    /// Knows whoever sends the field, by its value: a name, and the scopes behind it. Refuses some.
    private struct Field: Authenticator {
        let name: HTTPField.Name
        var isAmbient = false
        var asks = true
        var knowsItsOwn = true

        func caller(of request: Request, for access: Access) throws(Problem) -> Caller? {
            guard let value = request.headers[values: name].first else { return nil }
            switch value {
            case "wrong": throw Problem(.unauthorized, "\(name) is wrong.")
            case "banned": throw Problem(.forbidden, "\(name) is banned.")
            case "down": throw Problem(.serviceUnavailable, "\(name) cannot be asked.")
            default: break
            }
            let words = value.split(separator: " ").map(String.init)
            return Caller(
                kind: "\(name)", owner: words[0], scopes: Set(words.dropFirst()), roles: Set(words.dropFirst()),
                isAmbient: isAmbient)
        }

        var challenge: Problem? {
            guard asks else { return nil }
            return Problem(.unauthorized, "Send \(name).", headers: [.wwwAuthenticate: "\(name)"])
        }
    }

    private static let key = HTTPField.Name(constant: "Key")
    private static let ticket = HTTPField.Name(constant: "Ticket")

    private func withDoors(
        _ doors: [String: [Rule]?], safe: Bool = false, authenticators: [any Authenticator]? = nil,
        cors: CORSPolicy? = nil, proxies: TrustedProxies = .none,
        _ work: @escaping (RawClient) async throws -> Void
    ) async throws {
        var permissions = Permissions([:])
        var table: [Route] = []
        for (name, rules) in doors {
            let access = Access(name, isSafe: safe)
            permissions[access] = rules
            table.append(Route(.below(name), Door(access: access)))
        }
        table.append(Route(.below("anyone"), Door(access: .anyone)))
        let keeper = Gatekeeper(
            authenticators ?? [Field(name: Self.key), Field(name: Self.ticket)],
            insteadFor: [
                Access("apart", isSafe: safe): [Field(name: Self.ticket)], Access("unasked", isSafe: safe): [],
            ], permissions: permissions, trusting: cors)
        let router = Router(table, gatekeeper: keeper, elsewhere: .detail, logger: LogBook().logger)
        try await withServer(configure: { $0.trustedProxies = proxies }, handler: router) {
            try await work(try await RawClient.connect(to: $0))
        }
    }

    @Test("all rules of an access must hold; whom good credentials could help is asked for some, others are refused")
    func rules() async throws {
        let doors: [String: [Rule]?] = [
            "any": [.allowAny], "known": [.isAuthenticated], "scope": [.hasScope("a"), .hasScope("b")],
            "role": [.hasRole("staff")], "own": [.isAuthenticated, .isOwner], "closed": nil,
            "apart": [.isAuthenticated], "unasked": [.isAuthenticated],
        ]
        try await withDoors(doors) { client async throws in
            for (path, fields, status, text) in [
                ("/anyone", "Key: wrong\r\n", 200, "nobody - all"),
                ("/any", "", 200, "nobody - all"), ("/any", "Ticket: bob\r\n", 200, "Ticket bob all"),
                ("/any", "Key: wrong\r\n", 401, "Key is wrong."),
                ("/known", "", 401, "Send Key."), ("/known", "Key: bob\r\n", 200, "Key bob all"),
                ("/known", "Key: bob\r\nTicket: wrong\r\n", 200, "Key bob all"),
                ("/known", "Key: wrong\r\nTicket: bob\r\n", 200, "Ticket bob all"),
                ("/known", "Key: wrong\r\nTicket: wrong\r\n", 401, "Key is wrong."),
                ("/known", "Key: banned\r\nTicket: bob\r\n", 403, "Key is banned."),
                ("/known", "Key: down\r\nTicket: bob\r\n", 503, "Key cannot be asked."),
                ("/scope", "", 401, "Send Key."), ("/scope", "Key: bob a\r\n", 403, "the scope \\\"b\\\""),
                ("/scope", "Key: bob b a\r\n", 200, "Key bob all"),
                ("/role", "Key: bob\r\n", 403, "the role"), ("/role", "Key: bob staff\r\n", 200, "Key bob all"),
                ("/own", "Key: bob\r\n", 200, "Key bob own"), ("/own", "", 401, "Send Key."),
                ("/own", "Key: app application\r\n", 200, "Key app all"),
                ("/closed", "Key: bob a b\r\n", 403, "nobody has the access"),
                ("/apart", "Key: wrong\r\n", 401, "Send Ticket."),
                ("/apart", "Key: bob\r\nTicket: ann\r\n", 200, "Ticket ann all"),
                ("/unasked", "Key: bob\r\n", 403, "nobody has the access"),
            ] {
                let response = try await client.exchange(get(path, fields))
                #expect(response.status == status, "\(path) \(fields)")
                #expect(response.text.contains(text), "\(path) \(fields): \(response.text)")
            }
        }
    }

    @Test("a refusal names every kind of credentials that would do")
    func challenges() async throws {
        let authenticators: [any Authenticator] = [
            Field(name: Self.key), Field(name: HTTPField.Name(constant: "Silent"), asks: false),
            Field(name: Self.ticket),
        ]
        try await withDoors(["known": [.isAuthenticated]], authenticators: authenticators) { client async throws in
            let fields = try await client.exchange(get("/known")).fields
            #expect(fields.filter { $0.name.lowercased() == "www-authenticate" }.map(\.value) == ["Key", "Ticket"])
        }
    }

    @Test("of several refusals, that of an authenticator stands that knows its credentials by their form")
    func refusals() async throws {
        for (first, second, sentence) in [
            (true, true, "Key is wrong."), (false, true, "Ticket is wrong."), (false, false, "Key is wrong."),
        ] {
            let authenticators = [
                Field(name: Self.key, knowsItsOwn: first), Field(name: Self.ticket, knowsItsOwn: second),
            ]
            try await withDoors(["known": [.isAuthenticated]], authenticators: authenticators) { client async throws in
                let response = try await client.exchange(get("/known", "Key: wrong\r\nTicket: wrong\r\n"))
                #expect(response.status == 401)
                #expect(response.text.contains(sentence), "\(response.text)")
            }
        }
    }

    @Test("a network is looked at before credentials, by the address that a trusted proxy names")
    func networks() async throws {
        let doors: [String: [Rule]?] = [
            "here": [.fromNetwork([AddressBlock("127.0.0.0/8")!, AddressBlock("10.0.0.0/8")!])],
            "there": [.isAuthenticated, .fromNetwork([AddressBlock("10.0.0.0/8")!])],
        ]
        try await withDoors(doors) { client async throws in
            #expect(try await client.exchange(get("/here")).status == 200)
            let refused = try await client.exchange(get("/there", "Key: wrong\r\nX-Forwarded-For: 10.1.1.1\r\n"))
            #expect(refused.status == 403)
            #expect(refused.text.contains("network"))
        }
        let proxies = TrustedProxies([AddressBlock("127.0.0.1")!])
        try await withDoors(doors, proxies: proxies) { client async throws in
            for (from, status) in [("10.1.1.1", 200), ("::ffff:10.1.1.1", 200), ("11.1.1.1", 403), ("fd00::1", 403)] {
                let fields = "Key: bob\r\nX-Forwarded-For: \(from)\r\n"
                #expect(try await client.exchange(get("/there", fields)).status == status, "\(from)")
            }
        }
    }

    @Test("credentials that a browser sends by itself do not serve pages of other origins")
    func forgery() async throws {
        let cors = CORSPolicy(origins: .only(["https://app.example"]), allowsCredentials: true)
        let table: [(fields: String, status: Int)] = [
            ("", 403), ("Referer: http://test/page\r\n", 200), ("Referer: http://test:80\r\n", 200),
            ("Referer: http://test:8000/page\r\n", 403), ("Referer: http://evil.example/http://test/\r\n", 403),
            ("Referer: http://test/\r\nReferer: http://test/\r\n", 403), ("Referer: \r\n", 403),
            ("Sec-Fetch-Site: cross-site\r\nReferer: http://test/\r\n", 403),
            ("Sec-Fetch-Site: same-origin\r\n", 200), ("Sec-Fetch-Site: none\r\n", 200),
            ("Sec-Fetch-Site: same-site\r\n", 403), ("Sec-Fetch-Site: cross-site\r\n", 403),
            ("Sec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\n", 403),
            ("Sec-Fetch-Site: cross-site\r\nOrigin: https://app.example\r\n", 200),
            ("Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", 403),
            ("Origin: https://evil.example\r\n", 403), ("Origin: null\r\n", 403),
            ("Origin: https://app.example\r\n", 200), ("Origin: https://app.example.evil.example\r\n", 403),
            ("Origin: http://test\r\n", 200), ("Origin: http://TEST\r\n", 200), ("Origin: http://test:81\r\n", 403),
            ("Origin: http://test\r\nOrigin: http://test\r\n", 403),
        ]
        for (isAmbient, safe) in [(true, false), (true, true), (false, false)] {
            let authenticators = [Field(name: Self.key, isAmbient: isAmbient)]
            let doors: [String: [Rule]?] = ["door": [.isAuthenticated]]
            try await withDoors(doors, safe: safe, authenticators: authenticators, cors: cors) { client async throws in
                for (fields, status) in table {
                    let expected = isAmbient && !safe ? status : 200
                    let response = try await client.exchange(get("/door", "Key: bob\r\n" + fields))
                    #expect(response.status == expected, "\(fields) ambient \(isAmbient) safe \(safe)")
                }
            }
        }
        // Behind a proxy, the origin is what the browser asked for.
        let proxies = TrustedProxies(
            [.unixSocket] + [AddressBlock("127.0.0.1")].compactMap { $0.map { .addresses($0) } })
        let authenticators = [Field(name: Self.key, isAmbient: true)]
        try await withDoors(["door": [.isAuthenticated]], authenticators: authenticators, proxies: proxies) {
            client async throws in
            for (fields, status) in [
                ("X-Forwarded-Host: a.org\r\nOrigin: http://a.org\r\n", 200),
                ("X-Forwarded-Host: a.org\r\nOrigin: http://test\r\n", 403),
                ("X-Forwarded-Host: a.org:443\r\nX-Forwarded-Proto: https\r\nOrigin: https://a.org\r\n", 200),
                // Anybody on the way may have written a page that came in the clear.
                ("X-Forwarded-Proto: https\r\nOrigin: http://test\r\n", 403),
                ("Origin: https://test\r\n", 200),
            ] {
                let all = "Key: bob\r\nX-Forwarded-For: 192.0.2.1\r\n" + fields
                let response = try await client.exchange(get("/door", all))
                #expect(response.status == status, "\(fields)")
            }
        }
        // Origins that may read answers only, or everybody, may not act for a visitor.
        for cors in [CORSPolicy(origins: .only(["https://app.example"])), CORSPolicy(origins: .any), nil] {
            let authenticators = [Field(name: Self.key, isAmbient: true)]
            try await withDoors(["door": [.isAuthenticated]], authenticators: authenticators, cors: cors) {
                client async throws in
                let fields = "Key: bob\r\nOrigin: https://app.example\r\n"
                #expect(try await client.exchange(get("/door", fields)).status == 403)
            }
        }
    }
}
