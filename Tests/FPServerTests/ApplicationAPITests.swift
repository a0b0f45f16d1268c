import FPAccess
import FPUploads
import Foundation
import Support
import Testing

@Suite("The application API")
struct ApplicationAPITests {
    private func object(_ reply: HTTPReply) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any], "\(reply.text)")
    }

    private func ids(_ reply: HTTPReply) throws -> [String] {
        let uploads = try #require(try object(reply)["uploads"] as? [[String: Any]], "\(reply.text)")
        return uploads.compactMap { $0["id"] as? String }
    }

    // MARK: - Who may use it

    @Test("without one of the tokens, every address is closed and says so")
    func closed() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            let targets = [
                ("GET", "/api/v1/uploads"), ("GET", "/api/v1/uploads/\(id)"), ("GET", "/api/v1/uploads/\(id)/content"),
                ("POST", "/api/v1/uploads/\(id)/store"), ("DELETE", "/api/v1/uploads/\(id)"), ("GET", "/api/v1/none"),
                ("OPTIONS", "/api/v1/uploads"), ("GET", "/api/v1"),
            ]
            for (method, target) in targets {
                let bare = try await house.send(method, target)
                #expect(bare.status == 401, "\(method) \(target)")
                #expect(bare["www-authenticate"] == "Bearer realm=\"fphost\"")
                #expect(bare["content-type"] == "application/problem+json")
                for value in ["Bearer wrong", "Bearer ", "Basic \(ServerHouse.token)", ServerHouse.token] {
                    let reply = try await house.send(method, target, [("Authorization", value)])
                    #expect(reply.status == 401, "\(method) \(target) \(value)")
                    #expect(reply["www-authenticate"]?.contains("invalid_token") == true)
                }
            }
            #expect(try await house.uploads.upload(try #require(UploadID(id))) != nil)
        }
    }

    @Test("with no tokens at all it is closed to everybody")
    func withoutTokens() async throws {
        try await ServerHouse.with({ $1.tokens = BearerTokens([]) }) { house async throws in
            #expect(try await house.call("GET", "/api/v1/uploads").status == 401)
            #expect(try await house.send("GET", "/api/v1/uploads", [("Authorization", "Bearer ")]).status == 401)
        }
    }

    @Test("each of several tokens is good")
    func severalTokens() async throws {
        try await ServerHouse.with { house async throws in
            let headers = [("Authorization", "bearer another-token-of-the-application")]
            #expect(try await house.send("GET", "/api/v1/uploads", headers).status == 200)
        }
    }

    // MARK: - One upload

    @Test("an upload is shown whole, with null for what it does not have")
    func upload() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload("a \"b\".txt", "content")
            let reply = try await house.call("GET", "/api/v1/uploads/\(id)")
            #expect(reply["content-type"] == "application/json")
            #expect(reply["cache-control"] == "no-store")
            let upload = try object(reply)
            #expect(
                Set(upload.keys) == [
                    "id", "state", "name", "size", "received", "content_type", "sha256", "crc64nvme", "created_at",
                    "completed_at",
                    "stored_at", "verified_at",
                    "expires_at", "store", "path", "owner", "relative_path", "metadata", "files",
                ])
            #expect(upload["id"] as? String == id)
            #expect(upload["state"] as? String == "complete")
            #expect(upload["name"] as? String == "a \"b\".txt")
            #expect(upload["size"] as? Int == 7)
            #expect(upload["received"] as? Int == 7)
            #expect(upload["content_type"] as? String == "text/plain")
            #expect(upload["store"] as? String == "staging")
            #expect((upload["metadata"] as? [String: Any])?.isEmpty == true)
            for name in ["path", "owner", "stored_at"] { #expect(upload[name] is NSNull, "\(name)") }
            for name in ["created_at", "completed_at", "expires_at"] {
                let time = try #require(upload[name] as? String)
                #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(time)")
            }
            let files = try #require(upload["files"] as? [[String: Any]])
            #expect(files.map { $0["role"] as? String } == ["main"])
            #expect(
                Set(files[0].keys) == [
                    "name", "size", "content_type", "sha256", "crc64nvme", "role", "store", "path",
                ])
        }
    }

    @Test("an unfinished upload shows how far it has come")
    func receiving() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(10)
            try await house.patch(id, 0, of: 10, "0123")
            let upload = try object(try await house.call("GET", "/api/v1/uploads/\(id)"))
            #expect(upload["state"] as? String == "receiving")
            #expect(upload["size"] as? Int == 10)
            #expect(upload["received"] as? Int == 4)
            #expect(upload["content_type"] is NSNull)
            #expect(try await house.call("GET", "/api/v1/uploads/\(id)/content").status == 404)
        }
    }

    // MARK: - Store

    @Test("store moves an upload to its path, once, and says where it is")
    func store() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            let target = "/api/v1/uploads/\(id)/store"
            let reply = try await house.call("POST", target, json: "{\"path\": \"/docs/2025/\"}")
            #expect(reply.status == 200, "\(reply.text)")
            let upload = try object(reply)
            #expect(upload["state"] as? String == "stored")
            #expect(upload["path"] as? String == "docs/2025/hello.txt")
            #expect(upload["store"] as? String == "media")
            #expect(upload["stored_at"] is String)
            #expect(upload["expires_at"] is NSNull)
            #expect(try house.directory.contents("media/docs/2025/hello.txt") == Array("Hello, FilePond!".utf8))
            let again = try await house.call("POST", target, json: "{\"path\": \"docs/2025/hello.txt\"}")
            #expect(again.status == 200)
            let elsewhere = try await house.call("POST", target, json: "{\"path\": \"other.txt\"}")
            #expect(elsewhere.status == 409)
        }
    }

    @Test("store says what becomes of an upload whose path is taken: a refusal, or the next name")
    func storeIfExists() async throws {
        try await ServerHouse.with { house async throws in
            try await house.store(try await house.upload("a.txt", "first"), "docs/")
            let id = try await house.upload("a.txt", "second")
            let target = "/api/v1/uploads/\(id)/store"
            for json in [
                "{\"path\": \"docs/\"}", "{\"path\": \"docs/\", \"if_exists\": null}",
                "{\"path\": \"docs/\", \"if_exists\": \"fail\"}",
            ] {
                #expect(try await house.call("POST", target, json: json).status == 409)
            }
            let replacing = try await house.call(
                "POST", target, json: "{\"path\": \"docs/\", \"if_exists\": \"replace\"}")
            #expect(replacing.status == 400)
            #expect(replacing.text.contains("replaces no files"), "\(replacing.text)")
            for wrong in ["\"Rename\"", "\"\"", "true", "[\"rename\"]"] {
                let reply = try await house.call(
                    "POST", target, json: "{\"path\": \"docs/\", \"if_exists\": \(wrong)}")
                #expect(reply.status == 400)
                #expect(reply.text.contains("if_exists"), "\(reply.text)")
            }
            for _ in 0..<2 {
                let reply = try await house.call(
                    "POST", target, json: "{\"path\": \"docs/\", \"if_exists\": \"rename\"}")
                #expect(reply.status == 200, "\(reply.text)")
                #expect(try object(reply)["path"] as? String == "docs/a_2.txt")
            }
            #expect(try house.directory.contents("media/docs/a.txt") == Array("first".utf8))
            #expect(try house.directory.contents("media/docs/a_2.txt") == Array("second".utf8))
            #expect(house.directory.files(below: "media").count == 2)
        }
    }

    @Test("store keeps the directories that the metadata names, if asked to")
    func storeKeepingFolders() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(3, metadata: "{\"relativePath\": \"/holiday/x.txt\"}")
            try await house.patch(id, 0, of: 3, "abc", name: "beach.txt")
            let upload = try object(try await house.call("GET", "/api/v1/uploads/\(id)"))
            #expect(upload["relative_path"] as? String == "holiday/beach.txt")
            let bare = try object(try await house.call("GET", "/api/v1/uploads/\(try await house.upload())"))
            #expect(bare["relative_path"] is NSNull)
            let target = "/api/v1/uploads/\(id)/store"
            let wrong = try await house.call(
                "POST", target, json: "{\"path\": \"a/\", \"keep_relative_path\": \"yes\"}")
            #expect(wrong.status == 400)
            #expect(wrong.text.contains("keep_relative_path"))
            let reply = try await house.call("POST", target, json: "{\"path\": \"a/\", \"keep_relative_path\": true}")
            #expect(try object(reply)["path"] as? String == "a/holiday/beach.txt", "\(reply.text)")
        }
    }

    @Test("store takes the name of a store and the paths of the variants")
    func storeVariants() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload([("a.png", [1]), ("thumb_a.png", [2, 2])])
            let json = "{\"path\": \"a.png\", \"store\": \"archive\", \"variants\": [\"thumbs/a.png\"]}"
            let reply = try await house.call("POST", "/api/v1/uploads/\(id)/store", json: json)
            let files = try #require(try object(reply)["files"] as? [[String: Any]], "\(reply.text)")
            #expect(files.map { $0["path"] as? String } == ["a.png", "thumbs/a.png"])
            #expect(files.map { $0["role"] as? String } == ["main", "variant"])
            #expect(files.map { $0["size"] as? Int } == [1, 2])
            #expect(try house.directory.contents("archive/thumbs/a.png") == [2, 2])
        }
    }

    @Test("a path that is taken is refused, and both files stay as they are")
    func pathTaken() async throws {
        try await ServerHouse.with { house async throws in
            let first = try await house.upload("a.txt", "first")
            let second = try await house.upload("b.txt", "second")
            try await house.store(first, "docs/x.txt")
            let reply = try await house.call(
                "POST", "/api/v1/uploads/\(second)/store", json: "{\"path\": \"docs/x.txt\"}")
            #expect(reply.status == 409)
            #expect(try object(reply)["type"] as? String == "urn:fphost:problem:path-taken")
            #expect(try object(reply)["detail"] as? String == "There is already a file at the path \"docs/x.txt\".")
            #expect(try await house.send("GET", "/fp/load/docs/x.txt").text == "first")
            #expect(try await house.send("GET", "/fp/restore/\(second)").text == "second")
        }
    }

    @Test("the refusal names the path that is taken, be it a variant's, and a file that no upload has")
    func variantsPathTaken() async throws {
        try await ServerHouse.with { house async throws in
            try await house.store(try await house.upload("a.txt", "first"), "thumbs/x.txt")
            let path = house.directory.url.appendingPathComponent("media/thumbs/theirs.txt")
            try Data("theirs".utf8).write(to: path)
            for taken in ["thumbs/x.txt", "thumbs/theirs.txt"] {
                let id = try await house.upload([("a.png", [1]), ("b.png", [2]), ("c.png", [3])])
                let json = "{\"path\": \"new/\(id)\", \"variants\": [\"new/\(id)-b\", \"\(taken)\"]}"
                let reply = try await house.call("POST", "/api/v1/uploads/\(id)/store", json: json)
                #expect(reply.status == 409)
                #expect(
                    try object(reply)["detail"] as? String == "There is already a file at the path \"\(taken)\".")
                #expect(try await house.send("GET", "/fp/restore/\(id)").status == 200)
            }
        }
    }

    @Test(
        "a body that is wrong is refused with the member's name",
        arguments: [
            ("{}", "\"path\" is missing"), ("{\"path\": 1}", "\"path\" must be a string, not a number"),
            ("{\"path\": null}", "\"path\" is missing"),
            ("{\"path\": \"a\", \"stor\": \"b\"}", "\"stor\" is not known here"),
            ("{\"path\": \"a\", \"path\": \"b\"}", "\"path\" is there twice"),
            ("{\"path\": \"a\", \"store\": true}", "\"store\" must be a string, not a boolean"),
            ("{\"path\": \"a\", \"variants\": \"b\"}", "\"variants\" must be an array of strings, not a string"),
            (
                "{\"path\": \"a\", \"variants\": [\"b\", 1]}",
                "\"variants\" must hold strings, not a number (at index 1)"
            ),
            ("[]", "must be a JSON object, not an array"), ("", "at byte 0"), ("{\"path\": \"a\"", "at byte 12"),
            ("{\"path\": \"\"}", "path is empty"), ("{\"path\": \"../a\"}", "\"..\""),
            ("{\"path\": \"a//b\"}", "empty part"),
            ("{\"path\": \"a\", \"store\": \"none\"}", "no store"),
            ("{\"path\": \"a\", \"variants\": [\"b\"]}", "0 variants"),
            ("{\"path\": \"a\\u0000\"}", "control character"),
            ("{\"path\": \"a\\ud800b\"}", "half of a surrogate pair"),
            ("{\"path\": \"a\\u0378b\"}", "U+378"), ("{\"path\": \"../\\u0301a\"}", "\"..\""),
            ("{\"path\": \"a\\\\\\u0301b\"}", "backslash"),
        ])
    func badBody(_ json: String, _ words: String) async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            let reply = try await house.call("POST", "/api/v1/uploads/\(id)/store", json: json)
            #expect(reply.status == 400)
            let problem = try object(reply)
            #expect(try #require(problem["detail"] as? String).contains(words), "\(reply.text)")
            #expect(try await house.send("GET", "/fp/restore/\(id)").status == 200)
        }
    }

    @Test("a body that is too large or no JSON is refused")
    func otherBodies() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            let large = "{\"path\": \"\(String(repeating: "a", count: 64 << 10))\"}"
            #expect(try await house.call("POST", "/api/v1/uploads/\(id)/store", json: large).status == 413)
            let headers = [("Authorization", "Bearer \(ServerHouse.token)"), ("Content-Type", "text/plain")]
            let reply = try await house.send("POST", "/api/v1/uploads/\(id)/store", headers, Array("path".utf8))
            #expect(reply.status == 415)
        }
    }

    // MARK: - Lists

    @Test("a listing goes through all pages in order, newest first or oldest first")
    func pages() async throws {
        try await ServerHouse.with { house async throws in
            var made: [String] = []
            for index in 0..<7 { made.append(try await house.upload("\(index).txt", "x")) }
            for (order, expected) in [("oldest", made), ("newest", made.reversed()), ("", made.reversed())] {
                var seen: [String] = []
                var cursor: String?
                repeat {
                    var target = "/api/v1/uploads?limit=3" + (order.isEmpty ? "" : "&order=\(order)")
                    if let cursor { target += "&cursor=\(cursor)" }
                    let reply = try await house.call("GET", target)
                    try #require(reply.status == 200, "\(reply.text)")
                    seen += try ids(reply)
                    cursor = try object(reply)["next"] as? String
                } while cursor != nil
                #expect(Set(seen) == Set(expected))
                #expect(seen.count == 7)
            }
        }
    }

    @Test("a listing is narrowed by state, store, path, name and time")
    func filters() async throws {
        try await ServerHouse.with { house async throws in
            let temporary = try await house.upload("temporary.txt", "x")
            let stored = try await house.upload("stored.txt", "x")
            try await house.store(stored, "docs/é/stored.txt")
            let open = try await house.announce(10)
            let rows: [(String, [String])] = [
                ("state=complete", [temporary]), ("state=stored", [stored]), ("state=receiving", [open]),
                ("state=stored,receiving", [stored, open]), ("store=media", [stored]),
                ("store=staging", [temporary, open]),
                ("path_prefix=docs/", [stored]), ("path_prefix=%2Fdocs%2F%C3%A9", [stored]),
                ("path_prefix=doc&state=stored", [stored]),
                ("path_prefix=x", []), ("path=docs/%C3%A9/stored.txt", [stored]),
                ("path=/docs/%C3%A9/stored.txt", [stored]),
                ("path=docs/%C3%A9/stored.txt&store=media", [stored]),
                ("path=docs/%C3%A9/stored.txt&store=archive", []),
                ("path=docs", []), ("name=temporary.txt", [temporary]), ("name=temporary", []), ("owner=nobody", []),
                ("created_from=2020-01-01T00:00:00Z", [temporary, stored, open]),
                ("created_before=2020-01-01T00:00:00Z", []),
                ("", [temporary, stored, open]),
            ]
            for (query, expected) in rows {
                let reply = try await house.call("GET", "/api/v1/uploads?\(query)")
                #expect(Set(try ids(reply)) == Set(expected), "\(query)")
            }
        }
    }

    @Test(
        "a parameter that is wrong is refused with its name",
        arguments: [
            "state=new", "state=", "state=deleting", "order=up", "limit=0", "limit=1001", "limit=x", "limit=-1",
            "limit=",
            "created_from=today",
            "created_before=2020-01-01", "colour=red", "limit=1&limit=2", "cursor=zzz", "path=a&name=b",
            "path_prefix=a&state=complete",
        ])
    func badParameters(_ query: String) async throws {
        try await ServerHouse.with { house async throws in
            let reply = try await house.call("GET", "/api/v1/uploads?\(query)")
            #expect(reply.status == 400, "\(reply.text)")
            let name = query.prefix { $0 != "=" }
            #expect(reply.text.contains(name == "path_prefix" ? "path_prefix" : "\(name)"), "\(reply.text)")
        }
    }

    @Test("a listing leaves metadata out unless it is asked for, and one upload never does")
    func listedMetadata() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload([("a.txt", [1])], metadata: "{\"a\": 1}")
            try await house.store(id, "a.txt")
            for query in ["", "?metadata=false", "?path=a.txt"] {
                #expect(!(try await house.call("GET", "/api/v1/uploads\(query)").text.contains("metadata")), "\(query)")
            }
            for query in ["uploads?metadata=true", "uploads?path=a.txt&metadata=true", "uploads/\(id)"] {
                let text = try await house.call("GET", "/api/v1/\(query)").text
                #expect(text.contains("\"metadata\":{\"a\": 1},"), "\(text)")
            }
        }
    }

    @Test("a page of a listing ends when it has many bytes, and the next one goes on from there")
    func boundedPages() async throws {
        try await ServerHouse.with({ uploads, _ in uploads.maxMetadata = 1 << 20 }) { house async throws in
            let metadata = "\"\(String(repeating: "m", count: 1_000_000))\""
            var made: [String] = []
            for _ in 0..<7 { made.append(try await house.upload([("a.txt", [1])], metadata: metadata)) }
            var seen: [String] = []
            var cursor = ""
            repeat {
                let reply = try await house.call("GET", "/api/v1/uploads?metadata=true&order=oldest\(cursor)")
                #expect(reply.body.count < 6 << 20)
                seen += try ids(reply)
                cursor = (try object(reply)["next"] as? String).map { "&cursor=\($0)" } ?? ""
            } while !cursor.isEmpty && seen.count < 20
            #expect(seen.sorted() == made.sorted())
            let brief = try await house.call("GET", "/api/v1/uploads")
            #expect(try ids(brief).count == 7)
            #expect(brief.body.count < 8192)
        }
    }

    @Test("a listing of several parts is one document, also for a limit that ends within one")
    func parts() async throws {
        try await ServerHouse.with({ uploads, _ in uploads.maxMetadata = 1 << 20 }) { house async throws in
            let metadata = "\"\(String(repeating: "m", count: 70_000))\""
            var made: [String] = []
            for _ in 0..<9 { made.append(try await house.upload([("a.txt", [1])], metadata: metadata)) }
            for limit in 1...10 {
                let reply = try await house.call("GET", "/api/v1/uploads?metadata=true&limit=\(limit)")
                #expect(try ids(reply).count == min(limit, 9))
                #expect((try object(reply)["next"] is NSNull) == (limit >= 9))
            }
        }
    }

    // MARK: - Content

    @Test("content of any whole upload, file by file, with ranges")
    func content() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload([("a.txt", Array("main file".utf8)), ("b.txt", Array("variant".utf8))])
            for _ in 0..<2 {
                let base = "/api/v1/uploads/\(id)"
                #expect(try await house.call("GET", base + "/content").text == "main file")
                #expect(try await house.call("GET", base + "/files/0/content").text == "main file")
                #expect(try await house.call("GET", base + "/files/1/content").text == "variant")
                #expect(try await house.call("HEAD", base + "/content")["content-length"] == "9")
                for target in [
                    "/files/2/content", "/files/-1/content", "/files/x/content", "/files/99999999999999999999/content",
                ] {
                    #expect(try await house.call("GET", base + target).status == 404, "\(target)")
                }
                let headers = [("Authorization", "Bearer \(ServerHouse.token)"), ("Range", "bytes=-4")]
                let part = try await house.send("GET", base + "/content", headers)
                #expect(part.status == 206)
                #expect(part.text == "file")
                let outside = [("Authorization", "Bearer \(ServerHouse.token)"), ("Range", "bytes=9-")]
                let refused = try await house.send("GET", base + "/content", outside)
                #expect(refused.status == 416)
                #expect(refused["content-range"] == "bytes */9")
                #expect(try object(refused)["type"] as? String == "urn:fphost:problem:range-not-satisfiable")
                let stale = [("Authorization", "Bearer \(ServerHouse.token)"), ("If-Match", "\"other\"")]
                let failed = try await house.send("GET", base + "/content", stale)
                #expect(failed.status == 412)
                #expect(failed["content-type"] == "application/problem+json")
                #expect(try object(failed)["type"] as? String == "urn:fphost:problem:precondition-failed")
                if try await house.uploads.upload(try #require(UploadID(id)))?.state == .complete {
                    try await house.store(id, "x/")
                }
            }
        }
    }

    // MARK: - Delete

    @Test("a stored upload keeps its file when it is deleted, unless the request says otherwise")
    func deleteStored() async throws {
        try await ServerHouse.with { house async throws in
            for (query, isKept) in [("", true), ("?delete_file=false", true), ("?delete_file=true", false)] {
                let id = try await house.upload()
                try await house.store(id, "\(id).txt")
                let reply = try await house.call("DELETE", "/api/v1/uploads/\(id)\(query)")
                #expect(reply.status == 200, "\(reply.text)")
                #expect(try object(reply)["path"] as? String == "\(id).txt")
                #expect(house.directory.files(below: "media").contains("\(id).txt") == isKept, "\(query)")
                #expect(try await house.call("GET", "/api/v1/uploads/\(id)").status == 404)
                #expect(try await house.call("DELETE", "/api/v1/uploads/\(id)\(query)").status == 404)
            }
        }
    }

    @Test("a temporary upload always goes with its bytes")
    func deleteTemporary() async throws {
        try await ServerHouse.with { house async throws in
            for query in ["", "?delete_file=false", "?delete_file=true"] {
                let whole = try await house.upload()
                let open = try await house.announce(10)
                try await house.patch(open, 0, of: 10, "0123")
                for id in [whole, open] {
                    let reply = try await house.call("DELETE", "/api/v1/uploads/\(id)\(query)")
                    #expect(reply.status == 200, "\(reply.text)")
                    #expect(try object(reply)["id"] as? String == id)
                }
                #expect(house.filesOnDisk().isEmpty, "\(query)")
            }
            for query in ["?delete_file=yes", "?delete_file=", "?keep=1", "?delete_file=true&delete_file=true"] {
                let id = try await house.upload()
                #expect(try await house.call("DELETE", "/api/v1/uploads/\(id)\(query)").status == 400, "\(query)")
            }
        }
    }

    // MARK: - Problems

    @Test("a problem is a document of RFC 9457 that names the request")
    func problems() async throws {
        try await ServerHouse.with { house async throws in
            let reply = try await house.call("GET", "/api/v1/uploads/\(UploadID.random())")
            #expect(reply.status == 404)
            #expect(reply["content-type"] == "application/problem+json")
            let problem = try object(reply)
            #expect(Set(problem.keys) == ["type", "title", "status", "detail", "instance"])
            #expect(problem["type"] as? String == "urn:fphost:problem:not-found")
            #expect(problem["title"] as? String == "Not Found")
            #expect(problem["status"] as? Int == 404)
            #expect((problem["instance"] as? String)?.isEmpty == false)
        }
    }

    @Test(
        "whatever is wrong below /api is told in a problem document, also what is refused before any route",
        arguments: [
            ("GET", "/api", 404), ("GET", "/api/v2/uploads", 404), ("GET", "/api/v1/uploads", 401),
            ("GET", "/api/v1/%zz", 400), ("GET", "http://x/api/v1/../x", 400), ("GET", "/%61pi/v1/%00", 400),
            ("GET", "/api/v1/\(String(repeating: "a", count: 17_000))", 414),
        ])
    func problemEverywhere(_ method: String, _ target: String, _ status: Int) async throws {
        try await ServerHouse.with { house async throws in
            let reply = try await house.send(method, target)
            #expect(reply.status == status)
            #expect(reply["content-type"] == "application/problem+json")
            #expect(try object(reply)["status"] as? Int == status)
            #expect((try object(reply)["instance"] as? String)?.isEmpty == false)
        }
    }

    @Test(
        "what is refused before any route has FilePond's form at FilePond's addresses, and both forms where it is unknown"
    )
    func earlyRefusals() async throws {
        try await ServerHouse.with { house async throws in
            let filePond = try await house.send("GET", "/fp/load/%zz")
            #expect(filePond.status == 400)
            #expect(filePond["content-type"] == "application/json")
            #expect(filePond.text.hasPrefix("{\"detail\": \""))
            for headers in [[("Expect", "a miracle")], [("X-Long", String(repeating: "x", count: 70_000))]] {
                for target in ["/api/v1/uploads", "/fp"] {
                    let reply = try await house.send("GET", target, headers)
                    #expect([417, 431].contains(reply.status))
                    #expect((try object(reply)["detail"] as? String)?.isEmpty == false)
                }
            }
        }
    }

    @Test("what is not there is a 404, and another method a 405 with those that are")
    func addresses() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            let none = [
                "/api/v1", "/api/v1/", "/api/v1/x", "/api/v1/uploads/", "/api/v1/uploads/zz", "/api/v1/uploads/..%2Fx",
                "/api/v1/uploads/\(id)/x", "/api/v1/uploads/\(id)/content/x", "/api/v1/uploads/\(id)/files/0",
            ]
            for target in none {
                #expect(try await house.call("GET", target).status == 404, "\(target)")
            }
            let rows = [
                ("POST", "/api/v1/uploads", "GET, HEAD, OPTIONS"),
                ("PUT", "/api/v1/uploads/\(id)", "GET, HEAD, DELETE, OPTIONS"),
                ("GET", "/api/v1/uploads/\(id)/store", "POST, OPTIONS"),
                ("POST", "/api/v1/uploads/\(id)/content", "GET, HEAD, OPTIONS"),
            ]
            for (method, target, allow) in rows {
                let reply = try await house.call(method, target)
                #expect(reply.status == 405)
                #expect(reply["allow"] == allow)
                #expect(try await house.call("OPTIONS", target).status == 204)
            }
        }
    }
}
