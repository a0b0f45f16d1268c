import Foundation
import Support
import Testing

/// A plugin that ends the host in one of its calls: the host says which, and after the second time in a row starts
/// without it.
@Suite("A plugin that ends the host")
struct PluginCrashTests {
    private func plugin(_ macros: [String], in directory: TemporaryDirectory) async throws -> String {
        try await PluginCompiler.compile("Tests/TestPlugins/broken.c", name: "Doomed", macros: macros, in: directory)
    }

    private func configuration(_ path: String) -> String {
        """
        server: {listen: 127.0.0.1:0}
        storages_backend: media
        stores:
          staging: {plugin: LocalStore, options: {location: ./data/staging}}
          media: {plugin: LocalStore, options: {location: ./data/media}}
          third: {plugin: \(path)}
        uploads: {staging: staging}
        catalog: sqlite:./data/fphost.db
        api: {tokens: [test-token]}
        """
    }

    /// Runs a host that is to die.
    private func run(_ path: String, in directory: TemporaryDirectory) async throws -> CommandResult {
        try configuration(path).write(
            to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        return try await HostProcess.run(["serve"], after: "export SWIFT_BACKTRACE=enable=no", in: directory)
    }

    @Test(
        "its last words name plugin, store and call, so do the next host's first, and the third host serves without it",
        arguments: [
            (["HEALTH_DOOM"], "health", "crashed with signal"),
            (["HEALTH_DOOM", "DOOM=abort()"], "health", "crashed with signal 6"),
            (["HEALTH_DOOM", "DOOM=use_up_stack(0)"], "health", "crashed with signal 11"),
            (["HEALTH_DOOM", "DOOM=exit(0)"], "health", "ended the process"),
            (["CREATE_DOOM"], "create", "crashed with signal"),
            (["VALIDATE_DOOM"], "validate", "crashed with signal"),
        ])
    func held(macros: [String], call: String, deed: String) async throws {
        let directory = try TemporaryDirectory()
        let path = try await plugin(macros, in: directory)
        // A catalog that is there already, as it is where a plugin was exchanged.
        let before = try await HostProcess(in: directory)
        #expect(try await before.stop() == 0)

        let first = try await run(path, in: directory)
        #expect(first.errors.contains("in its call `\(call)` for the store \"third\""), "\(first.errors)")
        #expect(first.errors.contains("libDoomed.so"), "\(first.errors)")
        #expect(!first.errors.contains("the last run"), "\(first.errors)")

        let second = try await run(path, in: directory)
        #expect(second.errors.contains("the last run of fphost died: the plugin "), "\(second.errors)")
        #expect(second.errors.contains("\(deed)"), "\(second.errors)")
        #expect(second.errors.contains("in its call \(call) for store \"third\""), "\(second.errors)")

        let host = try await HostProcess(configuration: configuration(path), in: directory)
        #expect(host.logText.contains("the store is DOWN, its calls fail at once: the plugin "), "\(host.logText)")
        #expect(host.logText.contains("2 times in a row"), "\(host.logText)")
        let ready = try await host.client.send("GET", "/readyz")
        #expect(ready.status == 200 && ready.text.contains(#""third":"down""#), "\(ready.status) \(ready.text)")
        let refused = try await storing(host, in: "third")
        #expect(refused.status == 503 && !refused.text.contains(path), "\(refused.status) \(refused.text)")
        #expect(try await storing(host, in: "media").status == 200)
        #expect(try await host.stop() == 0)

        // A restart alone changes nothing; another library does.
        let again = try await HostProcess(configuration: configuration(path), in: directory)
        #expect(again.logText.contains("2 times in a row"), "\(again.logText)")
        #expect(try await again.stop() == 0)
        _ = try await plugin([], in: directory)
        let mended = try await HostProcess(configuration: configuration(path), in: directory)
        let well = try await mended.client.send("GET", "/readyz")
        #expect(well.text.contains(#""third":"ok""#), "\(well.text)\n\(mended.logText)")
        #expect(try await mended.stop() == 0)
        #expect(!directory.files(below: "data").contains { $0.hasSuffix(".crashes") || $0.hasSuffix(".calls") })
    }

    private func storing(_ host: HostProcess, in store: String) async throws -> HTTPReply {
        let form = """
            --b\r\nContent-Disposition: form-data; name="filepond"; filename="a.txt"\r\n\r\nwords\r\n--b--\r\n
            """
        let id = try await host.client.send(
            "POST", "/fp/process/", headers: [("Content-Type", "multipart/form-data; boundary=b")],
            body: Array(form.utf8)
        ).text
        return try await host.client.send(
            "POST", "/api/v1/uploads/\(id)/store",
            headers: [("Authorization", "Bearer test-token"), ("Content-Type", "application/json")],
            body: Array(#"{"path": "\#(id).txt", "store": "\#(store)"}"#.utf8))
    }

    @Test("an orderly end between two crashes breaks the row")
    func brokenRow() async throws {
        let directory = try TemporaryDirectory()
        let path = try await plugin(["HEALTH_DOOM"], in: directory)
        _ = try await run(path, in: directory)
        let well = try await HostProcess(in: directory)
        #expect(well.logText.contains("the last run of fphost died"), "\(well.logText)")
        #expect(try await well.stop() == 0)
        _ = try await run(path, in: directory)
        let third = try await run(path, in: directory)
        #expect(!third.errors.contains("times in a row"), "\(third.errors)")
    }

    @Test("a host that is killed blames no plugin")
    func killed() async throws {
        let directory = try TemporaryDirectory()
        for _ in 0..<3 {
            let host = try await HostProcess(in: directory)
            #expect(!host.logText.contains("the last run of fphost died"), "\(host.logText)")
            try await host.kill()
        }
    }

    @Test("a second host on the same catalog leaves the first one's journal alone")
    func secondHost() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(in: directory)
        let journal = try directory.contents("data/fphost.db.calls")
        let result = try await HostProcess.run(["serve"], in: directory)
        #expect(result.status == 78)
        #expect(try directory.contents("data/fphost.db.calls").count == journal.count)
        #expect(try await host.stop() == 0)
    }

    @Test("check says which plugin crashed in its own check of the options")
    func check() async throws {
        let directory = try TemporaryDirectory()
        let path = try await plugin(["VALIDATE_DOOM"], in: directory)
        try configuration(path).write(
            to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        let result = try await HostProcess.run(
            ["check"], after: "export SWIFT_BACKTRACE=enable=no", in: directory)
        #expect(result.status != 0)
        #expect(result.errors.contains("in its call `validate` for the store \"third\""), "\(result.errors)")
        #expect(directory.files(below: "data").isEmpty)
    }
}
