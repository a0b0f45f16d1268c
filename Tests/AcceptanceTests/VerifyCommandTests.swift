import Foundation
import Support
import Testing

@Suite("fphost uploads verify")
struct VerifyCommandTests {
    private func store(_ host: HostProcess, _ content: String, at path: String) async throws -> String {
        let boundary = "verify-test"
        let form =
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"filepond\"; filename=\"a.txt\"\r\n\r\n\(content)\r\n--\(boundary)--\r\n"
        let id = try await host.client.send(
            "POST", "/fp/process/", headers: [("Content-Type", "multipart/form-data; boundary=\(boundary)")],
            body: Array(form.utf8)
        ).text
        let reply = try await host.client.send(
            "POST", "/api/v1/uploads/\(id)/store",
            headers: [("Authorization", "Bearer test-token"), ("Content-Type", "application/json")],
            body: Array("{\"path\": \"\(path)\"}".utf8))
        try #require(reply.status == 200, "\(reply.text)")
        return id
    }

    private func verify(_ host: HostProcess, _ words: String...) async throws -> CommandResult {
        try await verify(host, words)
    }

    private func verify(_ host: HostProcess, _ words: [String]) async throws -> CommandResult {
        let config = host.directory.url.appendingPathComponent("fphost.yaml").path
        return try await HostProcess.run(
            ["uploads", "verify", "--config", config, "--url", "http://127.0.0.1:\(host.client.port)"] + words,
            in: host.directory)
    }

    @Test(
        "damaged files are listed and exit status 1 says so; nothing is touched, and a run can leave out what was right"
    )
    func damage() async throws {
        let host = try await HostProcess(in: TemporaryDirectory())
        let sound = try await store(host, "sound", at: "sound.txt")
        let rotten = try await store(host, "rotten", at: "rotten.txt")
        for words in [[], ["--deep"]] {
            let result = try await verify(host, words)
            #expect(result.status == 0 && result.output.isEmpty, "\(result.output)\(result.errors)")
            #expect(
                result.errors.hasSuffix(
                    "2 uploads compared, 0 of them damaged; 0 could not be read, and 0 have files without digests\n"))
        }
        let path = host.directory.url.appendingPathComponent("data/media/rotten.txt")
        let date = try FileManager.default.attributesOfItem(atPath: path.path)[.modificationDate] ?? Date()
        let file = try FileHandle(forUpdating: path)
        try file.write(contentsOf: Data("R".utf8))
        try file.close()
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path.path)

        let deep = try await verify(host, "--deep", "--rate", "1GB")
        #expect(deep.status == 1, "\(deep.errors)")
        #expect(deep.output.hasPrefix("\(rotten)\t0\tmedia\trotten.txt\tmismatch\tsha-256\t"), "\(deep.output)")
        #expect(!deep.output.contains(sound))
        #expect(try await verify(host, "--deep", sound).status == 0)
        let json = try await verify(host, "--deep", "--json", rotten)
        #expect(json.status == 1 && json.output.contains("\"damaged\":true"), "\(json.output)")
        #expect(try Data(contentsOf: path) == Data("Rotten".utf8))

        // Both were right at that time or later, the rotten one when it was read first.
        let later = try await verify(host, "--deep", "--since", "2000-01-01T00:00:00Z")
        #expect(later.status == 0 && later.errors.contains("0 uploads compared"), "\(later.errors)")
        let elsewhere = try await verify(host, "--deep", "--store", "staging")
        #expect(elsewhere.status == 0 && elsewhere.errors.contains("0 uploads compared"), "\(elsewhere.errors)")
        try await host.stop()
    }

    @Test("a run that is interrupted ends at once and says how to go on")
    func interrupted() async throws {
        let host = try await HostProcess(in: TemporaryDirectory())
        let quick = try await store(host, "", at: "empty.txt")
        _ = try await store(host, "slow", at: "slow.txt")
        let errors = host.directory.url.appendingPathComponent("errors")
        let output = host.directory.url.appendingPathComponent("output")
        for file in [errors, output] { try Data().write(to: file) }
        let process = Process()
        process.executableURL = HostProcess.products.appendingPathComponent("fphost")
        process.arguments = [
            "uploads", "verify", "--deep", "--json", "--rate", "1", "--url", "http://127.0.0.1:\(host.client.port)",
            "--config", host.directory.url.appendingPathComponent("fphost.yaml").path,
        ]
        process.currentDirectoryURL = host.directory.url
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        try await waitFor("the first upload to be compared", within: .seconds(30)) {
            try String(contentsOf: output, encoding: .utf8).contains(quick) ? true : nil
        }
        process.interrupt()
        try await waitFor("the run to end", within: .seconds(30)) { process.isRunning ? nil : true }
        #expect(process.terminationStatus == 130)
        let text = try String(contentsOf: errors, encoding: .utf8)
        #expect(text.contains("go on with: fphost uploads verify --deep --since 2"), "\(text)")
        try await host.stop()
    }

    @Test("what is no rate and what is no upload are refused, and a host that is away is told with how to go on")
    func refused() async throws {
        let host = try await HostProcess(in: TemporaryDirectory())
        #expect(try await verify(host, "--deep", "--rate", "fast").errors.contains("--rate must be a size"))
        #expect(try await verify(host, "--deep", "--rate", "0").status == 1)
        let unknown = try await verify(host, "jVoa5vVGUSfzEQrUrPYx6H")
        #expect(unknown.status == 1 && unknown.errors.contains("There is no upload"), "\(unknown.errors)")
        try await host.stop()
        let away = try await verify(host, "--deep", "--store", "media")
        #expect(away.status == 69, "\(away.errors)")
        #expect(away.errors.contains("go on with: fphost uploads verify --deep --since 2"), "\(away.errors)")
        #expect(away.errors.contains("--store media"), "\(away.errors)")
    }
}
