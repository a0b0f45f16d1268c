import FPHTTP
import NIOHTTP1
import Testing

@testable import FPServer

@Suite("Where a FilePond request goes")
struct RouteTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let method: HTTPMethod
        let target: String
        let endpoint: FilePondRoute.Endpoint
        let operand: String?

        init(_ method: HTTPMethod, _ target: String, _ endpoint: FilePondRoute.Endpoint, _ operand: String? = nil) {
            self.method = method
            self.target = target
            self.endpoint = endpoint
            self.operand = operand
        }

        var testDescription: String { "\(method) \(target)" }
    }

    private func route(_ method: HTTPMethod, _ target: String) throws -> FilePondRoute {
        let target = try RequestTarget(target)
        let base = try BasePath("/fp")
        let rest = try #require(base.rest(of: target.path.segments))
        return try FilePondRoute(method: method, rest: rest, query: target.query)
    }

    @Test(
        "every address of the reference and of the one-URL shorthand is known",
        arguments: [
            Row(.POST, "/fp", .process), Row(.POST, "/fp/", .process), Row(.PUT, "/fp", .process),
            Row(.POST, "/fp?x=1", .process), Row(.POST, "/fp/process", .process), Row(.POST, "/fp//process/", .process),
            Row(.POST, "/fp/process/", .process),
            Row(.PUT, "/fp/process/", .process),
            Row(.PATCH, "/fp?patch=abc", .patch, "abc"), Row(.PATCH, "/fp?x=1&patch=abc", .patch, "abc"),
            Row(.PATCH, "/fp/patch/abc", .patch, "abc"), Row(.PATCH, "/fp/patch/abc/", .patch, "abc"),
            Row(.PATCH, "/fp/patch/?patch=abc", .patch, "abc"), Row(.PATCH, "/fp/patch?id=abc", .patch, "abc"),
            Row(.PATCH, "/fp?patch=", .patch, ""), Row(.PATCH, "/fp/patch/", .patch),
            Row(.POST, "/fp?patch=abc", .patch, "abc"), Row(.PUT, "/fp/patch/abc", .patch, "abc"),
            Row(.HEAD, "/fp?patch=abc", .patch, "abc"), Row(.HEAD, "/fp/patch/abc", .patch, "abc"),
            Row(.DELETE, "/fp", .revert), Row(.DELETE, "/fp/", .revert), Row(.DELETE, "/fp?revert=abc", .revert, "abc"),
            Row(.DELETE, "/fp/revert", .revert), Row(.DELETE, "/fp/revert/", .revert),
            Row(.DELETE, "/fp/revert/abc", .revert, "abc"), Row(.DELETE, "/fp/revert/?id=abc", .revert, "abc"),
            Row(.POST, "/fp/revert/", .revert), Row(.POST, "/fp?revert", .revert, ""),
            Row(.GET, "/fp?load=a%2Fb.jpg", .load, "a/b.jpg"), Row(.GET, "/fp?load=a+b", .load, "a b"),
            Row(.GET, "/fp/load/?id=abc", .load, "abc"), Row(.GET, "/fp/load?load=abc", .load, "abc"),
            Row(.GET, "/fp/load/abc", .load, "abc"), Row(.GET, "/fp/load/abc/", .load, "abc"),
            Row(.GET, "/fp/load/a%2Fb%20c.jpg", .load, "a/b c.jpg"), Row(.GET, "/fp/load/a/b.jpg", .load, "a/b.jpg"),
            Row(.GET, "/fp/load/?name=abc", .load), Row(.GET, "/fp/load/?id=", .load, ""),
            Row(.HEAD, "/fp/load/abc", .load, "abc"),
            Row(.GET, "/fp?restore=abc", .restore, "abc"), Row(.GET, "/fp/restore/?id=abc", .restore, "abc"),
            Row(.GET, "/fp/restore/abc", .restore, "abc"), Row(.HEAD, "/fp?restore=abc", .restore, "abc"),
            Row(.GET, "/fp?fetch=https%3A%2F%2Fe.org%2Fa%3Fb%3D1%26c", .fetch, "https://e.org/a?b=1&c"),
            Row(.GET, "/fp/fetch/?target=https%3A%2F%2Fe.org%2Fa", .fetch, "https://e.org/a"),
            Row(.GET, "/fp/fetch/https%3A%2F%2Fe.org%2Fa", .fetch, "https://e.org/a"),
            Row(.HEAD, "/fp?fetch=https://e.org/a", .fetch, "https://e.org/a"), Row(.POST, "/fp?fetch=", .fetch, ""),
            Row(.POST, "/fp/fetch/", .fetch),
        ])
    func known(_ row: Row) throws {
        let route = try route(row.method, row.target)
        #expect(route.endpoint == row.endpoint)
        #expect(route.operand == row.operand)
    }

    @Test(
        "a method that an endpoint does not have is answered with those that it has",
        arguments: [
            (.GET, "/fp/process/", [.POST, .PUT, .OPTIONS]), (.DELETE, "/fp/process/", [.POST, .PUT, .OPTIONS]),
            (.GET, "/fp/patch/abc", [.PATCH, .HEAD, .POST, .PUT, .OPTIONS]),
            (.GET, "/fp?patch=abc", [.PATCH, .HEAD, .POST, .PUT, .OPTIONS]),
            (.GET, "/fp/revert/", [.DELETE, .POST, .PUT, .OPTIONS]),
            (.POST, "/fp/load/?id=a", [.GET, .HEAD, .OPTIONS]), (.DELETE, "/fp/load/?id=a", [.GET, .HEAD, .OPTIONS]),
            (.PUT, "/fp/restore/?id=a", [.GET, .HEAD, .OPTIONS]), (.POST, "/fp?restore=a", [.GET, .HEAD, .OPTIONS]),
            (.PATCH, "/fp/fetch/", [.GET, .HEAD, .POST, .OPTIONS]),
            (.MKCOL, "/fp", [.GET, .HEAD, .POST, .PUT, .PATCH, .DELETE, .OPTIONS]),
        ] as [(HTTPMethod, String, [HTTPMethod])])
    func wrongMethod(_ method: HTTPMethod, _ target: String, _ allow: [HTTPMethod]) {
        #expect(throws: FilePondRoute.Failure.wrongMethod(allow: allow)) { try route(method, target) }
    }

    @Test("OPTIONS is answered with the methods")
    func options() {
        #expect(throws: FilePondRoute.Failure.options(allow: [.GET, .HEAD, .OPTIONS])) {
            try route(.OPTIONS, "/fp/load/")
        }
    }

    @Test("the base address without a word on what is meant is a 400", arguments: [HTTPMethod.GET, .HEAD, .PATCH])
    func nothingMeant(_ method: HTTPMethod) {
        #expect(throws: FilePondRoute.Failure.missingParameter) { try route(method, "/fp?x=1") }
    }

    @Test("other addresses are unknown", arguments: ["/fp/other", "/fp/process/x", "/fp/Process"])
    func unknown(_ target: String) {
        #expect(throws: FilePondRoute.Failure.unknownAddress) { try route(.POST, target) }
    }

    @Test("a base path may be any plain path that is not the host's own")
    func basePaths() throws {
        #expect(try BasePath("/fp/").description == "/fp")
        #expect(try BasePath("/").description == "/")
        #expect(try BasePath("/a/b.c-d_e~").rest(of: ["a", "b.c-d_e~", "x"]) == ["x"])
        #expect(try BasePath("/fp").rest(of: ["fpx"]) == nil)
        for text in ["", "fp", "//", "/a//b", "/a b", "/é", "/..", "/a?b", "/api", "/demo/x", "/healthz", "/readyz"] {
            #expect(throws: BasePath.Invalid.self) { try BasePath(text) }
        }
    }
}
