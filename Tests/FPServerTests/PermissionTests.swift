import FPFormats
import FPHTTP
import FPServer
import FPUploads
import HTTPTypes
import Support
import Testing

/// Takes the word of a header field for who the user is: a name, and what stands behind it as scopes.
private struct UserField: Authenticator {
    func caller(of request: Request, for access: Access) throws(Problem) -> Caller? {
        guard let value = request.headers[values: HTTPField.Name(constant: "X-User")].first else { return nil }
        let words = value.split(separator: " ").map(String.init)
        return Caller(kind: "user", owner: words[0], scopes: Set(words.dropFirst()))
    }

    var challenge: Problem? {
        Problem(.unauthorized, "Log in.", headers: [.wwwAuthenticate: "Login"])
    }
}

@Suite("Permissions by endpoint")
struct PermissionTests {
    private static let alice = [("X-User", "alice")]
    private static let bob = [("X-User", "bob")]
    private static let text = [("Content-Type", "text/plain")]

    private static func known(
        _ permissions: EndpointPermissions = EndpointPermissions()
    ) -> (inout UploadSettings, inout ServerSettings) -> Void {
        { _, settings in
            settings.authenticators = [UserField()]
            settings.permissions = permissions
        }
    }

    private func upload(_ house: ServerHouse, as user: [(String, String)]) async throws -> String {
        var form = Form()
        form.add("filepond", file: "a.txt", Array("Hello".utf8))
        let reply = try await house.send("POST", "/fp/process/", form.headers + user, form.body)
        try #require(reply.status == 200, "\(reply.status) \(reply.text)")
        return reply.text
    }

    private func announce(_ house: ServerHouse, as user: [(String, String)]) async throws -> String {
        let reply = try await house.send("POST", "/fp/process/", [("Upload-Length", "5")] + user)
        try #require(reply.status == 200, "\(reply.status) \(reply.text)")
        return reply.text
    }

    private struct Ask {
        let method: String
        let target: String
        var headers: [(String, String)] = []
        var body = ""
    }

    /// Every request about an upload, with the id in the place of %.
    private static let requests = [
        Ask(method: "PATCH", target: "/fp/patch/%", headers: ServerHouse.chunkHeaders(0, of: 5), body: "Hello"),
        Ask(method: "PATCH", target: "/fp?patch=%", headers: ServerHouse.chunkHeaders(0, of: 5), body: "Hello"),
        Ask(method: "POST", target: "/fp/patch/%", headers: ServerHouse.chunkHeaders(0, of: 5), body: "Hello"),
        Ask(method: "PUT", target: "/fp/patch/?id=%", headers: ServerHouse.chunkHeaders(0, of: 5), body: "Hello"),
        Ask(method: "GET", target: "/fp/restore/?id=%"), Ask(method: "HEAD", target: "/fp/restore/%"),
        Ask(method: "GET", target: "/fp?restore=%"),
        Ask(method: "GET", target: "/fp/load/?id=%"), Ask(method: "HEAD", target: "/fp?load=%"),
        Ask(method: "DELETE", target: "/fp/revert/", headers: text, body: "%"),
        Ask(method: "DELETE", target: "/fp", headers: text, body: "%"),
        Ask(method: "POST", target: "/fp/revert/", headers: text, body: "%"),
        Ask(method: "DELETE", target: "/fp/revert/%"),
    ]

    private func send(
        _ request: Ask, _ id: String, _ house: ServerHouse, as user: [(String, String)]
    ) async throws -> HTTPReply {
        try await house.send(
            request.method, request.target.replacing("%", with: id), request.headers + user,
            Array(request.body.replacing("%", with: id).utf8))
    }

