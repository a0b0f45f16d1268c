import FPUploads
import Support
import Testing

@Suite("revert")
struct RevertTests {
    private static let invalid = Exchange.Body.detail("The provided data is invalid.")
    private static let text = [("Content-Type", "text/plain;charset=UTF-8")]

    static let rows: [Exchange] = Exchange.table {
        Exchange(
            "known", "DELETE", "/fp/revert/", text, body: "{complete}", 204, [("Content-Type", nil)], .exactly(""))
        Exchange("white space", "DELETE", "/fp/revert/", text, body: " {complete}\r\n", 204)
        Exchange("no slash", "DELETE", "/fp/revert", text, body: "{complete}", 204)
        Exchange("one URL", "DELETE", "/fp", text, body: "{complete}", 204)
        Exchange("no type", "DELETE", "/fp", [], body: "{complete}", 204)
        Exchange(
            "curl's type", "DELETE", "/fp", [("Content-Type", "application/x-www-form-urlencoded")], body: "{complete}",
            204)
        Exchange("in the path", "DELETE", "/fp/revert/{complete}", 204)
        Exchange("in the query", "DELETE", "/fp/revert/?id={complete}", 204)
        Exchange("in the query", "DELETE", "/fp?revert={complete}", 204)
        Exchange("POST", "POST", "/fp/revert/", text, body: "{complete}", 204)
        Exchange("unfinished", "DELETE", "/fp/revert/", text, body: "{receiving}", 204)
        Exchange("not begun", "DELETE", "/fp/revert/", text, body: "{announced}", 204)
        Exchange("unknown", "DELETE", "/fp/revert/", text, body: "{unknown}", 204)
        Exchange("stored", "DELETE", "/fp/revert/", text, body: "{stored}", 204)
        Exchange("too short", "DELETE", "/fp/revert/", text, body: "INVALIDID", 400, [], invalid)
        Exchange(
            "22 characters that are no id", "DELETE", "/fp/revert/", text, body: "0123456789012345678901", 400, [],
            invalid)
        Exchange("empty", "DELETE", "/fp/revert/", 400, [], invalid)
        Exchange("blank", "DELETE", "/fp/revert/", text, body: "  ", 400, [], invalid)
        Exchange("an object", "DELETE", "/fp/revert/", text, body: "[object Object]", 400, [], invalid)
        Exchange("an unknown path", "DELETE", "/fp/revert/", text, body: "some/file.txt", 400, [], invalid)
        Exchange("traversal", "DELETE", "/fp/revert/", text, body: "../../etc/passwd", 400, [], invalid)
        Exchange(
            "JSON", "DELETE", "/fp/revert/", [("Content-Type", "application/json")], body: "{}", 415, [],
            .detail("Unsupported media type \\\"application/json\\\" in request."))
        Exchange("too long", "DELETE", "/fp/revert/", text, body: String(repeating: "a", count: 5000), 413)
        Exchange("wrong method", "GET", "/fp/revert/", 405, [("Allow", "DELETE, POST, PUT, OPTIONS")])
        Exchange("wrong method", "PATCH", "/fp/revert/", 405)

    }

    @Test("every row of the reference's table, as it is kept")
    func table() async throws {
        try await ServerHouse.with { house async throws in
            for row in Self.rows { try await row.check(on: house) }
            let notUTF8 = try await house.send("DELETE", "/fp", Self.text, [0xFF, 0xFE])
            #expect(notUTF8.status == 400)
        }
    }

    @Test("a reverted upload is gone with its bytes, and may be reverted again, also twice at once")
    func idempotent() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            async let one = house.send("DELETE", "/fp", Self.text, Array(id.utf8))
            async let other = house.send("DELETE", "/fp", Self.text, Array(id.utf8))
            #expect(try await [one.status, other.status] == [204, 204])
            #expect(try await house.send("DELETE", "/fp", Self.text, Array(id.utf8)).status == 204)
            #expect(try await house.send("GET", "/fp/restore/\(id)").status == 404)
            #expect(house.filesOnDisk().isEmpty)
        }
    }

    @Test("a stored upload survives every revert, by its id or by its path")
    func storedSurvives() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            try await house.store(id, "docs/a.txt")
            for text in [id, "docs/a.txt"] {
                #expect(try await house.send("DELETE", "/fp", Self.text, Array(text.utf8)).status == 204)
            }
            #expect(try await house.send("GET", "/fp/load/\(id)").text == "Hello, FilePond!")
        }
    }
}
