import Foundation
import Support
import Testing

@Suite("Types of files that come in small chunks, with the host killed behind each")
struct TypeRestartTests {
    private static let html = Array("<!doctype html><script>alert(1)</script>".utf8)
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]

    private static func configuration(_ types: String) -> String {
        HostProcess.plainConfiguration.replacing(
            "uploads: {staging: staging}", with: "uploads: {staging: staging, types: \(types)}")
    }

    /// Sends a file in chunks of which none has all the bytes that its type is told by.
    /// - Returns: the last chunk's status, and the host that has answered it.
    private func send(
        _ content: [UInt8], of chunk: Int, under types: String, in directory: TemporaryDirectory
    ) async throws -> (status: Int, id: String, host: HostProcess) {
        var host = try await HostProcess(configuration: Self.configuration(types), in: directory)
        let id = try await host.client.send("POST", "/fp", headers: [("Upload-Length", "\(content.count)")]).text
        var start = 0
        while true {
            let end = min(start + chunk, content.count)
            let reply = try await host.client.send(
                "PATCH", "/fp/patch/\(id)",
                headers: [
                    ("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", "\(start)"),
                    ("Upload-Length", "\(content.count)"), ("Upload-Name", "a.png"),
                ], body: Array(content[start..<end]))
            if end == content.count { return (reply.status, id, host) }
            try #require(reply.status == 200, "\(start): \(reply.status) \(reply.text)")
            try await host.kill()
            host = try await HostProcess(configuration: Self.configuration(types), in: directory)
            start = end
        }
    }

    @Test(
        "one that is not taken is refused with its last byte, and nothing of it stays",
        arguments: [(0, 15), (3000, 1500), (9000, 3500)], ["{forbid: [text/html]}", "{allow: [image/*]}"])
    func refused(size: (padding: Int, chunk: Int), types: String) async throws {
        let directory = try TemporaryDirectory()
        let content = Self.html + [UInt8](repeating: 0x20, count: size.padding)
        let (status, id, host) = try await send(content, of: size.chunk, under: types, in: directory)
        #expect(status == 415)
        #expect(try await host.client.send("HEAD", "/fp/patch/\(id)").status == 404)
        #expect(try await host.client.send("HEAD", "/fp/restore/?id=\(id)").status == 404)
        _ = try await waitFor("staging to be empty", within: .seconds(10)) {
            directory.files(below: "data/staging").contains { $0.contains(id) } ? nil : true
        }
        #expect(try await host.stop() == 0)
    }

    @Test("one that is taken is whole", arguments: [(9, 5), (9000, 3500)])
    func taken(padding: Int, chunk: Int) async throws {
        let content = Self.png + [UInt8](repeating: 7, count: padding)
        let (status, id, host) = try await send(
            content, of: chunk, under: "{allow: [image/*]}", in: TemporaryDirectory())
        #expect(status == 200)
        let reply = try await host.client.send("GET", "/fp/restore/?id=\(id)")
        #expect(reply.body == content && reply["content-type"] == "image/png")
        #expect(try await host.stop() == 0)
    }
}
