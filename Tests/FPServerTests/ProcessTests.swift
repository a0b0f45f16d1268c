import FPUploads
import Foundation
import Support
import Testing

@Suite("process")
struct ProcessTests {
    private static let file = Array("content".utf8)
    private static let missing = Exchange.Body.detail("Could not find upload_field_name in request data.")
    private static let invalid = Exchange.Body.detail("Invalid data type has been parsed.")

    static let rows: [Exchange] = Exchange.table {
        Exchange("P1", form: { $0.add("filepond", file: "a.txt", file) }, 200, .id)
        Exchange(
            "P1 with metadata",
            form: {
                $0.add("filepond", "{}")
                $0.add("filepond", file: "a.txt", file)
            }, 200, .id)
        Exchange(
            "P1 the text may be anything",
            form: {
                $0.add("filepond", "no JSON")
                $0.add("filepond", file: "a.txt", file)
            }, 200, .id)
        Exchange(
            "P1 the order of the parts means nothing",
            form: {
                $0.add("filepond", file: "a.txt", file)
                $0.add("filepond", "{\"a\":1}")
            }, 200, .id)
        Exchange("P1 a file without bytes", form: { $0.add("filepond", file: "a.txt", []) }, 200, .id)
        Exchange("P1 a file without a name of its own", form: { $0.add("filepond", file: "..", file) }, 200, .id)
        Exchange(
            "P2 two files",
            form: {
                $0.add("filepond", file: "a.txt", file)
                $0.add("filepond", file: "b.txt", file)
            }, 200, .id)
        Exchange(
            "P3 variants",
            form: {
                $0.add("filepond", "{}")
                $0.add("filepond", file: "original_a.png", file)
                $0.add("filepond", file: "a.png", file)
                $0.add("filepond", file: "thumb_a.png", file)
            }, 200, .id)
        Exchange(
            "P3 metadata twice",
            form: {
                $0.add("filepond", "{}")
                $0.add("filepond", "{}")
                $0.add("filepond", file: "a.txt", file)
            }, 400, .detail("Invalid number of fields in request data."))
        Exchange("any field", form: { $0.add("photos", file: "a.txt", file) }, 200, .id)
        Exchange(
            "any field with brackets",
            form: {
                $0.add("photos[]", "{}")
                $0.add("photos[]", file: "a.txt", file)
            }, 200, .id)
        Exchange(
            "any field, and what the page adds",
            form: {
                $0.add("photos", "{}")
                $0.add("photos", file: "a.txt", file)
                $0.add("csrfmiddlewaretoken", "secret")
            }, 200, .id)
        Exchange(
            "fp_upload_field",
            form: {
                $0.add("fp_upload_field", "photos")
                $0.add("photos", file: "a.txt", file)
            }, 200, .id)
        Exchange(
            "fp_upload_field at the end",
            form: {
                $0.add("photos", file: "a.txt", file)
                $0.add("other", file: "b.txt", file)
                $0.add("fp_upload_field", "photos")
            }, 200, .id)
        Exchange(
            "P4 fp_upload_field names an absent field",
            form: {
                $0.add("fp_upload_field", "photos")
                $0.add("filepond", file: "a.txt", file)
            }, 400, missing)
        Exchange(
            "P4 files in two fields, neither of them the configured one",
            form: {
                $0.add("a", file: "a.txt", file)
                $0.add("b", file: "b.txt", file)
            }, 400, missing)
        Exchange("P4 a form without parts", form: { _ in }, 400, missing)
        Exchange("P4 no body", "POST", "/fp/process/", 400, [], missing)
        Exchange(
            "P4 garbage", "POST", "/fp/process/", Form().headers, body: "garbage", 400, [],
            .detail("Multipart form parse error - The body ended before its last boundary."))
        Exchange("P5 a text that is no JSON", form: { $0.add("filepond", "text") }, 400, invalid)
        Exchange(
            "P5 JSON that is no object", form: { $0.add("filepond", "[1]") }, [("Upload-Length", "5")], 400, invalid
        )
        Exchange("P5 an input without a file", form: { $0.add("filepond", file: "", []) }, 400, invalid)
        Exchange(
            "P5 an input without a file beside metadata",
            form: {
                $0.add("filepond", "{}")
                $0.add("filepond", file: "", [1])
            }, [("Upload-Length", "1")], 400, invalid)
        Exchange("P6", form: { $0.add("filepond", "{}") }, [("Upload-Length", "10")], 200, .id)
        Exchange("P6 any field", form: { $0.add("photos", "{}") }, [("Upload-Length", "10")], 200, .id)
        Exchange(
            "P6 what the page adds",
            form: {
                $0.add("photos", "{}")
                $0.add("csrfmiddlewaretoken", "secret")
            }, [("Upload-Length", "10")], 200, .id)
        Exchange("P6 without a length", form: { $0.add("filepond", "{}") }, 200, .id)
        Exchange("P6 with an empty length", form: { $0.add("filepond", "{}") }, [("Upload-Length", "")], 200, .id)
        Exchange(
            "P7 metadata and a length", form: { $0.add("filepond", "{\"crop\": {\"zoom\": 1}}") },
            [("Upload-Length", "10")], 200, .id)
        Exchange(
            "P8 a file and a length", form: { $0.add("filepond", file: "a.txt", file) },
            [("Upload-Length", "junk")], 200,
            .id)
        Exchange("P9 no bytes", form: { $0.add("filepond", "{}") }, [("Upload-Length", "0")], 200, .id)
        Exchange("P9 3 GiB", form: { $0.add("filepond", "{}") }, [("Upload-Length", "3221225472")], 200, .id)
        Exchange("FilePond 5 announces without a body", "POST", "/fp", [("upload-length", "10")], 200, [], .id)
        Exchange(
            "P10", "POST", "/fp/process/", [("Content-Type", "application/json")], body: "{}", 415, [],
            .detail("Unsupported media type \\\"application/json\\\" in request."))
        Exchange("P10 no type", "POST", "/fp/process/", [], body: "bytes", 415)
        Exchange(
            "P11", "POST", "/fp/process/", [("Content-Type", "multipart/form-data")], body: "--x", 400, [],
            .detail("Multipart form parse error - The Content-Type needs one boundary of 1 to 70 characters."))
        Exchange(
            "wrong method", "GET", "/fp/process/", 405, [("Allow", "POST, PUT, OPTIONS")],
            .detail("Method \\\"GET\\\" not allowed."))
        Exchange("wrong method", "DELETE", "/fp/process/", 405, [("Allow", "POST, PUT, OPTIONS")])
        Exchange("no 406", "POST", "/fp", [("Upload-Length", "1"), ("Accept", "image/png")], 200, [], .id)
        Exchange("options", "OPTIONS", "/fp/process/", 204, [("Allow", "POST, PUT, OPTIONS")])
        Exchange("alias", "PUT", "/fp", form: { $0.add("filepond", file: "a.txt", file) }, 200, .id)
        Exchange("one URL", "POST", "/fp", form: { $0.add("filepond", file: "a.txt", file) }, 200, .id)
        Exchange(
            "one URL, its own query", "POST", "/fp/?x=1", form: { $0.add("filepond", file: "a.txt", file) }, 200,
            .id)

        ["-1", "+1", "1.5", "1e3", "0x10", "ten", "18446744073709551616", "1, 1", " 1 0"].map { length in
            Exchange(
                "P9 \(length)", form: { $0.add("filepond", "{}") }, [("Upload-Length", length)], 400,
                .detail("Upload-Length must be a number of bytes."))
        }
    }

