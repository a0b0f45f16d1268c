import FPUploads
import Foundation
import Support
import Testing

@Suite("load and restore")
struct DownloadTests {
    private static let missing = Exchange.Body.detail("A required parameter is missing.")
    private static let invalid = Exchange.Body.detail("An invalid ID has been provided.")
    private static let notFound = Exchange.Body.detail("Not found")
    private static let hello = Exchange.Body.exactly("Hello, FilePond!")
    private static let range = ("Range", "bytes=7-9")

    static let rows: [Exchange] = Exchange.table {
        Exchange("load", "GET", "/fp/load/?id={stored}", 200, [("Content-Length", "16")], hello)
        Exchange("load, no slash", "GET", "/fp/load?id={stored}", 200, [], hello)
        Exchange("load in the path", "GET", "/fp/load/{stored}", 200, [], hello)
        Exchange("load in the path", "GET", "/fp/load/{stored}/", 200, [], hello)
        Exchange("load, one URL", "GET", "/fp?load={stored}", 200, [], hello)
        Exchange("load by path", "GET", "/fp/load/?id={path}", 200, [], hello)
        Exchange("load by path, one URL", "GET", "/fp?load={path}", 200, [], hello)
        Exchange("load by path in the path", "GET", "/fp/load/{path}", 200, [], hello)
        Exchange(
            "load HEAD", "HEAD", "/fp/load/{stored}", 200,
            [("Content-Length", "16"), ("Content-Type", "text/plain"), ("Accept-Ranges", "bytes")])
        Exchange("load without id", "GET", "/fp/load/", 400, [], missing)
        Exchange("load without id", "GET", "/fp/load/?name=a", 400, [], missing)
        Exchange("load with an empty id", "GET", "/fp/load/?id=", 400, [], invalid)
        Exchange("load unknown", "GET", "/fp/load/?id={unknown}", 404, [], notFound)
        Exchange("load a path that is none", "GET", "/fp/load/?id=no/such.txt", 404, [], notFound)
        Exchange("load a base name", "GET", "/fp/load/?id=hello.txt", 404, [], notFound)
        Exchange("load traversal", "GET", "/fp/load/?id=../../etc/passwd", 404, [], notFound)
        Exchange("load traversal in the path", "GET", "/fp/load/..%2F..%2Fetc%2Fpasswd", 404)
        Exchange("load a temporary upload", "GET", "/fp/load/?id={complete}", 404, [], notFound)
        Exchange("load an unfinished upload", "GET", "/fp/load/?id={receiving}", 404, [], notFound)
        Exchange(
            "load POST", "POST", "/fp/load/?id=a", 405, [("Allow", "GET, HEAD, OPTIONS")],
            .detail("Method \\\"POST\\\" not allowed."))
        Exchange("load DELETE", "DELETE", "/fp/load/?id=a", 405)
        Exchange("load PUT", "PUT", "/fp/load/?id=a", 405)
        Exchange("restore", "GET", "/fp/restore/?id={complete}", 200, [("Content-Length", "16")], hello)
        Exchange("restore in the path", "GET", "/fp/restore/{complete}", 200, [], hello)
        Exchange("restore, one URL", "GET", "/fp?restore={complete}", 200, [], hello)
        Exchange("restore a chunked one", "GET", "/fp/restore/{whole}", 200, [], .exactly("0123456789"))
        Exchange("restore HEAD", "HEAD", "/fp/restore/{complete}", 200, [("Content-Length", "16")])
        Exchange("restore without id", "GET", "/fp/restore/?name=a", 400, [], missing)
        Exchange("restore with an empty id", "GET", "/fp/restore/?id=", 400, [], invalid)
        Exchange("restore what is no id", "GET", "/fp/restore/?id=sdfsdu732", 400, [], invalid)
        Exchange(
            "restore an id with a letter that none has", "GET", "/fp/restore/?id=0IOl123456789012345678", 400, [],
            invalid)
        Exchange("restore unknown", "GET", "/fp/restore/?id={unknown}", 404, [], notFound)
        Exchange("restore unfinished", "GET", "/fp/restore/?id={receiving}", 404, [], notFound)
        Exchange("restore stored", "GET", "/fp/restore/?id={stored}", 404, [], notFound)
        Exchange("restore POST", "POST", "/fp/restore/?id=a", 405, [("Allow", "GET, HEAD, OPTIONS")])
        Exchange("restore DELETE", "DELETE", "/fp/restore/?id=a", 405)
        Exchange("restore PUT", "PUT", "/fp/restore/?id=a", 405)
        Exchange("nothing meant", "GET", "/fp", 400, [], missing)
        Exchange("no 406", "GET", "/fp/restore/{complete}", [("Accept", "image/png")], 200, [], hello)
        Exchange("no 406 for errors", "GET", "/fp/restore/{unknown}", [("Accept", "text/html")], 404, [], notFound)
        Exchange(
            "never compressed", "GET", "/fp/restore/{complete}", [("Accept-Encoding", "gzip")], 200,
            [("Content-Encoding", nil)], hello)
        Exchange(
            "range", "GET", "/fp/restore/{complete}", [range], 206,
            [("Content-Range", "bytes 7-9/16"), ("Content-Length", "3")], .exactly("Fil"))
        Exchange(
            "range of a stored one", "GET", "/fp/load/{stored}", [range], 206,
            [("Content-Range", "bytes 7-9/16")], .exactly("Fil"))
        Exchange(
            "suffix range", "GET", "/fp/restore/{complete}", [("Range", "bytes=-5")], 206,
            [("Content-Range", "bytes 11-15/16")], .exactly("Pond!"))
        Exchange(
            "range to the end", "GET", "/fp/restore/{complete}", [("Range", "bytes=7-")], 206, [], .exactly("FilePond!")
        )
        Exchange(
            "range past the end", "GET", "/fp/restore/{complete}", [("Range", "bytes=16-")], 416,
            [("Content-Range", "bytes */16"), ("X-Content-Type-Options", "nosniff")])
        Exchange(
            "several ranges", "GET", "/fp/restore/{complete}", [("Range", "bytes=0-1,3-4")], 200,
            [("Content-Range", nil)], hello)
        Exchange(
            "range with HEAD", "HEAD", "/fp/restore/{complete}", [range], 200,
            [("Content-Range", nil), ("Content-Length", "16")])
        Exchange(
            "If-Range of another version", "GET", "/fp/restore/{complete}", [range, ("If-Range", "\"x\"")], 200, [],
            hello)
        Exchange("If-Match", "GET", "/fp/restore/{complete}", [("If-Match", "\"x\"")], 412)
        Exchange(
            "If-None-Match any", "GET", "/fp/restore/{complete}", [("If-None-Match", "*")], 304,
            [("Content-Length", nil), ("Content-Disposition", nil)], .exactly(""))
        Exchange("options", "OPTIONS", "/fp/load/", 204, [("Allow", "GET, HEAD, OPTIONS")])

    }