    @Test("reference defect 14: nobody but its owner restores, loads, reverts or goes on with an upload")
    func othersUploads() async throws {
        try await ServerHouse.with(Self.known()) { house async throws in
            let whole = try await upload(house, as: Self.alice)
            let announced = try await announce(house, as: Self.alice)
            let stored = try await upload(house, as: Self.alice)
            try await house.store(stored, "alices/file.txt")
            for request in Self.requests {
                for id in [whole, announced, stored] {
                    let foreign = try await send(request, id, house, as: Self.bob)
                    #expect(foreign.status == 403, "\(request.method) \(request.target) \(foreign.text)")
                    let anonymous = try await send(request, id, house, as: [])
                    #expect(anonymous.status == 401, "\(request.method) \(request.target) \(anonymous.text)")
                    #expect(anonymous["www-authenticate"] != nil)
                }
            }
            // A path can be guessed, so one that is somebody else's answers as one that nobody has.
            let guessed = try await house.send("GET", "/fp/load/?id=alices/file.txt", Self.bob)
            let missing = try await house.send("GET", "/fp/load/?id=alices/other.txt", Self.bob)
            #expect(guessed.status == 404)
            #expect(guessed.text == missing.text)
            for path in ["alices/file.txt", "alices/other.txt"] {
                let reverted = try await house.send("DELETE", "/fp/revert/", Self.text + Self.bob, Array(path.utf8))
                #expect(reverted.status == 400, "\(path): a revert tells nothing of it either")
            }
            #expect(try await house.send("GET", "/fp/load/?id=alices/file.txt", Self.alice).text == "Hello")
            #expect(try await house.send("GET", "/fp/load/?id=\(stored)", Self.alice).text == "Hello")
            #expect(try await house.send("GET", "/fp/restore/?id=\(whole)", Self.alice).text == "Hello")
            let chunk = ServerHouse.chunkHeaders(0, of: 5) + Self.alice
            #expect(try await house.send("PATCH", "/fp/patch/\(announced)", chunk, Array("Hello".utf8)).status == 200)
            #expect(try await house.send("DELETE", "/fp", Self.text + Self.alice, Array(whole.utf8)).status == 204)
            #expect(try await house.send("GET", "/fp/restore/?id=\(whole)", Self.alice).status == 404)
        }
    }

    @Test("what is nobody's is for those who know its id, and not for those who guess its path")
    func nobodys() async throws {
        let own: [Rule] = [.isAuthenticated, .isOwner]
        let permissions = EndpointPermissions(rules: ["API_READ": own], standard: own)
        try await ServerHouse.with(Self.known(permissions)) { house async throws in
            let token = [("Authorization", "Bearer \(ServerHouse.token)")]
            let id = try await upload(house, as: token)
            try await house.store(id, "reports/11.pdf")
            #expect(try await house.send("GET", "/fp/load/?id=\(id)", Self.bob).text == "Hello")
            #expect(try await house.send("GET", "/fp/load/?id=reports/11.pdf", token).text == "Hello")
            #expect(try await house.send("GET", "/fp/load/?id=reports/11.pdf", Self.bob).status == 404)
            let listed = try await house.send("GET", "/api/v1/uploads?path=reports/11.pdf", Self.bob).text
            #expect(listed.contains("\"uploads\":[]"), "\(listed)")
        }
    }

