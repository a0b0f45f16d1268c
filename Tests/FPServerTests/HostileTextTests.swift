import FPUploads
import Foundation
import Support
import Testing

@Suite("Names and metadata that are meant to do harm")
struct HostileTextTests {
    @Test(
        "a file goes to the directory that the application names, whatever its own name, and can be deleted",
        arguments: [
            ("../\u{301}", "file"), ("\u{1611E}\u{1611E}", "file"), ("x/\u{301}y.txt", "y.txt"),
            ("a\u{1611E}\u{1611E}.txt", "a\u{16121}.txt"), ("a\u{378}.txt", "a.txt"), ("..\\\u{301}x", "x"),
            ("e\u{301}.txt", "\u{e9}.txt"),
        ])
    func names(name: String, expected: String) async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload(name, "content")
            let reply = try await house.call("POST", "/api/v1/uploads/\(id)/store", json: "{\"path\": \"given/\"}")
            #expect(reply.status == 200, "\(reply.text)")
            let files = house.directory.files(below: "media")
            #expect(files.map { Array($0.utf8) } == [Array("given/\(expected)".utf8)])
            let path = "given/\(expected)".addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            #expect(try await house.send("GET", "/fp/load/?id=\(path)").text == "content")
            let loaded = try await house.send("GET", "/fp/load/\(id)")
            #expect(loaded["content-disposition"]?.utf8.allSatisfy { (0x20...0x7E).contains($0) } == true)
            #expect(try await house.call("DELETE", "/api/v1/uploads/\(id)?delete_file=true").status == 200)
            #expect(house.filesOnDisk().isEmpty)
        }
    }

    @Test("chunks may bring such a name too, and the same name again")
    func chunkNames() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(10)
            let name = "x/\u{301}\u{1611E}\u{1611E}y.txt"
            #expect(try await house.patch(id, 0, of: 10, "01234", name: name).status == 200)
            #expect(try await house.patch(id, 5, of: 10, "56789", name: name).status == 200)
            try await house.store(id, "given/")
            #expect(house.directory.files(below: "media") == ["given/y.txt"])
        }
    }

    @Test("two paths are the same path only if their bytes in normal form are")
    func paths() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            try await house.store(id, "docs/e\u{301}.txt")
            for path in ["docs/%C3%A9.txt", "docs/e%CC%81.txt", "/docs/%C3%A9.txt"] {
                #expect(try await house.send("GET", "/fp/load/?id=\(path)").status == 200, "\(path)")
                #expect(
                    try await house.call("GET", "/api/v1/uploads?path=\(path)").text.contains(id), "\(path)")
            }
            for path in ["docs/%CC%81%C3%A9.txt", "docs%2F%CC%81e.txt", "docs/e.txt", "docs/%C3%A9.txt%00"] {
                #expect(try await house.send("GET", "/fp/load/?id=\(path)").status == 404, "\(path)")
            }
        }
    }

    @Test(
        "metadata that is too much is refused, and nothing of the upload stays",
        arguments: [
            ("[\(String(repeating: "0,", count: 40_000))0]", 413), ("[\(String(repeating: "0,", count: 5000))0]", 400),
            (String(repeating: "[", count: 33) + String(repeating: "]", count: 33), 400),
            (String(repeating: "[", count: 60_000), 400), ("[\"\\ud800\"]", 400),
            (String(repeating: "\u{1}", count: 60_000), 413), (String(repeating: "x", count: 70_000), 413),
        ])
    func metadata(_ text: String, _ status: Int) async throws {
        try await ServerHouse.with { house async throws in
            var whole = Form()
            whole.add("filepond", text)
            whole.add("filepond", file: "a.txt", Array("content".utf8))
            var announced = Form()
            announced.add("filepond", "{\"a\":\(text)}")
            for form in [whole, announced] {
                let reply = try await house.send("POST", "/fp/process/", form.headers, form.body)
                #expect([status, 400].contains(reply.status), "\(reply.text)")
                #expect(reply.text.hasPrefix("{\"detail\": \""))
            }
            #expect(try await house.send("POST", "/fp/process/", whole.headers, whole.body).status == status)
            #expect(house.filesOnDisk().isEmpty)
            #expect(try await house.call("GET", "/api/v1/uploads").text == "{\"uploads\":[],\"next\":null}")
        }
    }

    @Test("metadata up to the limits is kept and shown as it came")
    func largeMetadata() async throws {
        try await ServerHouse.with { house async throws in
            for text in [
                "[\(String(repeating: "0,", count: 4000))0]", "\"\(String(repeating: "x", count: 65_000))\"",
                String(repeating: "[", count: 32) + String(repeating: "]", count: 32), " {\"a\" : 1.50 }\n",
            ] {
                let id = try await house.upload([("a.txt", [1])], metadata: text)
                let shown = try await house.call("GET", "/api/v1/uploads/\(id)").text
                #expect(shown.contains("\"metadata\":\(text),"))
            }
        }
    }

    @Test("other fields of a page's form do not count as metadata")
    func otherFields() async throws {
        try await ServerHouse.with { house async throws in
            var form = Form()
            form.add("comment", String(repeating: "x", count: 200_000))
            form.add("filepond", "{}")
            form.add("filepond", file: "a.txt", [1])
            #expect(try await house.send("POST", "/fp/process/", form.headers, form.body).status == 200)
        }
    }
}
