import Foundation
import Support
import Testing

@Suite("fphost sweep")
struct SweepCommandTests {
    private static let configuration = HostProcess.plainConfiguration.replacingOccurrences(
        of: "uploads: {staging: staging}", with: "uploads: {staging: staging, expire_after: 1s, sweep_every: 1h}")

    private func run(_ words: [String], in directory: TemporaryDirectory) async throws -> CommandResult {
        try await HostProcess.run(
            ["sweep"] + words + ["--config", directory.url.appendingPathComponent("fphost.yaml").path], in: directory)
    }

    @Test("it lists what would go beside a running host, and removes that once the host is stopped")
    func sweep() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(configuration: Self.configuration, in: directory)
        let reply = try await host.client.send(
            "POST", "/fp/process/", headers: [("Content-Type", "multipart/form-data; boundary=b")],
            body: Array(
                "--b\r\nContent-Disposition: form-data; name=\"filepond\"; filename=\"a.txt\"\r\n\r\nHello\r\n--b--\r\n"
                    .utf8))
        #expect(reply.status == 200, "\(reply.text)")
        func files() -> [String] { directory.files(below: "data/staging").filter { $0.hasPrefix(reply.text) } }
        let listed = try await waitFor("the upload to expire", within: .seconds(30)) {
            let result = try await run(["--dry-run"], in: directory)
            #expect(result.status == 0, "\(result.errors)")
            return result.output.isEmpty ? nil : result.output
        }
        #expect(listed.hasPrefix("expired\tstaging\t\(reply.text)."), "\(listed)")
        #expect(listed.contains("temporary by the record of upload \(reply.text)"))
        #expect(files().count == 1)
        let refused = try await run([], in: directory)
        #expect(refused.status == 1 && refused.errors.contains("The host is running"), "\(refused.errors)")
        #expect(try await host.client.send("GET", "/fp/restore/?id=\(reply.text)").status == 200)
        try await host.stop()

        let catalog = directory.url.appendingPathComponent("data/fphost.db").path
        let before = try Data(contentsOf: URL(fileURLWithPath: catalog))
        _ = try await waitFor("the upload to expire again", within: .seconds(30)) {
            try await run(["--dry-run"], in: directory).output.isEmpty ? nil : true
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: catalog)) == before, "the catalog is only read")
        #expect(files().count == 1)
        let swept = try await run([], in: directory)
        #expect(swept.status == 0 && swept.output.hasPrefix("expired\tstaging\t\(reply.text)."), "\(swept.errors)")
        #expect(files() == [])
        #expect(try await run(["--dry-run"], in: directory).output == "")
    }
}
