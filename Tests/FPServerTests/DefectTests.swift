import FPUploads
import Foundation
import Support
import Testing

/// The defects of security that django-drf-filepond and tusd were shown to have, by the numbers of the lists that they
/// were written down in; each test shows that fphost does not have it. Those that need a part of their own have their
/// tests, of the same names, beside that part's.
@Suite("Known defects of others")
struct DefectTests {
    private static let evil: [String] = [
        "../../../out/pwned", "/abs/path", "..\\..\\out\\pwned", "....//....//pwned", "%2e%2e%2fpwned", "a/../../pwned",
        "C:\\pwned", "..", ".", "", "\u{FF0E}\u{FF0E}\u{FF0F}pwned", "a\u{0}b", "~/pwned",
    ]

    @Test("reference defect 3: no name or path writes outside of the stores")
    func arbitraryWrite() async throws {
        try await ServerHouse.with { house async throws in
            let outside = try FileManager.default.contentsOfDirectory(atPath: house.directory.url.path).sorted()
            for (number, name) in Self.evil.enumerated() where !name.utf8.contains(0) {
                let id = try await house.announce(1)
                let reply = try await house.patch(id, 0, of: 1, "x", name: name.isEmpty ? "a" : name)
                #expect(reply.status == 200, "\(name): \(reply.text)")
                var form = Form()
                form.add("filepond", file: name, [1])
                _ = try await house.send("POST", "/fp", form.headers, form.body)
                for path in [name, name + "/file", "docs/" + name] {
                    let json = "{\"path\": \(String(decoding: try JSONEncoder().encode(path), as: UTF8.self))}"
                    let stored = try await house.call("POST", "/api/v1/uploads/\(id)/store", json: json)
                    #expect([200, 400, 403, 404, 409].contains(stored.status), "\(number) \(path): \(stored.text)")
                }
            }
            // Only the stores' directories and the catalog are there still, and every file is below one of them.
            let now = try FileManager.default.contentsOfDirectory(atPath: house.directory.url.path).sorted()
            #expect(now.filter { !$0.hasPrefix("catalog.db") } == outside.filter { !$0.hasPrefix("catalog.db") })
            let parent = house.directory.url.deletingLastPathComponent()
            for name in ["out", "pwned"] {
                #expect(!FileManager.default.fileExists(atPath: parent.appendingPathComponent(name).path))
            }
        }
    }

