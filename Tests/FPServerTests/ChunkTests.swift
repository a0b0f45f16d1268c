import FPUploads
import Foundation
import Support
import Testing

@Suite("patch")
struct ChunkTests {
    private static let type = ("Content-Type", "application/offset+octet-stream")

    private static func chunk(_ offset: String, of length: String = "10", type: String? = Self.type.1) -> [(
        String, String
    )] {
        let headers = [("Upload-Offset", offset), ("Upload-Length", length), ("Upload-Name", "chunked.txt")]
        return (type.map { [("Content-Type", $0)] } ?? []) + headers
    }

    private static let incomplete = Exchange.Body.detail("Chunk upload is missing required metadata")
    private static let unknown = Exchange.Body.detail("Invalid chunk upload request data")

    static let rows: [Exchange] = Exchange.table {
        Exchange(
            "C11", "PATCH", "/fp/patch/{receiving}", chunk("4"), body: "456", 200, [("Upload-Offset", "7")], .id)
        Exchange("C11 slash", "PATCH", "/fp/patch/{receiving}/", chunk("4"), body: "456", 200, [], .id)
        Exchange("C11 one URL", "PATCH", "/fp?patch={receiving}", chunk("4"), body: "456", 200, [], .id)
        Exchange("C11 POST", "POST", "/fp?patch={receiving}", chunk("4"), body: "456", 200, [], .id)
        Exchange("C11 PUT", "PUT", "/fp/patch/{receiving}", chunk("4"), body: "456", 200, [], .id)
        Exchange(
            "C12", "PATCH", "/fp/patch/{receiving}", chunk("4"), body: "456789", 200, [("Upload-Offset", "10")], .id
        )
        Exchange(
            "C1", "PATCH", "/fp/patch/{receiving}", chunk("4", type: "image/png"), body: "456", 415, [],
            .detail("Unsupported media type \\\"image/png\\\" in request."))
        Exchange(
            "C2", "PATCH", "/fp?patch=", chunk("0"), body: "0123", 400, [],
            .detail("A required chunk parameter is missing."))
        Exchange("C2 explicit", "PATCH", "/fp/patch/", chunk("0"), body: "0123", 400)
        Exchange("C3 the empty last chunk", "PATCH", "/fp/patch/{whole}", chunk("10", type: nil), 200, [], .id)
        Exchange(
            "C3 without a name", "PATCH", "/fp/patch/{whole}",
            [("Upload-Offset", "10"), ("Upload-Length", "10")], 200, [], .id)
        Exchange("C3 unknown", "PATCH", "/fp/patch/{unknown}", chunk("10"), 400, [], unknown)
        Exchange(
            "C4", "PATCH", "/fp/patch/{receiving}", chunk("4"), 400, [],
            .detail("Upload data type not recognised."))
        Exchange("C5", "PATCH", "/fp/patch/{unknown}", chunk("0"), body: "0123", 400, [], unknown)
        Exchange(
            "C6 offset", "PATCH", "/fp/patch/{receiving}",
            [type, ("Upload-Length", "10"), ("Upload-Name", "a")], body: "4", 400, [], incomplete)
        Exchange(
            "C6 length", "PATCH", "/fp/patch/{receiving}",
            [type, ("Upload-Offset", "4"), ("Upload-Name", "a")], body: "4", 400, [], incomplete)
        Exchange(
            "C6 name", "PATCH", "/fp/patch/{announced}",
            [type, ("Upload-Offset", "0"), ("Upload-Length", "10")], body: "0", 400, [], incomplete)
        Exchange(
            "no name, but it is known", "PATCH", "/fp/patch/{receiving}",
            [type, ("Upload-Offset", "4"), ("Upload-Length", "10")], body: "456", 200, [("Upload-Offset", "7")], .id)
        Exchange("C7", "PATCH", "/fp/patch/{receiving}", chunk("4", of: "11"), body: "456", 400)
        Exchange(
            "C8", "PATCH", "/fp/patch/{receiving}",
            [type, ("Upload-Offset", "4"), ("Upload-Length", "10"), ("Upload-Name", "other.txt")], body: "456", 400)
        Exchange("C9 ahead", "PATCH", "/fp/patch/{receiving}", chunk("5"), body: "5", 400)
        Exchange(
            "C9 replay", "PATCH", "/fp/patch/{receiving}", chunk("0"), body: "0123", 200,
            [("Upload-Offset", "4")], .id)
        Exchange(
            "replay after the end", "PATCH", "/fp/patch/{whole}", chunk("0"), body: "0123456789", 200,
            [("Upload-Offset", "10")], .id)
        Exchange("C14", "PATCH", "/fp/patch/{receiving}", chunk("4"), body: "4567890", 400)
        Exchange("beyond the end", "PATCH", "/fp/patch/{whole}", chunk("10"), body: "x", 400)
        Exchange("not an id", "PATCH", "/fp/patch/zz", chunk("0"), body: "0123", 404)
        Exchange("an id with a dash", "PATCH", "/fp/patch/2345678-ABCDEFGHJKLMNP", chunk("0"), body: "0123", 404)
        Exchange("traversal", "PATCH", "/fp?patch=../../etc/passwd", chunk("0"), body: "0123", 404)
        Exchange(
            "wrong method", "DELETE", "/fp/patch/{receiving}", 405,
            [("Allow", "PATCH, HEAD, POST, PUT, OPTIONS")], .detail("Method \\\"DELETE\\\" not allowed."))
        Exchange("wrong method", "GET", "/fp?patch={receiving}", 405)
        Exchange(
            "options", "OPTIONS", "/fp/patch/{receiving}", 204, [("Allow", "PATCH, HEAD, POST, PUT, OPTIONS")])
        Exchange(
            "HEAD", "HEAD", "/fp/patch/{receiving}", 200,
            [("Upload-Offset", "4"), ("Upload-Length", "10"), ("Cache-Control", "no-store")])
        Exchange("HEAD one URL", "HEAD", "/fp?patch={receiving}", 200, [("Upload-Offset", "4")])
        Exchange("HEAD at the start", "HEAD", "/fp/patch/{announced}", 200, [("Upload-Offset", "0")])
        Exchange("HEAD after the end", "HEAD", "/fp/patch/{whole}", 200, [("Upload-Offset", "10")])
        Exchange("HEAD stored", "HEAD", "/fp/patch/{stored}", 200, [("Upload-Offset", "16")])
        Exchange("HEAD unknown", "HEAD", "/fp/patch/{unknown}", 404, [("Upload-Offset", nil)])
        Exchange("HEAD no id", "HEAD", "/fp/patch/zz", 404)
        Exchange("HEAD empty", "HEAD", "/fp?patch=", 400)

        [
            "application/offset%2Boctet-stream", "application%2Foffset%2Boctet-stream",
            "application%2foffset%2boctet-stream",
            "application/octet-stream", "Application/Offset+Octet-Stream; charset=utf-8",
        ]
        .map { (type: String) in
            Exchange("14: \(type)", "PATCH", "/fp/patch/{receiving}", chunk("4", type: type), body: "456", 200, [], .id)
        }
        Exchange("14: no type", "PATCH", "/fp/patch/{receiving}", chunk("4", type: nil), body: "456", 200, [], .id)
        ["-1", "+4", "4.0", "4, 4", "0x4", "four", "18446744073709551616"].map {
            Exchange(
                "offset \($0)", "PATCH", "/fp/patch/{receiving}", chunk($0), body: "456", 400, [],
                .detail("Upload-Offset must be a number of bytes."))
        }
        ["-1", "1_0", "1e1"].map {
            Exchange(
                "length \($0)", "PATCH", "/fp/patch/{receiving}", chunk("4", of: $0), body: "456", 400, [],
                .detail("Upload-Length must be a number of bytes."))
        }

        Exchange(
            "the largest offset", "PATCH", "/fp/patch/{receiving}", chunk("18446744073709551615"), body: "456", 400)
        Exchange(
            "a repeated field", "PATCH", "/fp/patch/{receiving}",
            chunk("4") + [("Upload-Offset", "4")], body: "456", 400)

    }

