import FPFormats
import FPServer
import Support
import Testing

@Suite("The OpenAPI document")
struct DescriptionTests {
    private let target = "/api/v1/openapi.json"

    @Test("everybody may read it, and a client that has it is told so")
    func cached() async throws {
        try await ServerHouse.with { house async throws in
            let reply = try await house.send("GET", target)
            #expect(reply.status == 200)
            #expect(reply["content-type"] == "application/json")
            #expect(try JSON(parsing: reply.body)["openapi"]?.string?.hasPrefix("3.1.") == true)
            let etag = try #require(reply["etag"])
            #expect(try await house.send("GET", target)["etag"] == etag)
            #expect(try await house.send("GET", target, [("If-None-Match", etag)]).status == 304)
            #expect(try await house.send("GET", target, [("If-None-Match", "\"another\"")]).status == 200)
            #expect(try await house.send("GET", target, [("If-Match", "\"another\"")]).status == 412)
            let head = try await house.send("HEAD", target)
            #expect(head.status == 200 && head["content-length"] == "\(reply.body.count)")
            #expect(try await house.send("POST", target).status == 405)
            #expect(try await house.send("GET", "\(target)/x").status == 401)
        }
    }

    @Test("it has the base path of its host", arguments: [("/", "/", "/process"), ("/a/b", "/a/b", "/a/b/process")])
    func basePath(_ path: String, _ base: String, _ process: String) async throws {
        try await ServerHouse.with {
            $1.basePath = try BasePath(path)
        } _: { house async throws in
            let paths = try await OpenAPIDocument(of: house).paths
            #expect(paths.contains(base) && paths.contains(process) && paths.contains("/api/v1/uploads"))
            #expect(!paths.contains { $0.hasPrefix("/fp") })
        }
    }
}
