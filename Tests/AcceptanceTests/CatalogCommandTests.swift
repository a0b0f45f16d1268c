import Foundation
import Support
import Testing

@Suite("fphost catalog")
struct CatalogCommandTests {
    private func upload(_ host: HostProcess) async throws -> String {
        let boundary = "catalog-test"
        let form =
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"filepond\"; filename=\"a.txt\"\r\n\r\nHello\r\n--\(boundary)--\r\n"
        let reply = try await host.client.send(
            "POST", "/fp/process/", headers: [("Content-Type", "multipart/form-data; boundary=\(boundary)")],
            body: Array(form.utf8))
        try #require(reply.status == 200, "\(reply.text)")
        return reply.text
    }

    private func run(_ words: [String], in directory: TemporaryDirectory) async throws -> CommandResult {
        try await HostProcess.run(
            ["catalog"] + words + ["--config", directory.url.appendingPathComponent("fphost.yaml").path], in: directory)
    }

    @Test("a copy is made while the host runs, put in place when it is stopped, and what is newer is left alone")
    func backupAndRestore() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(in: directory)
        let first = try await upload(host)
        let backup = try await run(["backup", "copy.db"], in: directory)
        #expect(backup.status == 0 && backup.output.contains("1 uploads"), "\(backup.errors)")
        #expect(try await run(["backup", "copy.db"], in: directory).status == 1, "never over a file")
        let second = try await upload(host)
        let sound = try await run(["check"], in: directory)
        #expect(sound.status == 0 && sound.output == "the catalog is sound\n", "\(sound.errors)")
        let busy = try await run(["restore", "copy.db"], in: directory)
        #expect(busy.status == 1 && busy.errors.contains("Stop that one first"), "\(busy.errors)")
        try await host.stop()

        let restore = try await run(["restore", "copy.db"], in: directory)
        #expect(restore.status == 0, "\(restore.errors)")
        for text in ["1 uploads", ".replaced-", "fphost sweep --dry-run"] { #expect(restore.output.contains(text)) }
        let again = try await HostProcess(in: directory)
        #expect(try await again.client.send("GET", "/fp/restore/?id=\(first)").text == "Hello")
        #expect(try await again.client.send("GET", "/fp/restore/?id=\(second)").status == 404)
        #expect(directory.files(below: "data/staging").contains { $0.hasPrefix(second) })
        try await again.stop()
    }

    @Test("a catalog whose pages were written over stops the start with what to do, and check lists what is wrong")
    func damaged() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(in: directory)
        for _ in 0..<20 { _ = try await upload(host) }
        try await host.stop()
        let path = directory.url.appendingPathComponent("data/fphost.db").path
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let size = try file.seekToEnd()
        for page in 1..<size / 4096 {
            try file.seek(toOffset: page * 4096)
            try file.write(contentsOf: Data(repeating: 0x5A, count: 4000))
        }
        try file.close()
        do {
            _ = try await HostProcess(in: directory)
            Issue.record("a host serves a damaged catalog")
        } catch {
            for text in ["fphost.yaml:", "is damaged", "fphost catalog check", "fphost catalog restore"] {
                #expect("\(error)".contains(text), "\(error)")
            }
        }
        let check = try await run(["check"], in: directory)
        #expect(check.status == 1 && check.errors.contains("fphost catalog restore"), "\(check.errors)")
    }
}
