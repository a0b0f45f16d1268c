import FPFormats
import FPHTTP
import FPServer
import FPUploads
import Foundation
import HTTPTypes
import Logging
import NIOCore
import Support
import Testing

@Suite("types that are taken")
struct TypeTests {
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
    private static let html = Array("<!doctype html><script>alert(1)</script>".utf8)

    private func with(
        allow: [String] = [], forbid: [String] = [], fetches: Bool = false, _ body: (ServerHouse) async throws -> Void
    ) async throws {
        try await ServerHouse.with(
            { uploads, _ in
                uploads.types = TypeRules(
                    allow: try allow.map { try TypePattern.parse($0).get() },
                    forbid: try forbid.map { try TypePattern.parse($0).get() })
            }, fetches: fetches
        ) { house in
            try await body(house)
            #expect(try await house.uploads.uploads(matching: UploadQuery()).uploads.isEmpty)
            #expect(house.filesOnDisk() == [])
        }
    }

    private func isRefused(_ reply: HTTPReply) -> Bool {
        reply.status == 415
            && (reply.text.isEmpty || reply.text.contains(" is not taken here") || reply.text.contains("The file is "))
    }

    private func form(_ files: [(String, [UInt8])]) -> Form {
        var form = Form()
        form.add("filepond", "{}")
        for (name, content) in files { form.add("filepond", file: name, content, type: "image/png") }
        return form
    }

    @Test(
        "a form with a file that is not taken is 415 and leaves nothing, large or small, main file or variant",
        arguments: [
            ["html"], ["a.html"], ["png", "html"], ["png", "b.js.png"], ["large html"], ["large png", "html"],
        ])
    func forms(files: [String]) async throws {
        let padding = [UInt8](repeating: 0x20, count: 600_000)
        let contents = files.map { file -> (String, [UInt8]) in
            switch file {
            case "html": ("a.png", Self.html)
            case "large html": ("a.png", Self.html + padding)
            case "png": ("a.png", Self.png)
            case "large png": ("a.png", Self.png + padding)
            default: (file, Self.png)
            }
        }
        try await with(allow: ["image/*"]) { house in
            let form = form(contents)
            let reply = try await house.send("POST", "/fp/process/", form.headers, form.body)
            #expect(isRefused(reply), "\(reply.status) \(reply.text)")
        }
    }

    @Test("a chunked upload that is not taken is gone with its first bytes, long before the rest")
    func chunks() async throws {
        try await with(allow: ["image/*"]) { house in
            let id = try await house.announce(10 << 30)
            var head = Self.html
            head += [UInt8](repeating: 0x20, count: 5000 - head.count)
            let headers = ServerHouse.chunkHeaders(0, of: 10 << 30, name: "a.png")
            let reply = try await house.send("PATCH", "/fp/patch/\(id)", headers, head)
            #expect(isRefused(reply), "\(reply.status) \(reply.text)")
            #expect(try await house.send("HEAD", "/fp/patch/\(id)").status == 404)
        }
    }

    @Test("a chunked upload that begins with few bytes at a time is gone with the first 4 KiB, too")
    func tinyChunks() async throws {
        try await with(allow: ["image/*"]) { house in
            let id = try await house.announce(10 << 30)
            let content = Self.html + [UInt8](repeating: 0x20, count: 9000)
            for (start, end) in [(0, 1), (1, 4), (4, 4000)] {
                let headers = ServerHouse.chunkHeaders(start, of: 10 << 30, name: "a.png")
                let reply = try await house.send("PATCH", "/fp/patch/\(id)", headers, Array(content[start..<end]))
                #expect(reply.status == 200, "\(reply.text)")
            }
            let headers = ServerHouse.chunkHeaders(4000, of: 10 << 30, name: "a.png")
            let reply = try await house.send("PATCH", "/fp/patch/\(id)", headers, Array(content[4000...]))
            #expect(isRefused(reply), "\(reply.status) \(reply.text)")
            #expect(try await house.send("HEAD", "/fp/patch/\(id)").status == 404)
        }
    }

    @Test("a chunked upload is judged by its name before its bytes, and by its whole beginning at its end")
    func smallChunks() async throws {
        try await with(forbid: ["text/html", ".js"]) { house in
            let named = try await house.announce(10)
            #expect(isRefused(try await house.patch(named, 0, of: 10, "01234", name: "report.js.pdf")))
            let html = String(decoding: Self.html, as: UTF8.self)
            let id = try await house.announce(html.utf8.count)
            // No first bytes that would tell come in one chunk.
            #expect(try await house.patch(id, 0, of: html.utf8.count, "<!do", name: "a.txt").status == 200)
            let rest = String(html.dropFirst(4))
            #expect(isRefused(try await house.patch(id, 4, of: html.utf8.count, rest, name: "a.txt")))
            let announced = try await house.send(
                "POST", "/fp", [("Upload-Length", "10"), ("Upload-Name", "a.js")])
            #expect(isRefused(announced))
        }
    }

    @Test("a chunked upload that is taken is not held up")
    func goodChunks() async throws {
        try await with(allow: ["image/*"]) { house in
            let content = Self.png + [UInt8](repeating: 7, count: 9000)
            let id = try await house.announce(content.count)
            for (start, end) in [(0, 3), (3, 6000), (6000, content.count)] {
                let headers = ServerHouse.chunkHeaders(start, of: content.count, name: "a.png")
                #expect(
                    try await house.send("PATCH", "/fp/patch/\(id)", headers, Array(content[start..<end])).status == 200
                )
            }
            #expect(try await house.send("GET", "/fp/restore/\(id)")["content-type"] == "image/png")
            #expect(
                try await house.send("DELETE", "/fp/revert/", [("Content-Type", "text/plain")], Array(id.utf8)).status
                    == 204)
        }
    }

    private struct Remote: RequestHandler {
        func respond(to request: Request) async -> Response {
            Response(.ok, headers: [.contentType: "image/png"], body: .bytes(ByteBuffer(bytes: TypeTests.html)))
        }
    }

    @Test("a remote file that is not taken is not kept", arguments: ["page", "page.png", "page.html"])
    func fetched(path: String) async throws {
        let logger = Logger(label: "remote") { _ in SwiftLogNoOpLogHandler() }
        let remote = HTTPServer(
            configuration: .init(addresses: [.tcp(host: "127.0.0.1", port: 0)]), logger: logger, handler: Remote())
        let port = try #require(try await remote.start().first?.port)
        try await with(allow: ["image/*"], fetches: true) { house in
            let reply = try await house.send("HEAD", "/fp/fetch/?target=http%3A%2F%2F127.0.0.1%3A\(port)%2F\(path)")
            #expect(reply.status == 415)
        }
        await remote.shutdown(grace: .seconds(1))
    }
}
