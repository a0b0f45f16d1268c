import FPServer
import Foundation
import Support
import Testing

@Suite("The demo page")
struct DemoTests {
    private func withDemo(
        isInstalled: Bool = true, basePath: String = "/fp", _ body: (ServerHouse) async throws -> Void
    ) async throws {
        let assets = try TemporaryDirectory()
        if isInstalled {
            try FileManager.default.createDirectory(
                at: assets.url.appendingPathComponent("vendor"), withIntermediateDirectories: true)
            let files = [
                "index.html": "<meta name=\"fphost-base-path\" content=\"/fp\">", "demo.js": "js", "demo.css": "css",
                "vendor/filepond.min.js": "pond", ".hidden.js": "hidden", "notes.txt": "notes",
            ]
            for (name, text) in files {
                try Data(text.utf8).write(to: assets.url.appendingPathComponent(name))
            }
            try FileManager.default.createSymbolicLink(
                at: assets.url.appendingPathComponent("link.js"),
                withDestinationURL: URL(fileURLWithPath: "/etc/passwd"))
        }
        let demo = DemoSettings(
            pageDirectory: assets.url.path, vendorDirectory: assets.url.appendingPathComponent("vendor").path)
        try await ServerHouse.with { _, settings in
            settings.demo = demo
            settings.basePath = try BasePath(basePath)
        } _: { house async throws in
            try await body(house)
        }
    }

    @Test("the page and its files are served, with a policy that lets it load nothing from elsewhere")
    func page() async throws {
        try await withDemo { house async throws in
            let rows = [
                ("/", "text/html; charset=utf-8"), ("/demo/demo.js", "text/javascript; charset=utf-8"),
                ("/demo/demo.css", "text/css; charset=utf-8"),
                ("/demo/vendor/filepond.min.js", "text/javascript; charset=utf-8"),
            ]
            for (target, type) in rows {
                let reply = try await house.send("GET", target)
                #expect(reply.status == 200, "\(target)")
                #expect(reply["content-type"] == type)
                #expect(reply["x-content-type-options"] == "nosniff")
                let policy = try #require(reply["content-security-policy"])
                #expect(
                    policy.hasPrefix(
                        "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:"
                    ))
                let etag = try #require(reply["etag"])
                #expect(try await house.send("GET", target, [("If-None-Match", etag)]).status == 304)
            }
            #expect(try await house.send("POST", "/demo/demo.js").status == 405)
        }
    }

    @Test("nothing outside of the page's directories is served")
    func confined() async throws {
        try await withDemo { house async throws in
            for target in [
                "/demo/link.js", "/demo/.hidden.js", "/demo/notes.txt", "/demo/vendor/..%2Fdemo.js",
                "/demo/..%2F..%2Fetc%2Fpasswd",
                "/demo/%2Fetc%2Fpasswd", "/demo/vendor", "/demo/vendor/", "/demo/vendor/x/y.js", "/demo/none.js",
                "/demo/",
            ] {
                #expect(try await house.send("GET", target).status == 404, "\(target)")
            }
        }
    }

    @Test("the page learns the base path")
    func basePath() async throws {
        try await withDemo(basePath: "/files/up") { house async throws in
            #expect(try await house.send("GET", "/").text.contains("content=\"/files/up\""))
        }
        try await withDemo(basePath: "/") { house async throws in
            #expect(try await house.send("GET", "/").text.contains("content=\"/\""))
            #expect(try await house.send("POST", "/", [("Upload-Length", "1")]).status == 200)
            #expect(try await house.send("GET", "/?restore=zz").status == 400)
        }
    }

    @Test("a host without the files says where they are")
    func missing() async throws {
        try await withDemo(isInstalled: false) { house async throws in
            let reply = try await house.send("GET", "/")
            #expect(reply.status == 200)
            #expect(reply.text.contains("django-filepond-form-widget"))
        }
    }

    @Test("the page lists, stores, loads and deletes without a token")
    func uploads() async throws {
        try await withDemo { house async throws in
            let id = try await house.upload()
            let own = [("X-Fphost-Demo", "1"), ("Content-Type", "application/json")]
            #expect(try await house.send("GET", "/demo/uploads").text.contains(id))
            #expect(try await house.send("GET", "/demo/uploads/\(id)/content").text == "Hello, FilePond!")
            let stored = try await house.send(
                "POST", "/demo/uploads/\(id)/store", own, Array("{\"path\":\"a.txt\"}".utf8))
            #expect(stored.status == 200, "\(stored.text)")
            let verified = try await house.send("POST", "/demo/uploads/\(id)/verify", own, Array("{}".utf8))
            #expect(verified.status == 404, "everybody could have whole files read again and again")
            let deleted = try await house.send("DELETE", "/demo/uploads/\(id)", [("X-Fphost-Demo", "1")])
            #expect(deleted.status == 200)
        }
    }

    @Test("a page of another origin can change nothing, and reads nothing even if CORS would let it")
    func otherOrigins() async throws {
        try await withDemo { house async throws in
            let id = try await house.upload()
            for target in ["/demo/uploads", "/demo/uploads/\(id)/content"] {
                let reply = try await house.send("GET", target, [("Origin", "https://evil.example")])
                #expect(reply.status == 403)
                #expect(!reply.text.contains(id))
            }
            let refused: [[(String, String)]] = [
                [], [("X-Fphost-Demo", "0")], [("X-Fphost-Demo", "1"), ("Origin", "https://evil.example")],
                [("X-Fphost-Demo", "1"), ("Origin", "null")],
                [("X-Fphost-Demo", "1"), ("Origin", "http://localhost:81")],
            ]
            for headers in refused {
                let reply = try await house.send("DELETE", "/demo/uploads/\(id)", headers)
                #expect(reply.status == 403, "\(headers)")
                #expect(reply["content-type"] == "application/problem+json")
            }
            let own = [("X-Fphost-Demo", "1"), ("Origin", "http://localhost")]
            #expect(try await house.send("DELETE", "/demo/uploads/\(id)", own).status == 200)
        }
    }

    @Test(
        "on loopback it answers to this machine's own names only",
        arguments: [
            ("127.0.0.1:8080", 200), ("localhost", 200), ("fp.localhost:1", 200), ("[::1]:80", 200), ("LOCALHOST", 200),
            ("evil.example", 403), ("evil.example:8080", 403), ("127.0.0.1.evil.example", 403),
            ("localhost.evil.example", 403),
        ])
    func hostNames(_ host: String, _ status: Int) async throws {
        try await withDemo { house async throws in
            let port = house.client.port
            let reply = try await onThread {
                let connection = try HTTPConnection(port: port)
                try connection.send("GET /demo/uploads HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                return try connection.readReply().status
            }
            #expect(reply == status)
        }
    }

    @Test("there is none unless the settings ask for it")
    func switchedOff() async throws {
        try await ServerHouse.with { house async throws in
            for target in ["/", "/demo/uploads", "/demo/demo.js"] {
                #expect(try await house.send("GET", target).status == 404, "\(target)")
            }
        }
    }
}
