import FPHTTP
import HTTPTypes
import Testing

@testable import FPFilePond

@Suite("Where a FilePond request goes")
struct RouteTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let method: HTTPRequest.Method
        let target: String
        let endpoint: FilePondRoute.Endpoint
        let operand: String?

        init(
            _ method: HTTPRequest.Method, _ target: String, _ endpoint: FilePondRoute.Endpoint, _ operand: String? = nil
        ) {
            self.method = method
            self.target = target
            self.endpoint = endpoint
            self.operand = operand
        }

        var testDescription: String { "\(method) \(target)" }
    }

    private func route(_ method: HTTPRequest.Method, _ target: String) throws -> FilePondRoute {
        let target = try RequestTarget(target)
        let rest = try #require(MountPath.below("fp").rest(of: target.path.segments))
        return try FilePondRoute(method: method, rest: rest, query: target.query)
    }

    @Test(
        "every address of the reference and of the one-URL shorthand is known",
        arguments: [
            Row(.post, "/fp", .process), Row(.post, "/fp/", .process), Row(.put, "/fp", .process),
            Row(.post, "/fp?x=1", .process), Row(.post, "/fp/process", .process), Row(.post, "/fp//process/", .process),
            Row(.post, "/fp/process/", .process),
            Row(.put, "/fp/process/", .process),
            Row(.patch, "/fp?patch=abc", .patch, "abc"), Row(.patch, "/fp?x=1&patch=abc", .patch, "abc"),
            Row(.patch, "/fp/patch/abc", .patch, "abc"), Row(.patch, "/fp/patch/abc/", .patch, "abc"),
            Row(.patch, "/fp/patch/?patch=abc", .patch, "abc"), Row(.patch, "/fp/patch?id=abc", .patch, "abc"),
            Row(.patch, "/fp?patch=", .patch, ""), Row(.patch, "/fp/patch/", .patch),
            Row(.post, "/fp?patch=abc", .patch, "abc"), Row(.put, "/fp/patch/abc", .patch, "abc"),
            Row(.head, "/fp?patch=abc", .patch, "abc"), Row(.head, "/fp/patch/abc", .patch, "abc"),
            Row(.delete, "/fp", .revert), Row(.delete, "/fp/", .revert), Row(.delete, "/fp?revert=abc", .revert, "abc"),
            Row(.delete, "/fp/revert", .revert), Row(.delete, "/fp/revert/", .revert),
            Row(.delete, "/fp/revert/abc", .revert, "abc"), Row(.delete, "/fp/revert/?id=abc", .revert, "abc"),
            Row(.post, "/fp/revert/", .revert), Row(.post, "/fp?revert", .revert, ""),
            Row(.get, "/fp?load=a%2Fb.jpg", .load, "a/b.jpg"), Row(.get, "/fp?load=a+b", .load, "a b"),
            Row(.get, "/fp/load/?id=abc", .load, "abc"), Row(.get, "/fp/load?load=abc", .load, "abc"),
            Row(.get, "/fp/load/abc", .load, "abc"), Row(.get, "/fp/load/abc/", .load, "abc"),
            Row(.get, "/fp/load/a%2Fb%20c.jpg", .load, "a/b c.jpg"), Row(.get, "/fp/load/a/b.jpg", .load, "a/b.jpg"),
            Row(.get, "/fp/load/?name=abc", .load), Row(.get, "/fp/load/?id=", .load, ""),
            Row(.head, "/fp/load/abc", .load, "abc"),
            Row(.get, "/fp?restore=abc", .restore, "abc"), Row(.get, "/fp/restore/?id=abc", .restore, "abc"),
            Row(.get, "/fp/restore/abc", .restore, "abc"), Row(.head, "/fp?restore=abc", .restore, "abc"),
            Row(.get, "/fp?fetch=https%3A%2F%2Fe.org%2Fa%3Fb%3D1%26c", .fetch, "https://e.org/a?b=1&c"),
            Row(.get, "/fp/fetch/?target=https%3A%2F%2Fe.org%2Fa", .fetch, "https://e.org/a"),
            Row(.get, "/fp/fetch/https%3A%2F%2Fe.org%2Fa", .fetch, "https://e.org/a"),
            Row(.head, "/fp?fetch=https://e.org/a", .fetch, "https://e.org/a"), Row(.post, "/fp?fetch=", .fetch, ""),
            Row(.post, "/fp/fetch/", .fetch),
        ])
    func known(_ row: Row) throws {
        let route = try route(row.method, row.target)
        #expect(route.endpoint == row.endpoint)
        #expect(route.operand == row.operand)
    }

    @Test(
        "a method that an endpoint does not have is answered with those that it has",
        arguments: [
            (.get, "/fp/process/", [.post, .put, .options]), (.delete, "/fp/process/", [.post, .put, .options]),
            (.get, "/fp/patch/abc", [.patch, .head, .post, .put, .options]),
            (.get, "/fp?patch=abc", [.patch, .head, .post, .put, .options]),
            (.get, "/fp/revert/", [.delete, .post, .put, .options]),
            (.post, "/fp/load/?id=a", [.get, .head, .options]), (.delete, "/fp/load/?id=a", [.get, .head, .options]),
            (.put, "/fp/restore/?id=a", [.get, .head, .options]), (.post, "/fp?restore=a", [.get, .head, .options]),
            (.patch, "/fp/fetch/", [.get, .head, .post, .options]),
            (HTTPRequest.Method("MKCOL") ?? .trace, "/fp", [.get, .head, .post, .put, .patch, .delete, .options]),
        ] as [(HTTPRequest.Method, String, [HTTPRequest.Method])])
    func wrongMethod(_ method: HTTPRequest.Method, _ target: String, _ allow: [HTTPRequest.Method]) {
        #expect(throws: FilePondRoute.Failure.wrongMethod(allow: allow)) { try route(method, target) }
    }

    @Test("OPTIONS is answered with the methods")
    func options() {
        #expect(throws: FilePondRoute.Failure.options(allow: [.get, .head, .options])) {
            try route(.options, "/fp/load/")
        }
    }

    @Test(
        "the base address without a word on what is meant is a 400", arguments: [HTTPRequest.Method.get, .head, .patch])
    func nothingMeant(_ method: HTTPRequest.Method) {
        #expect(throws: FilePondRoute.Failure.missingParameter) { try route(method, "/fp?x=1") }
    }

    @Test("other addresses are unknown", arguments: ["/fp/other", "/fp/process/x", "/fp/Process"])
    func unknown(_ target: String) {
        #expect(throws: FilePondRoute.Failure.unknownAddress) { try route(.post, target) }
    }
}
