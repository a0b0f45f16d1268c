import Foundation
import Support
import Testing

@Suite("fphost plugin")
struct PluginCommandTests {
    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private func folderStore(in directory: TemporaryDirectory) async throws -> String {
        try await PluginCompiler.compile("Examples/c/folder_store.c", name: "FolderStore", in: directory)
    }

    @Test("probe shows what a plugin is, and with options what a store of it can do")
    func probe() async throws {
        let directory = try TemporaryDirectory()
        _ = try await folderStore(in: directory)
        let result = try await HostProcess.run(
            ["plugin", "probe", "FolderStore", "--directory", ".", "-o", "location=here", "--json"], in: directory)
        #expect(result.status == 0, "\(result.errors)")
        let report = try object(result.output)
        #expect(report["name"] as? String == "FolderStore")
        #expect(report["abi"] as? String == "1.1")
        #expect(report["load_milliseconds"] as? Double != nil)
        let store = try #require(report["store"] as? [String: Any])
        #expect((store["capabilities"] as? [String])?.contains("rewind") == true)
        #expect(store["max_key_bytes"] as? Int == 255)
    }

    @Test("probe refuses an option that the plugin does not have")
    func probeWithWrongOption() async throws {
        let directory = try TemporaryDirectory()
        let path = try await folderStore(in: directory)
        let result = try await HostProcess.run(["plugin", "probe", path, "-o", "locatoin=x"], in: directory)
        #expect(result.status == 78)
        #expect(result.errors.contains("did you mean \"location\"?"), "\(result.errors)")
    }