    @Test("reference defect 4: chunks that race at one offset leave one of them, and nothing astray")
    func racingChunks() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(8)
            let bodies = ["AAAAAAAA", "BBBBBBBB", "CCCCCCCC", "DDDDDDDD"]
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for body in bodies { group.addTask { try await house.patch(id, 0, of: 8, body).status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.contains(200))
            let kept = try await house.send("GET", "/fp/restore/?id=\(id)")
            #expect(bodies.contains(kept.text), "\(kept.text)")
            #expect(house.filesOnDisk().count == 1)
            #expect(try await house.send("DELETE", "/fp/revert/\(id)").status == 204)
            #expect(house.filesOnDisk() == [])
        }
    }

    @Test("reference defect 5: a chunk whose client died does not count")
    func truncatedChunk() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(100)
            let connection = try HTTPConnection(port: house.client.port)
            let headers = ServerHouse.chunkHeaders(0, of: 100).map { "\($0): \($1)\r\n" }.joined()
            let body = String(repeating: "x", count: 40)
            try connection.send(
                "PATCH /fp/patch/\(id) HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\(headers)\r\n\(body)")
            connection.finishSending()
            let reply = try? await onThread { try connection.readReply() }
            #expect(reply.map { $0.status >= 400 } ?? true)
            #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "0")
        }
    }

    @Test("reference defect 7: a body longer than the upload is refused, and so is a length that is none")
    func overlong() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(4)
            let long = try await house.patch(id, 0, of: 4, "12345678")
            #expect((400..<500).contains(long.status))
            #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "0")
            for length in ["-1", "1e20", "abc", "18446744073709551616", "0x10", "٣", "1,2", "+1"] {
                let reply = try await house.send("POST", "/fp", [("Upload-Length", length)])
                #expect(reply.status == 400, "\(length): \(reply.status)")
            }
            let empty = try await house.announce(0)
            #expect(try await house.patch(empty, 0, of: 0, "").status == 200)
            let restored = try await house.send("GET", "/fp/restore/?id=\(empty)")
            #expect(restored.status == 200 && restored.body == [])
        }
    }

    @Test(
        "reference defects 8 and 9: of stores at one path one wins, and nobody reads or deletes another's bytes by it")
    func onePath() async throws {
        try await ServerHouse.with { house async throws in
            var ids: [String] = []
            for number in 0..<4 { ids.append(try await house.upload("f.txt", "content \(number)")) }
            let json = "{\"path\": \"same.txt\"}"
            let replies = try await withThrowingTaskGroup(of: (String, Int).self) { group in
                for id in ids {
                    group.addTask {
                        (id, try await house.call("POST", "/api/v1/uploads/\(id)/store", json: json).status)
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            let winners = ids.filter { replies[$0] == 200 }
            #expect(winners.count == 1 && replies.values.filter { $0 == 409 }.count == 3, "\(replies)")
            for (number, id) in ids.enumerated() {
                let endpoint = winners.contains(id) ? "load" : "restore"
                #expect(try await house.send("GET", "/fp/\(endpoint)/?id=\(id)").text == "content \(number)")
            }
            let loser = try #require(ids.first { !winners.contains($0) })
            #expect(try await house.call("DELETE", "/api/v1/uploads/\(loser)?delete_file=true").status == 200)
            #expect(try await house.send("GET", "/fp/load/?id=same.txt").status == 200)
        }
    }

    @Test(
        "reference defect 12: what can run script is only ever saved, whatever its name or type says",
        arguments: [
            ("a.html", "text/html"), ("a.svg", "image/svg+xml"), ("a", "text/html"), ("a.gz", "text/html"),
            ("a.xhtml", "application/xhtml+xml"), ("a.unknown", ""), ("a.txt", "text/html"), ("a.png", "image/svg+xml"),
        ])
    func storedScript(name: String, type: String) async throws {
        try await ServerHouse.with({ _, _ in }, fetches: true) { house async throws in
            let script = Array("<script>alert(1)</script>".utf8)
            var form = Form()
            form.add("filepond", file: name, script, type: type.isEmpty ? nil : type)
            let id = try await house.send("POST", "/fp", form.headers, form.body).text
            let restored = try await house.send("GET", "/fp/restore/?id=\(id)")
            try await house.store(id, name)
            let loaded = try await house.send("GET", "/fp/load/?id=\(id)")
            let url = "http://127.0.0.1:\(house.client.port)/fp/load/\(name)"
            let fetched = try await house.send("GET", "/fp/fetch/?target=\(url)")
            let content = try await house.call("GET", "/api/v1/uploads/\(id)/content")
            // What says that it is a page is not even passed on.
            if fetched.status == 400 { #expect(fetched.text.contains("a web page")) }
            for reply in [restored, loaded, content] + (fetched.status == 400 ? [] : [fetched]) {
                #expect(reply.status == 200 && reply.body == script, "\(reply.status) \(reply.text)")
                #expect(reply["content-disposition"]?.hasPrefix("attachment") == true)
                #expect(reply["x-content-type-options"] == "nosniff")
                #expect(reply["content-security-policy"]?.hasPrefix("sandbox") == true)
            }
        }
    }

    @Test(
        "reference defect 13: no name adds a parameter or a field to an answer",
        arguments: [
            "a b.txt", "a;filename=evil.html", "a\"; filename=\"evil.html", "naïve.txt", "日本.txt", "100%.txt", "a\tb",
        ])
    func disposition(name: String) async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload(name, "x")
            let line = try #require(try await house.send("GET", "/fp/restore/?id=\(id)")["content-disposition"])
            #expect(line.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "\(line)")
            #expect(!line.contains("=?utf-8"))
            // One plain parameter in quotes, and one that is encoded: what stands between the quotes cannot end them.
            let pieces = line.split(separator: "\"", omittingEmptySubsequences: false)
            #expect(pieces.count == 1 || pieces.count == 3, "\(line)")
        }
    }

    @Test("reference defect 16: no input is answered with a 500, or with a page")
    func noFaults() async throws {
        try await ServerHouse.with({ _, _ in }, fetches: true) { house async throws in
            let id = try await house.announce(10)
            let html = ("Accept", "text/html")
            let chunk = ServerHouse.chunkHeaders(0, of: 10)
            func patch(_ name: String, _ value: String) -> [(String, String)] {
                chunk.filter { $0.0 != name } + [(name, value), html]
            }
            let requests: [(String, String, [(String, String)], [UInt8])] = [
                ("POST", "/fp", [("Upload-Length", "abc"), html], []),
                ("POST", "/fp", [("Upload-Length", "1e20"), html], []),
                ("PATCH", "/fp/patch/\(id)", patch("Upload-Offset", "x"), [1]),
                ("PATCH", "/fp/patch/\(id)", patch("Upload-Length", "x"), [1]),
                ("PATCH", "/fp/patch/\(id)", patch("Upload-Offset", "-1"), [1]),
                ("DELETE", "/fp/revert/", [html], []), ("DELETE", "/fp/revert/", [html], [0xFF, 0xFE]),
                ("GET", "/fp/fetch/?target=%25", [html], []), ("GET", "/fp/fetch/?target=ftp://a/b", [html], []),
                ("GET", "/fp/fetch/?target=http://%00/", [html], []), ("GET", "/fp/load/?id=%FF%FE", [html], []),
                ("GET", "/fp/load/", [html], []), ("GET", "/fp/elsewhere", [html], []), ("TRACE", "/fp", [html], []),
                ("POST", "/fp", [("Content-Type", "multipart/form-data"), html], [1]),
                ("POST", "/fp", [("Content-Type", "multipart/form-data; boundary=\"\""), html], [1]),
            ]
            for (method, target, headers, body) in requests {
                let reply = try await house.send(method, target, headers, body)
                #expect((400..<500).contains(reply.status), "\(method) \(target): \(reply.status)")
                #expect(reply["content-type"]?.hasSuffix("json") == true, "\(method) \(target)")
                #expect(!reply.text.contains(house.directory.url.path))
            }
        }
    }

    @Test("reference defect 17: a directory whose name begins like a store's is not in the store")
    func prefixes() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            for path in ["../media-evil/a.txt", "media/../../media-evil/a.txt", "..media-evil/../../media-evil/a.txt"] {
                let reply = try await house.call("POST", "/api/v1/uploads/\(id)/store", json: "{\"path\": \"\(path)\"}")
                #expect(reply.status == 400, "\(path): \(reply.status)")
                #expect(try await house.send("GET", "/fp/load/?id=\(path)").status == 404)
            }
        }
    }

    @Test("tusd defect 6: clients that send a byte and wait hold up nobody else")
    func slowClients() async throws {
        try await ServerHouse.with { house async throws in
            var slow: [HTTPConnection] = []
            for _ in 0..<40 {
                let id = try await house.announce(1000)
                let connection = try HTTPConnection(port: house.client.port)
                let headers = ServerHouse.chunkHeaders(0, of: 1000).map { "\($0): \($1)\r\n" }.joined()
                try connection.send(
                    "PATCH /fp/patch/\(id) HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\(headers)\r\nx")
                slow.append(connection)
            }
            for number in 0..<20 {
                let id = try await house.announce(5)
                #expect(try await house.patch(id, 0, of: 5, "Hello").status == 200, "\(number)")
            }
            for connection in slow { connection.reset() }
        }
    }

    @Test("tusd defect 8: no way of uploading leads past the largest size")
    func largestSize() async throws {
        try await ServerHouse.with({ settings, _ in settings.maxSize = 1000 }) { house async throws in
            let large = [UInt8](repeating: 7, count: 1001)
            var form = Form()
            form.add("filepond", file: "a", large)
            #expect(try await house.send("POST", "/fp", form.headers, form.body).status == 413)
            #expect(try await house.send("POST", "/fp", [("Upload-Length", "1001")]).status == 413)
            let chunked = form.headers + [("Transfer-Encoding", "chunked")]
            let connection = try HTTPConnection(port: house.client.port)
            let head = chunked.map { "\($0): \($1)\r\n" }.joined()
            try connection.send("POST /fp HTTP/1.1\r\nHost: a\r\n\(head)\r\n")
            try connection.send("\(String(form.body.count, radix: 16))\r\n")
            try connection.send(form.body)
            try connection.send("\r\n0\r\n\r\n")
            #expect(try await onThread { try connection.readReply() }.status == 413)
            // Without a length in the announcement, the first chunk tells it.
            var announcement = Form()
            announcement.add("filepond", "{}")
            let id = try await house.send("POST", "/fp", announcement.headers, announcement.body).text
            let reply = try await house.send("PATCH", "/fp/patch/\(id)", ServerHouse.chunkHeaders(0, of: 1001), large)
            #expect(reply.status == 413, "\(reply.status) \(reply.text)")
            let sneaky = try await house.announce(1000)
            #expect(
                (400..<500).contains(
                    try await house.send(
                        "PATCH", "/fp/patch/\(sneaky)", ServerHouse.chunkHeaders(0, of: 1000), large
                    ).status))
            #expect(try await house.send("HEAD", "/fp/patch/\(sneaky)")["upload-offset"] == "0")
        }
    }

    @Test("tusd defect 11: many read one upload at once, also while one of them does not go on reading")
    func parallelDownloads() async throws {
        try await ServerHouse.with { house async throws in
            let content = [UInt8](repeating: 9, count: 8 << 20)
            let id = try await house.upload([("big", content)])
            let stalled = try HTTPConnection(port: house.client.port)
            try stalled.send("GET /fp/restore/?id=\(id) HTTP/1.1\r\nHost: a\r\n\r\n")
            for _ in 0..<3 {
                #expect(try await house.send("GET", "/fp/restore/?id=\(id)").body == content)
                #expect(try await house.send("HEAD", "/fp/patch/\(id)").status == 200)
            }
            stalled.reset()
        }
    }
}