    @Test("every row of the reference's table, as it is kept")
    func table() async throws {
        try await ServerHouse.with { house async throws in
            for row in Self.rows { try await row.check(on: house) }
        }
    }

    @Test("a file of an exact multiple of the chunk size ends with an empty chunk")
    func exactMultiple() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(8)
            for (offset, content) in [(0, "0123"), (4, "4567"), (8, "")] {
                let reply = try await house.patch(id, offset, of: 8, content)
                #expect(reply.status == 200)
                #expect(reply.text == id)
            }
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)").text == "01234567")
        }
    }

    @Test("a file without bytes is one empty chunk")
    func emptyFile() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(0)
            #expect(try await house.patch(id, 0, of: 0, "").status == 200)
            let reply = try await house.send("GET", "/fp/restore/?id=\(id)")
            #expect(reply.status == 200)
            #expect(reply["content-length"] == "0")
        }
    }

    @Test("a transfer that starts again at 0 is taken back, and ends with the new bytes")
    func restart() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(8)
            #expect(try await house.patch(id, 0, of: 8, "abcd").status == 200)
            // Another length, so no replay: the client's image transform ran again.
            #expect(try await house.patch(id, 0, of: 8, "012").status == 200)
            #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "3")
            #expect(try await house.patch(id, 3, of: 8, "34567").status == 200)
            #expect(try await house.send("GET", "/fp/restore/\(id)").text == "01234567")
        }
    }

    @Test("a chunk that is cut short does not count")
    func cutShort() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(100_000)
            #expect(try await house.patch(id, 0, of: 100_000, String(repeating: "a", count: 40_000)).status == 200)
            let whole = HTTPClient.request(
                "PATCH", "/fp/patch/\(id)", headers: ServerHouse.chunkHeaders(40_000, of: 100_000),
                body: [UInt8](repeating: 98, count: 60_000))
            let port = house.client.port
            try await onThread {
                let connection = try HTTPConnection(port: port)
                try connection.send(Array(whole.dropLast(10_000)))
                connection.reset()
            }
            let offset = try await house.send("HEAD", "/fp?patch=\(id)")["upload-offset"]
            #expect(offset == "40000")
            #expect(try await house.patch(id, 40_000, of: 100_000, String(repeating: "c", count: 60_000)).status == 200)
            let content = try await house.send("GET", "/fp/restore/\(id)").text
            #expect(content == String(repeating: "a", count: 40_000) + String(repeating: "c", count: 60_000))
        }
    }

    @Test(
        "Upload-Name is UTF-8 and nothing is decoded in it; what a path is made of goes",
        arguments: [
            ("日本語 👍.txt", "日本語 👍.txt"), ("100%25 + é.txt", "100%25 + é.txt"), ("../../out/pwned", "pwned"),
            ("/abs/path", "path"), ("..\\..\\x.exe", "x.exe"), ("", "file"), ("..", "file"), ("undefined", "undefined"),
        ])
    func names(_ sent: String, _ kept: String) async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(4)
            #expect(try await house.patch(id, 0, of: 4, "0123", name: sent).status == 200)
            let known = try #require(UploadID(id))
            let upload = try #require(try await house.uploads.upload(known))
            #expect(upload.files[0].name == kept)
        }
    }

    @Test("a length that the announcement left out comes with the first chunk")
    func lateLength() async throws {
        try await ServerHouse.with { house async throws in
            var form = Form()
            form.add("filepond", "{}")
            let id = try await house.send("POST", "/fp", form.headers, form.body).text
            let head = try await house.send("HEAD", "/fp?patch=\(id)")
            #expect(head["upload-offset"] == "0")
            #expect(head["upload-length"] == nil)
            #expect(try await house.patch(id, 0, of: 4, "0123").status == 200)
            #expect(try await house.send("GET", "/fp/restore/\(id)").text == "0123")
        }
    }

    @Test("a chunk may come as the one file of a form")
    func formChunk() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(8)
            for (offset, content) in [(0, "0123"), (4, "4567")] {
                var form = Form()
                form.add("token", "x")
                form.add("chunk", file: "blob", Array(content.utf8))
                let headers = form.headers + ServerHouse.chunkHeaders(offset, of: 8).dropFirst()
                #expect(try await house.send("PATCH", "/fp/patch/\(id)", headers, form.body).status == 200)
            }
            #expect(try await house.send("GET", "/fp/restore/\(id)").text == "01234567")
            let other = try await house.announce(8)
            let wrong: [(inout Form) -> Void] = [
                { $0.add("chunk", "0123") },
                { form in for name in ["a", "b"] { form.add("chunk", file: name, Array("01".utf8)) } },
            ]
            for build in wrong {
                var form = Form()
                build(&form)
                let headers = form.headers + ServerHouse.chunkHeaders(0, of: 8).dropFirst()
                let reply = try await house.send("PATCH", "/fp/patch/\(other)", headers, form.body)
                #expect(reply.status == 400, "\(reply.text)")
            }
            #expect(try await house.send("HEAD", "/fp/patch/\(other)")["upload-offset"] == "0")
        }
    }

    @Test("a chunk of unknown length, sent in pieces, arrives")
    func chunkedCoding() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(8)
            let port = house.client.port
            let reply = try await onThread {
                let connection = try HTTPConnection(port: port)
                var head = "PATCH /fp/patch/\(id) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                for (name, value) in ServerHouse.chunkHeaders(0, of: 8) { head += "\(name): \(value)\r\n" }
                try connection.send(head + "\r\n3\r\n012\r\n5\r\n34567\r\n0\r\n\r\n")
                return try connection.readReply()
            }
            #expect(reply.status == 200)
            #expect(try await house.send("GET", "/fp/restore/\(id)").text == "01234567")
        }
    }

    @Test("a revert that races a chunk ends with nothing, and with an answer to both")
    func revertRace() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(1_000_000)
            let request = HTTPClient.request(
                "PATCH", "/fp/patch/\(id)", headers: ServerHouse.chunkHeaders(0, of: 1_000_000),
                body: [UInt8](repeating: 1, count: 1_000_000))
            let port = house.client.port
            let connection = try await onThread {
                let connection = try HTTPConnection(port: port)
                try connection.send(Array(request.prefix(600_000)))
                return connection
            }
            #expect(try await house.send("DELETE", "/fp", [], Array(id.utf8)).status == 204)
            let status = try await onThread { try connection.readReply().status }
            #expect([400, 409].contains(status))
            #expect(try await house.send("HEAD", "/fp?patch=\(id)").status == 404)
            #expect(house.directory.files(below: "staging").isEmpty)
        }
    }
}