    @Test("a secret option is taken from a file or from the environment, as in the configuration")
    func secrets() async throws {
        let directory = try TemporaryDirectory()
        let path = try await PluginCompiler.compile(
            "Tests/TestPlugins/broken.c", name: "Secretive",
            macros: [#"OPTIONS=OPTION("key",5,FP_OPT_SECRET|FP_OPT_REQUIRED)"#], in: directory)
        func probe(_ value: String) async throws -> CommandResult {
            try await HostProcess.run(["plugin", "probe", path, "-o", "key=\(value)"], in: directory)
        }
        #expect(try await probe("file:./absent").errors.contains("absent does not exist"))
        let unset = try await probe("env:FPHOST_TEST_ABSENT").errors
        #expect(unset.contains("the environment variable \"FPHOST_TEST_ABSENT\""), "\(unset)")
        // A size, so that the plugin's table tells whether the content came, or the reference.
        try Data("8MiB\n".utf8).write(to: directory.url.appendingPathComponent("secret"))
        let taken = try await probe("file:./secret")
        #expect(taken.status == 0, "\(taken.errors)")
    }

    @Test(
        "the last words of a plugin that ends the process while it is loaded are told by probe and by validate",
        arguments: [0, 3])
    func lastWords(status: Int) async throws {
        let directory = try TemporaryDirectory()
        let path = try await PluginCompiler.compile(
            "Tests/TestPlugins/broken.c", name: "Mute", macros: ["CONSTRUCTOR_EXITS", "EXIT_STATUS=\(status)"],
            in: directory)
        for command in ["probe", "validate"] {
            let result = try await HostProcess.run(["plugin", command, path], in: directory)
            #expect(result.status == 78, "\(command): \(result.errors)")
            #expect(result.errors.contains("ended the process"), "\(command): \(result.errors)")
            #expect(result.errors.contains("status \(status)"), "\(command): \(result.errors)")
            #expect(result.errors.contains("Its last words: no licence, no work"), "\(command): \(result.errors)")
        }
    }

    @Test("a plugin that crashes or hangs is a message of probe and a row of list")
    func mishaps() async throws {
        let directory = try TemporaryDirectory()
        let crashing = try await PluginCompiler.compile(
            "Tests/TestPlugins/broken.c", name: "Crashing", macros: ["CONSTRUCTOR_CRASHES"], in: directory)
        let list = try await HostProcess.run(["plugin", "list", "--directory", "."], in: directory)
        #expect(list.status == 0)
        #expect(list.output.contains("it crashed with signal"), "\(list.output)")
        let probe = try await HostProcess.run(["plugin", "probe", crashing], in: directory)
        #expect(probe.status == 78)
        #expect(probe.errors.contains("it crashed with signal"), "\(probe.errors)")
        let hanging = try await PluginCompiler.compile(
            "Tests/TestPlugins/broken.c", name: "Hanging", macros: ["CONSTRUCTOR_HANGS"], in: directory)
        let late = try await HostProcess.run(["plugin", "probe", "--time-limit", "1", hanging], in: directory)
        #expect(late.status == 78)
        #expect(late.errors.contains("still being loaded after 1 s"), "\(late.errors)")
    }

    @Test("a process that a plugin leaves behind is neither waited for nor left alone")
    func leftBehind() async throws {
        let directory = try TemporaryDirectory()
        let note = directory.url.appendingPathComponent("child")
        let path = try await PluginCompiler.compile(
            "Tests/TestPlugins/broken.c", name: "Forking", macros: ["CONSTRUCTOR_FORKS=\"\(note.path)\""],
            in: directory)
        let result = try await HostProcess.run(["plugin", "probe", path], in: directory)
        #expect(result.errors.contains("it crashed with signal"), "\(result.errors)")
        let child = try String(contentsOf: note, encoding: .utf8)
        _ = try await waitFor("the child \(child) to end", within: .seconds(30)) {
            guard let status = try? String(contentsOfFile: "/proc/\(child)/stat", encoding: .utf8) else { return true }
            // Dead, although nobody has asked how it ended.
            return status.contains(") Z ") ? true : nil
        }
    }

    @Test("what a plugin prints while it is loaded stays out of the report")
    func chatter() async throws {
        let directory = try TemporaryDirectory()
        let path = try await PluginCompiler.compile(
            "Tests/TestPlugins/broken.c", name: "Chatty", macros: ["CONSTRUCTOR_PRINTS"], in: directory)
        let result = try await HostProcess.run(["plugin", "probe", path, "--json"], in: directory)
        #expect(try object(result.output)["name"] as? String == "Chatty")
        #expect(result.errors.contains("hello from the plugin"))
    }

    @Test("list says what each plugin can do")
    func list() async throws {
        let directory = try TemporaryDirectory()
        _ = try await folderStore(in: directory)
        let result = try await HostProcess.run(["plugin", "list", "--directory", "."], in: directory)
        #expect(result.output.contains("FolderStore 0.1.0  Keeps objects in one folder."), "\(result.output)")
        #expect(result.output.contains("resumable writes, lists, lists of unfinished writes"), "\(result.output)")
        let empty = try TemporaryDirectory()
        let none = try await HostProcess.run(["plugin", "list", "--directory", "."], in: empty)
        #expect(none.status == 69)
        #expect(none.errors.contains("there are no plugins in"), "\(none.errors)")
    }

    @Test("schema tells types, bounds, defaults, groups and secrets, as JSON Schema and as Markdown")
    func schema() async throws {
        let directory = try TemporaryDirectory()
        let options = [
            #"OPTION("bucket",1,FP_OPT_REQUIRED,0,0,0,0,"Where to.")"#,
            #"OPTION("tls.depth",3,0,"2",0,1,9,"How deep | or not.")"#,
            #"OPTION("tls.key",1,FP_OPT_SECRET|FP_OPT_REQUIRED)"#, #"OPTION("part",5,0,"8MiB",0,1,1073741824)"#,
            #"OPTION("mode",7,FP_OPT_DEPRECATED,"a","a|b")"#,
        ]
        let path = try await PluginCompiler.compile(
            "Tests/TestPlugins/broken.c", name: "Optional",
            macros: ["OPTIONS=" + options.joined(separator: ",")], in: directory)
        let json = try await HostProcess.run(["plugin", "schema", path], in: directory)
        let schema = try object(json.output)
        #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
        #expect(schema["required"] as? [String] == ["bucket", "tls"])
        #expect(schema["additionalProperties"] as? Bool == false)
        let properties = try #require(schema["properties"] as? [String: [String: Any]])
        #expect(properties["bucket"]?["description"] as? String == "Where to.")
        #expect(properties["mode"]?["enum"] as? [String] == ["a", "b"])
        #expect(properties["mode"]?["deprecated"] as? Bool == true)
        let tls = try #require(properties["tls"]?["properties"] as? [String: [String: Any]])
        #expect(tls["depth"]?["maximum"] as? Int == 9)
        #expect(tls["depth"]?["default"] as? Int == 2)
        #expect(tls["key"]?["writeOnly"] as? Bool == true)

        let markdown = try await HostProcess.run(["plugin", "schema", path, "--format", "markdown"], in: directory)
        #expect(markdown.output.contains(#"| `tls.depth` | int; 1 to 9 | `2` | How deep \| or not. |"#))
        #expect(markdown.output.contains("| `tls.key` | string; secret | required |"))
        #expect(markdown.output.contains("| `part` | size; 1B to 1GiB | `8MiB` |"))
    }

    @Test("bench prints what a call costs and how fast bytes flow")
    func bench() async throws {
        let directory = try TemporaryDirectory()
        let path = try await PluginCompiler.compile("Benchmarks/discard.c", name: "Discard", in: directory)
        let result = try await HostProcess.run(
            ["plugin", "bench", path, "--size", "8", "--calls", "50", "--json"], in: directory)
        #expect(result.status == 0, "\(result.errors)")
        let figures = try object(result.output)
        for name in [
            "load_milliseconds", "microseconds_per_call", "write_gibibytes_per_second", "read_gibibytes_per_second",
        ] {
            #expect(try #require(figures[name] as? Double) > 0)
        }
    }

    @Test("new refuses a name that is none, and a directory that is there")
    func newRefusals() async throws {
        let directory = try TemporaryDirectory()
        let wrong = try await HostProcess.run(["plugin", "new", "1st", "--language", "c"], in: directory)
        #expect(wrong.status == 78)
        #expect(wrong.errors.contains("\"1st\" is no name for a plugin"), "\(wrong.errors)")
        try FileManager.default.createDirectory(
            at: directory.url.appendingPathComponent("Taken"), withIntermediateDirectories: false)
        let taken = try await HostProcess.run(["plugin", "new", "Taken", "--language", "c"], in: directory)
        #expect(taken.status == 78)
        #expect(taken.errors.contains("is there already"), "\(taken.errors)")
    }
}