    @Test("every row of the reference's table, as it is kept")
    func table() async throws {
        try await ServerHouse.with { house async throws in
            for row in Self.rows { try await row.check(on: house) }
        }
    }

    @Test("the id is exactly the body: no line end, no quotes, and no cache keeps it")
    func exactID() async throws {
        try await ServerHouse.with { house async throws in
            var form = Form()
            form.add("filepond", file: "a.txt", Self.file)
            let reply = try await house.send("POST", "/fp/process/", form.headers, form.body)
            #expect(reply.body.count == 22)
            #expect(reply["content-type"] == "text/plain")
            #expect(reply["cache-control"] == "no-store")
            #expect(reply["content-length"] == "22")
        }
    }

    @Test("what is refused leaves nothing behind")
    func nothingLeft() async throws {
        try await ServerHouse.with { house async throws in
            for row in Self.rows where row.status >= 400 { try await row.check(on: house) }
            _ = try await waitFor("an empty staging store", within: .seconds(10)) {
                house.directory.files(below: "staging").isEmpty ? true : nil
            }
            #expect(try await house.uploads.uploads(matching: UploadQuery()).uploads.isEmpty)
        }
    }

    @Test("one id stands for the main file and its variants, in their order")
    func variants() async throws {
        try await ServerHouse.with { house async throws in
            let names = ["original_a.png", "a.png", "thumb_a.png"]
            let id = try await house.upload(names.map { ($0, Array($0.utf8)) })
            let known = try #require(UploadID(id))
            let upload = try #require(try await house.uploads.upload(known))
            #expect(upload.files.map(\.name) == names)
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)").text == names[0])
            let third = try await house.call("GET", "/api/v1/uploads/\(id)/files/2/content")
            #expect(third.text == names[2])
        }
    }

    @Test("of two fields with files the configured one counts, and the other leaves nothing behind")
    func twoFields() async throws {
        try await ServerHouse.with { house async throws in
            var form = Form()
            form.add("attachment", file: "other.txt", Array("other".utf8))
            form.add("filepond", "{}")
            form.add("filepond", file: "a.txt", Self.file)
            let reply = try await house.send("POST", "/fp/process/", form.headers, form.body)
            #expect(try await house.send("GET", "/fp/restore/\(reply.text)").body == Self.file)
            #expect(house.directory.files(below: "staging").count == 1)
        }
    }

    @Test(
        "a file's name arrives as it is, without what a path is made of",
        arguments: [
            ("日本語 👍.txt", "日本語 👍.txt"), ("100%25.txt", "100%25.txt"), ("say \"hi\".txt", "say \"hi\".txt"),
            ("../../etc/passwd", "passwd"), ("C:\\Users\\me\\a.txt", "a.txt"), ("..", "file"), (".", "file"),
            ("a\u{7F}b", "ab"), ("a\u{1B}b", "ab"), ("/", "file"),
        ])
    func names(_ sent: String, _ kept: String) async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload([(sent, Self.file)])
            let known = try #require(UploadID(id))
            let upload = try #require(try await house.uploads.upload(known))
            #expect(upload.files[0].name == kept)
        }
    }

    @Test("a long name is cut to 255 bytes between two characters, and keeps its extension")
    func longName() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload([(String(repeating: "日", count: 200) + ".jpeg", Self.file)])
            let known = try #require(UploadID(id))
            let upload = try #require(try await house.uploads.upload(known))
            #expect(upload.files[0].name.utf8.count <= 255)
            #expect(upload.files[0].name.hasSuffix("日.jpeg"))
        }
    }

    @Test("metadata is kept: byte by byte where it is JSON, as a string where it is not")
    func metadata() async throws {
        try await ServerHouse.with { house async throws in
            for (sent, shown) in [("{\"a\": [1.50, \"é\"]}", "{\"a\": [1.50, \"é\"]}"), ("no JSON", "\"no JSON\"")] {
                let id = try await house.upload([("a.txt", Self.file)], metadata: sent)
                #expect(try await house.call("GET", "/api/v1/uploads/\(id)").text.contains("\"metadata\":\(shown),"))
            }
            let chunked = try await house.announce(5, metadata: "{\"b\":2}")
            #expect(try await house.call("GET", "/api/v1/uploads/\(chunked)").text.contains("\"metadata\":{\"b\":2},"))
        }
    }

    @Test("what is larger than the settings allow is refused, and the connection stays usable")
    func limits() async throws {
        try await ServerHouse.with({ uploads, _ in
            uploads.maxSize = 1000
            uploads.maxMetadata = 100
            uploads.maxFiles = 2
        }) { house async throws in
            let large = String(repeating: "x", count: 1001)
            let rows: [(Int, @Sendable (inout Form) -> Void)] = [
                (413, { $0.add("filepond", file: "a.txt", Array(large.utf8)) }),
                (413, { $0.add("filepond", "{\"a\":\"\(large)\"}") }),
                (413, { form in for name in ["a", "b", "c"] { form.add("filepond", file: name, []) } }),
                (413, { form in for index in 0...200 { form.add("field\(index)", "") } }),
                (400, { form in for index in 0...4 { form.add("field\(index)", file: "a", []) } }),
                (200, { $0.add("filepond", file: "a.txt", Array(large.utf8.dropLast())) }),
            ]
            let port = house.client.port
            let statuses = try await onThread {
                let connection = try HTTPConnection(port: port)
                return try rows.map { status, build in
                    var form = Form()
                    build(&form)
                    try connection.send(HTTPClient.request("POST", "/fp", headers: form.headers, body: form.body))
                    return try connection.readReply().status
                }
            }
            #expect(statuses == rows.map(\.0))
            let announced = Exchange("", form: { $0.add("filepond", "{}") }, [("Upload-Length", "1001")], 413)
            try await announced.check(on: house)
        }
    }

    @Test("a form that is cut short leaves nothing behind")
    func cutShort() async throws {
        try await ServerHouse.with { house async throws in
            var form = Form()
            form.add("filepond", "{}")
            form.add("filepond", file: "a.bin", [UInt8](repeating: 7, count: 2 << 20))
            let whole = HTTPClient.request("POST", "/fp", headers: form.headers, body: form.body)
            let port = house.client.port
            try await onThread {
                let connection = try HTTPConnection(port: port)
                try connection.send(Array(whole.dropLast(500_000)))
                connection.reset()
            }
            _ = try await waitFor("an empty staging store", within: .seconds(10)) {
                house.directory.files(below: "staging").isEmpty ? true : nil
            }
            #expect(try await house.uploads.uploads(matching: UploadQuery()).uploads.isEmpty)
            // The same with a whole request around a form without an end.
            let reply = try await house.send("POST", "/fp", form.headers, form.openBody)
            #expect(reply.status == 400)
            #expect(house.directory.files(below: "staging").isEmpty)
        }
    }
}