    @Test("a stranger's chunk does not interrupt its owner's")
    func noInterruption() async throws {
        try await ServerHouse.with(Self.known()) { house async throws in
            let id = try await announce(house, as: Self.alice)
            let socket = try HTTPConnection(port: house.client.port)
            let headers = (ServerHouse.chunkHeaders(0, of: 5) + Self.alice).map { "\($0): \($1)\r\n" }.joined()
            try socket.send("PATCH /fp/patch/\(id) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\(headers)\r\nHe")
            for user in [Self.bob, []] {
                let refused = try await house.send(
                    "PATCH", "/fp/patch/\(id)", ServerHouse.chunkHeaders(0, of: 5) + user, Array("Evil!".utf8))
                #expect(refused.status == 403 || refused.status == 401)
            }
            try socket.send("llo")
            #expect(try await onThread { try socket.readReply() }.status == 200)
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)", Self.alice).text == "Hello")
        }
    }

    @Test("HEAD of a chunked upload needs its id only: FilePond sends none of the page's header fields")
    func resuming() async throws {
        try await ServerHouse.with(Self.known()) { house async throws in
            let id = try await announce(house, as: Self.alice)
            let reply = try await house.send("HEAD", "/fp/patch/\(id)")
            #expect(reply.status == 200)
            #expect(reply["upload-offset"] == "0")
        }
        let strict = EndpointPermissions(rules: ["HEAD_PATCH": [.isAuthenticated, .isOwner]])
        try await ServerHouse.with(Self.known(strict)) { house async throws in
            let id = try await announce(house, as: Self.alice)
            for (user, status) in [([], 401), (Self.bob, 403), (Self.alice, 200)] {
                #expect(try await house.send("HEAD", "/fp/patch/\(id)", user).status == status)
            }
        }
    }

    @Test("with an authenticator, strangers begin nothing, and leave nothing behind")
    func strangers() async throws {
        try await ServerHouse.with(Self.known(), fetches: true) { house async throws in
            var form = Form()
            form.add("filepond", file: "a.txt", Array("Hello".utf8))
            let refused = try await house.send("POST", "/fp/process/", form.headers, form.body)
            #expect(refused.status == 401)
            #expect(refused.text == "{\"detail\": \"Log in.\"}" || refused["www-authenticate"] != nil)
            #expect(try await house.send("POST", "/fp", [("Upload-Length", "5")]).status == 401)
            for method in ["GET", "HEAD", "POST"] {
                let url = "http://127.0.0.1:\(house.client.port)/healthz"
                #expect(try await house.send(method, "/fp/fetch/?target=\(url)").status == 401)
            }
            #expect(house.filesOnDisk() == [])
            // What is not there is not there for anybody.
            #expect(try await house.send("GET", "/fp/elsewhere").status == 404)
            #expect(try await house.send("PATCH", "/fp/load/?id=a").status == 405)
            #expect(try await house.send("OPTIONS", "/fp/process/").status == 204)
        }
    }

    @Test("rules of an endpoint replace the default, which holds for all others")
    func rules() async throws {
        let permissions = EndpointPermissions(
            rules: ["GET_LOAD": [.allowAny], "POST_PROCESS": [.hasScope("upload")]], standard: [.isAuthenticated])
        try await ServerHouse.with(Self.known(permissions)) { house async throws in
            let uploader = [("X-User", "alice upload")]
            var form = Form()
            form.add("filepond", file: "a.txt", [1])
            #expect(try await house.send("POST", "/fp", form.headers + Self.alice, form.body).status == 403)
            let id = try await upload(house, as: uploader)
            // The default names no owner, so whoever is known may.
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)", Self.bob).status == 200)
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)").status == 401)
            try await house.store(id, "a.txt")
            #expect(try await house.send("GET", "/fp/load/?id=\(id)").status == 200)
        }
    }

    @Test("the application's token opens everybody's uploads, at the FilePond endpoints too")
    func application() async throws {
        try await ServerHouse.with(Self.known()) { house async throws in
            let id = try await upload(house, as: Self.alice)
            #expect(try await house.call("GET", "/fp/restore/?id=\(id)").text == "Hello")
            let wrong = try await house.send("GET", "/fp/restore/?id=\(id)", [("Authorization", "Bearer wrong")])
            #expect(wrong.status == 401)
        }
    }

    @Test("credentials for another server do no harm where nobody asks for any")
    func openServer() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await upload(house, as: [("Authorization", "Bearer of-the-application-in-front")])
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)", [("Authorization", "Basic x")]).status == 200)
        }
    }

    @Test("where visitors may use the application API, each sees their own uploads only")
    func visitorsAPI() async throws {
        let own: [Rule] = [.isAuthenticated, .isOwner]
        let permissions = EndpointPermissions(rules: ["API_READ": own, "API_STORE": own, "API_DELETE": own])
        try await ServerHouse.with(Self.known(permissions)) { house async throws in
            let alices = try await upload(house, as: Self.alice)
            let bobs = try await upload(house, as: Self.bob)
            let list = try await house.send("GET", "/api/v1/uploads", Self.alice).text
            #expect(list.contains(alices) && !list.contains(bobs))
            let asked = try await house.send("GET", "/api/v1/uploads?owner=bob", Self.alice).text
            #expect(!asked.contains(bobs))
            let json = [("Content-Type", "application/json")]
            for (method, target, body) in [
                ("GET", "/api/v1/uploads/%", ""), ("GET", "/api/v1/uploads/%/content", ""),
                ("GET", "/api/v1/uploads/%/files/0/content", ""),
                ("POST", "/api/v1/uploads/%/store", "{\"path\": \"a.txt\"}"),
                ("DELETE", "/api/v1/uploads/%?delete_file=true", ""),
            ] {
                let foreign = try await house.send(
                    method, target.replacing("%", with: alices), Self.bob + json, Array(body.utf8))
                #expect(foreign.status == 403, "\(method) \(target) \(foreign.text)")
                let mine = try await house.send(
                    method, target.replacing("%", with: bobs), Self.bob + json, Array(body.utf8))
                #expect(mine.status == 200, "\(method) \(target) \(mine.text)")
            }
            try await house.store(alices, "alices.txt")
            let byPath = try await house.send("GET", "/api/v1/uploads?path=alices.txt", Self.bob).text
            #expect(byPath.contains("\"uploads\":[]"), "\(byPath)")
        }
    }
}
