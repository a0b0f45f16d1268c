import FPConformance
import Foundation
import Support
import Testing

@Suite("fphost plugin validate", .serialized)
struct CommandTests {
    private func fphost(_ arguments: [String], in directory: TemporaryDirectory) async throws -> CommandResult {
        try await HostProcess.run(["plugin", "validate"] + arguments, in: directory)
    }

    @Test("LocalStore keeps every promise")
    func localStore() async throws {
        let directory = try TemporaryDirectory()
        let run = try await fphost(
            ["LocalStore", "-o", "location=./store", "-o", "allow_overwrite=true", "--verbose"], in: directory)
        #expect(run.status == 0, "\(run.output) \(run.errors)")
        let lines = run.output.split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("ok ") } > 350)
        let skipped = lines.filter { $0.hasPrefix("skipped ") && !$0.contains("does not declare") }
        #expect(skipped.count < 40)
        #expect(directory.files(below: "store") == [])
    }

    @Test("A broken promise is exit status 1, and the report can be a file")
    func failure() async throws {
        let directory = try TemporaryDirectory()
        let plugin = try await Liar.library()
        let run = try await fphost(
            [
                plugin, "-o", "location=store", "-o", "lie=size-with-header", "-o", "secret=open sesame", "--only",
                "stat",
                "--seed", "5", "--format", "junit", "--output", "report.xml",
            ], in: directory)
        #expect(run.status == 1)
        #expect(run.output == "")
        let report = String(decoding: try directory.contents("report.xml"), as: UTF8.self)
        #expect(report.contains("--only stat.size --seed 5"))
        #expect(report.contains("-o secret=..."))
        #expect(!report.contains("open sesame"))
    }

    @Test("Options may come from a store of a configuration file, and -o has the last word")
    func configuration() async throws {
        let directory = try TemporaryDirectory()
        let plugin = try await Liar.library()
        let text = "stores: {media: {plugin: \(plugin), options: {location: ./store, lie: size-with-header}}}\n"
        try text.write(to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        let arguments = [plugin, "--config", "fphost.yaml", "--store", "media", "--only", "stat.size"]
        #expect(try await fphost(arguments, in: directory).status == 1)
        let mended = try await fphost(arguments + ["-o", "lie="], in: directory)
        #expect(mended.status == 0, "\(mended.output) \(mended.errors)")
    }

    @Test(
        "What cannot be tested is exit status 78 and a sentence",
        arguments: [
            (["LocalStore"], "location"), (["LocalStore", "-o", "location=x", "-o", "locatoin=y"], "locatoin"),
            (["NoSuchStore"], "NoSuchStore"), (["./no/such/file.so"], "No such file"),
            (["LocalStore", "-o", "location=x", "--only", "nothing"], "no case is called nothing"),
            (["/etc/passwd"], "/etc/passwd"),
        ])
    func refused(_ arguments: [String], _ word: String) async throws {
        let run = try await fphost(arguments, in: try TemporaryDirectory())
        #expect(run.status == 78)
        #expect(run.errors.contains(word), "\(run.errors)")
    }

    @Test("A case can be run in the process itself")
    func inProcess() async throws {
        let run = try await fphost(
            ["LocalStore", "-o", "location=./store", "--only", "read", "--in-process"], in: try TemporaryDirectory())
        #expect(run.status == 0, "\(run.output) \(run.errors)")
    }

    @Test("The table of cases in the guide is the one that --list prints")
    func documented() async throws {
        let run = try await fphost(["--list", "--format", "markdown"], in: try TemporaryDirectory())
        let guide = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/plugins/cases.md")
        let text = try String(contentsOf: guide, encoding: .utf8)
        #expect(text.contains(run.output), "run: fphost plugin validate --list --format markdown")
    }
}
