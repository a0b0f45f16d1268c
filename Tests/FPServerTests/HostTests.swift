import FPHTTP
import FPServer
import Foundation
import Support
import Testing

@Suite("The host's own pages")
struct HostTests {
    @Test("the process and its stores can be asked how they are, without a token")
    func health() async throws {
        try await ServerHouse.with { house async throws in
            let health = try await house.send("GET", "/healthz")
            #expect(health.status == 200)
            #expect(health.text == "{\"status\":\"ok\"}")
            let ready = try await house.send("GET", "/readyz")
            #expect(ready.status == 200)
            #expect(
                ready.text
                    == "{\"status\":\"ok\",\"stores\":{\"archive\":\"ok\",\"media\":\"ok\",\"staging\":\"ok\"},\"catalog\":\"ok\"}"
            )
            #expect(ready["cache-control"] == "no-store")
            #expect(try await house.send("HEAD", "/readyz").status == 200)
            #expect(try await house.send("POST", "/healthz").status == 405)
        }
    }

    @Test("a host whose store is gone is alive but not ready")
    func notReady() async throws {
        try await ServerHouse.with { house async throws in
            try FileManager.default.removeItem(at: house.directory.url.appendingPathComponent("media"))
            let reply = try await waitFor("a report of the loss", within: .seconds(20)) {
                let reply = try await house.send("GET", "/readyz")
                return reply.status == 503 ? reply : nil
            }
            #expect(reply.text.contains("\"media\":\"down\""))
            #expect(!reply.text.contains(house.directory.url.path))
            #expect(reply["retry-after"] == "5")
            #expect(try await house.send("GET", "/healthz").status == 200)
        }
    }

    @Test(
        "an address that nobody has is a 404 in JSON",
        arguments: ["/", "/x", "/fpx", "/apis", "/demo/"])
    func unknown(_ target: String) async throws {
        try await ServerHouse.with { house async throws in
            let reply = try await house.send("GET", target)
            #expect(reply.status == 404)
            #expect(reply.text == "{\"detail\": \"There is nothing at this address.\"}")
        }
    }

    @Test("a page of an origin that is let in may read what its upload client needs, wherever it asks")
    func exposedFields() async throws {
        try await ServerHouse.with({ $1.http.cors = CORSPolicy(origins: .any) }) { house async throws in
            for target in ["/fp/process/", "/api/v1/uploads", "/healthz", "/nowhere", "/%zz"] {
                let reply = try await house.send("GET", target, [("Origin", "https://app.test")])
                #expect(
                    reply["access-control-expose-headers"]
                        == "Upload-Offset, Upload-Length, Content-Disposition, Content-Length, Content-Range, ETag, "
                        + "Location, X-Content-Transfer-Id", "\(target)")
            }
        }
    }

    @Test("the dialect may live at any path, the root too")
    func otherBasePaths() async throws {
        for base in ["/", "/files/upload"] {
            try await ServerHouse.with({ $1.basePath = try BasePath(base) }) { house async throws in
                let prefix = base == "/" ? "" : base
                var form = Form()
                form.add("filepond", file: "a.txt", [1])
                for target in ["\(prefix)/", "\(prefix)/process/"] {
                    #expect(try await house.send("POST", target, form.headers, form.body).status == 200, "\(target)")
                }
                #expect(try await house.send("GET", "/healthz").status == 200)
            }
        }
    }

    @Test("OPTIONS * is answered")
    func asterisk() async throws {
        try await ServerHouse.with { house async throws in
            #expect(try await house.send("OPTIONS", "*").status == 204)
        }
    }
}