    @Test("every row of the reference's tables, as it is kept")
    func table() async throws {
        try await ServerHouse.with { house async throws in
            for row in Self.rows { try await row.check(on: house) }
        }
    }

    @Test("a download says what it is, and keeps the browser from taking it for a page")
    func headers() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload("evil.html", "<script>alert(1)</script>")
            let reply = try await house.send("GET", "/fp/restore/\(id)")
            #expect(reply["content-disposition"] == "attachment; filename=\"evil.html\"")
            #expect(reply["x-content-type-options"] == "nosniff")
            #expect(reply["content-security-policy"] == "sandbox; default-src 'none'")
            #expect(reply["cache-control"] == "private, no-cache")
            #expect(reply["accept-ranges"] == "bytes")
            #expect(reply["etag"]?.hasPrefix("\"") == true)
            #expect(reply["last-modified"]?.hasSuffix(" GMT") == true)
            #expect(reply["content-encoding"] == nil)
        }
    }

    @Test("what a client has already is not sent again, and a range counts for the version that it names only")
    func conditions() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            let target = "/fp/restore/\(id)"
            let first = try await house.send("GET", target)
            let etag = try #require(first["etag"])
            let date = try #require(first["last-modified"])
            #expect(try await house.send("GET", target, [("If-None-Match", etag)]).status == 304)
            #expect(try await house.send("HEAD", target, [("If-None-Match", etag)]).status == 304)
            #expect(try await house.send("GET", target, [("If-Modified-Since", date)]).status == 304)
            #expect(try await house.send("GET", target, [("If-Match", etag)]).status == 200)
            #expect(try await house.send("GET", target, [("If-Unmodified-Since", date)]).status == 200)
            #expect(
                try await house.send("GET", target, [("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")]).status
                    == 412)
            #expect(try await house.send("GET", target, [Self.range, ("If-Range", etag)]).text == "Fil")
            let stale = try await house.send("GET", target, [Self.range, ("If-Range", "\"other\"")])
            #expect(stale.status == 200)
        }
    }

    @Test("a restore that meets a revert or a claim answers with the file or with 404, never with a fault")
    func restoreRaces() async throws {
        try await ServerHouse.with { house async throws in
            for round in 0..<60 {
                let id = try await house.upload()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            let reply = try await house.send("GET", "/fp/restore/\(id)")
                            #expect(reply.status == 200 || reply.status == 404, "\(reply.status) \(reply.text)")
                        }
                    }
                    group.addTask {
                        if round.isMultiple(of: 2) {
                            #expect(try await house.send("DELETE", "/fp/revert/\(id)").status == 204)
                        } else {
                            try await house.store(id, "\(round).txt")
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("the original name comes back from restore, the stored one from load")
    func names() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload("日本 100% \"x\".txt", "x")
            let restored = try await house.send("GET", "/fp/restore/\(id)")
            #expect(
                restored["content-disposition"]?.hasSuffix("filename*=UTF-8''%E6%97%A5%E6%9C%AC%20100%25%20%22x%22.txt")
                    == true)
            try await house.store(id, "docs/given name.txt")
            let loaded = try await house.send("GET", "/fp/load/\(id)")
            #expect(loaded["content-disposition"] == "attachment; filename=\"given name.txt\"")
        }
    }

    @Test("a file without bytes has all its headers and no body")
    func emptyFile() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload("empty.txt", "")
            let reply = try await house.send("GET", "/fp/restore/\(id)")
            #expect(reply.status == 200)
            #expect(reply["content-length"] == "0")
            #expect(reply["content-disposition"] != nil)
            #expect(try await house.send("GET", "/fp/restore/\(id)", [("Range", "bytes=0-")]).status == 416)
            #expect(try await house.send("GET", "/fp/restore/\(id)", [("Range", "bytes=-1")]).status == 200)
        }
    }

    @Test("a path that looks like an id is found as a path")
    func ambiguousPath() async throws {
        try await ServerHouse.with { house async throws in
            let path = UploadID.random().description
            let id = try await house.upload()
            try await house.store(id, path)
            #expect(try await house.send("GET", "/fp/load/?id=\(path)").text == "Hello, FilePond!")
        }
    }

    @Test("paths load nothing where the settings say so")
    func withoutPaths() async throws {
        try await ServerHouse.with({ $1.loadsByPath = false }) { house async throws in
            let id = try await house.upload()
            try await house.store(id, "docs/a.txt")
            #expect(try await house.send("GET", "/fp/load/?id=docs/a.txt").status == 404)
            #expect(try await house.send("GET", "/fp/load/\(id)").status == 200)
            #expect(try await house.send("DELETE", "/fp", [], Array("docs/a.txt".utf8)).status == 400)
        }
    }

    @Test("a file that disappeared from its store is a 404 for load and a fault for restore")
    func lostFile() async throws {
        try await ServerHouse.with { house async throws in
            let temporary = try await house.upload()
            let stored = try await house.upload()
            try await house.store(stored, "docs/a.txt")
            for name in house.directory.files(below: "staging") + ["docs/a.txt"] {
                for store in ["staging", "media"] {
                    try? FileManager.default.removeItem(
                        at: house.directory.url.appendingPathComponent("\(store)/\(name)"))
                }
            }
            let restored = try await house.send("GET", "/fp/restore/\(temporary)")
            #expect(restored.status == 500)
            #expect(restored.text == "{\"detail\": \"Error reading file data...\"}")
            for id in [stored, "docs%2Fa.txt"] {
                let loaded = try await house.send("GET", "/fp/load/\(id)")
                #expect(loaded.status == 404)
                #expect(loaded.text == "{\"detail\": \"Error accessing file, not found.\"}")
            }
        }
    }

    @Test("a large file comes whole, and any part of it")
    func largeFile() async throws {
        try await ServerHouse.with { house async throws in
            var random = SeededGenerator()
            print("seed \(random.seed)")
            let content = random.bytes(3_000_017)
            let id = try await house.upload([("large.bin", content)])
            #expect(try await house.send("GET", "/fp/restore/\(id)").body == content)
            for _ in 0..<20 {
                let start = Int.random(in: 0..<content.count, using: &random)
                let end = Int.random(in: start..<content.count, using: &random)
                let reply = try await house.send("GET", "/fp/restore/\(id)", [("Range", "bytes=\(start)-\(end)")])
                #expect(reply.status == 206)
                #expect(reply.body == Array(content[start...end]), "\(start)-\(end), seed \(random.seed)")
            }
        }
    }

    @Test("a load asks the store once, for the bytes; what needs to know the file first, or no bytes, asks what it is")
    func requestsToTheStore() async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["media": control]) { house async throws in
            let id = try await house.upload()
            try await house.store(id, "hello.txt")
            let rows: [(method: String, field: (String, String)?, status: Int, text: String, reads: Int, stats: Int)] =
                [
                    ("GET", nil, 200, "Hello, FilePond!", 1, 0), ("GET", ("Range", "bytes=7-9"), 206, "Fil", 1, 0),
                    ("GET", ("Range", "bytes=11-"), 206, "Pond!", 1, 0),
                    ("GET", ("Range", "bytes=2-99"), 206, "llo, FilePond!", 1, 0),
                    ("GET", ("Range", "bytes=-5"), 206, "Pond!", 1, 1),
                    ("GET", ("If-Match", "*"), 200, "Hello, FilePond!", 1, 1),
                    ("HEAD", nil, 200, "", 0, 1),
                ]
            for row in rows {
                let before = (control[.readOpen, .calls], control[.stat, .calls])
                let reply = try await house.send(row.method, "/fp/load/\(id)", row.field.map { [$0] } ?? [])
                #expect(reply.status == row.status, "\(row)")
                #expect(reply.text == row.text, "\(row)")
                #expect(control[.readOpen, .calls] - before.0 == row.reads, "\(row)")
                #expect(control[.stat, .calls] - before.1 == row.stats, "\(row)")
            }
            for range in ["bytes=16-", "bytes=99-100"] {
                let reply = try await house.send("GET", "/fp/load/\(id)", [("Range", range)])
                #expect(reply.status == 416)
                #expect(reply["content-range"] == "bytes */16")
            }
        }
    }
}
