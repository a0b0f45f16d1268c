import FPHTTP
import FPServer
import FPUploads
import Support
import Testing

@Suite("Mounts")
struct MountTests {
    private func withExample(_ body: (ServerHouse) async throws -> Void) async throws {
        try await ServerHouse.with {
            $1.mounts = [WaitingUploads.line]
            $1.http.cors = CORSPolicy(origins: .any)
        } _: {
            try await body($0)
        }
    }

    @Test("one more line of the table is served, behind the access that it needs, in its own form")
    func example() async throws {
        try await withExample { house async throws in
            _ = try await house.upload()
            let reply = try await house.call("GET", "/waiting")
            #expect(reply.status == 200)
            #expect(reply.text == "1\n")
            let wrong = try await house.call("POST", "/waiting")
            #expect(wrong.status == 405)
            #expect(wrong["allow"] == "GET, HEAD")
            #expect(wrong.text == "Method \"POST\" not allowed.\n")
            let closed = try await house.send("GET", "/waiting")
            #expect(closed.status == 401)
            #expect(closed["www-authenticate"] == "Bearer realm=\"fphost\"")
            #expect(closed.text.hasPrefix("This address needs a bearer token"))
            #expect(try await house.call("GET", "/waiting/x").status == 404)
        }
    }

    @Test("pages of other origins may send the methods and read the fields of all mounts, at every address")
    func crossOrigin() async throws {
        try await withExample { house async throws in
            for target in ["/waiting", "/fp/", "/none"] {
                let reply = try await house.send("GET", target, [("Origin", "https://app.test")])
                #expect(
                    reply["access-control-expose-headers"]
                        == "Upload-Offset, Upload-Length, Content-Disposition, Content-Length, Content-Range, ETag, "
                        + "Location, X-Content-Transfer-Id, X-Waiting")
                let preflight = try await house.send(
                    "OPTIONS", target,
                    [("Origin", "https://app.test"), ("Access-Control-Request-Method", "GET")])
                #expect(
                    preflight["access-control-allow-methods"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
            }
            #expect(try await house.send("OPTIONS", "*")["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
        }
    }

    @Test(
        "what the server refuses by itself has the form of the mount whose path it is",
        arguments: [
            ("/fp/%zz", "application/json"), ("/none/%zz", "application/json"), ("/%zz", "application/json"),
            ("/demo/%zz", "application/json"), ("/demo/uploads/%zz", "application/json"),
            ("/api/v1/%zz", "application/problem+json"), ("/%61pi/%zz", "application/problem+json"),
            ("/healthz/%zz", "application/problem+json"), ("/readyz/%zz", "application/problem+json"),
            ("/waiting/%zz", "text/plain; charset=utf-8"),
        ])
    func refusals(_ target: String, _ type: String) async throws {
        try await withExample { house async throws in
            let reply = try await house.send("GET", target)
            #expect(reply.status == 400)
            #expect(reply["content-type"] == type)
            #expect(reply.text.contains("two hexadecimal digits"))
        }
    }

    @Test("a refusal of what could not be read at all is a problem document")
    func unreadable() async throws {
        try await withExample { house async throws in
            let port = house.client.port
            let reply = try await onThread {
                let connection = try HTTPConnection(port: port)
                try connection.send("no request\r\n\r\n")
                return try connection.readReply()
            }
            #expect(reply.status == 400)
            #expect(reply["content-type"] == "application/problem+json")
        }
    }

    @Test(
        "a caller who may not pass is refused before anything of the body is read",
        arguments: [("/api/v1/uploads/x/store", 401), ("/demo/uploads/x/store", 403), ("/waiting", 401)])
    func refusedBeforeTheBody(_ target: String, _ status: Int) async throws {
        try await ServerHouse.with {
            $1.mounts = [WaitingUploads.line]
            $1.demo = DemoSettings(pageDirectory: "/nonexistent", vendorDirectory: "/nonexistent")
        } _: { house async throws in
            let port = house.client.port
            let reply = try await onThread {
                let connection = try HTTPConnection(port: port)
                try connection.send(
                    "POST \(target) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nonly the beginning")
                return try connection.readReply()
            }
            #expect(reply.status == status)
        }
    }
}
