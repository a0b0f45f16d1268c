import Foundation
import Support
import Testing

/// What an operator gets for a plugin that cannot be used: a sentence, its place in the file, and the status that says
/// "configuration".
@Suite("A plugin that cannot be used")
struct PluginRefusalTests {
    private func refusal(
        of path: String, more: String = "", command: String = "check", in directory: TemporaryDirectory,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let text = """
            server: {listen: 127.0.0.1:0}
            storages_backend: media
            stores:
              staging: {plugin: LocalStore, options: {location: ./data/staging}}
              media: {plugin: \(path)\(more)}
            uploads: {staging: staging}
            catalog: sqlite:./data/fphost.db
            """
        try text.write(to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        let result = try await HostProcess.run([command], in: directory)
        #expect(result.status == 78, "\(result.errors)", sourceLocation: sourceLocation)
        #expect(result.errors.contains("fphost.yaml:5:"), "\(result.errors)", sourceLocation: sourceLocation)
        return result.errors
    }

    private func compile(_ macros: [String], in directory: TemporaryDirectory) async throws -> String {
        try await PluginCompiler.compile(
            "Tests/TestPlugins/broken.c", name: "Broken", macros: macros, in: directory)
    }

    @Test(
        "each defect of a library is a sentence and the status 78",
        arguments: [
            (["ENTRY=something_else"], "exports no function fp_plugin_entry_v1"),
            (["MAGIC=0x12345678"], "begins with 0x12345678, where FP_MAGIC"),
            (["ENTRY=fp_plugin_entry_v2"], "exports fp_plugin_entry_v2 but no fp_plugin_entry_v1"),
            (["MAJOR=2"], "built for ABI 2.1, where this host speaks 1.1"),
            (["SIZE=100"], "its table has 100 bytes"),
            (["DROP=.stat=0"], "its slot \"stat\" is NULL"),
            (["OPTIONS=OPTION(\"a b\",1)"], "its option \"a b\" has a key that is not made of letters"),
            (["CONSTRUCTOR_CRASHES"], "it crashed with signal"),
            (["ENTRY_CRASHES"], "it crashed with signal"),
            (["LOAD_CRASHES"], "it crashed with signal"),
            (["CONSTRUCTOR_EXITS"], "it ended the process, with exit status 3, while it was being loaded"),
            (
                ["CONSTRUCTOR_EXITS", "EXIT_STATUS=0"],
                "it ended the process, with exit status 0, while it was being loaded"
            ),
        ])
    func defect(macros: [String], sentence: String) async throws {
        let directory = try TemporaryDirectory()
        let errors = try await refusal(of: try await compile(macros, in: directory), in: directory)
        #expect(errors.contains(sentence), "\(errors)")
    }

    @Test(
        "a constructor that ends the process is a sentence with its last words, whatever the status and the command",
        arguments: [0, 78])
    func constructorEnds(status: Int) async throws {
        let directory = try TemporaryDirectory()
        let path = try await compile(["CONSTRUCTOR_EXITS", "EXIT_STATUS=\(status)"], in: directory)
        let words = "no licence, no work"
        let served = try await refusal(of: path, command: "serve", in: directory)
        #expect(served.contains("ended the process") && served.contains(words), "\(served)")
        for command in ["probe", "schema", "validate", "bench"] {
            let result = try await HostProcess.run(["plugin", command, path], in: directory)
            #expect(result.status == 78, "\(command): \(result.errors)")
            for words in ["libBroken.so", "ended the process", words] {
                #expect(result.errors.contains(words), "\(command): \(result.errors)")
            }
        }
        let list = try await HostProcess.run(["plugin", "list", "--directory", "."], in: directory)
        #expect(list.output.contains("ended the process") && list.output.contains(words), "\(list.output)")
    }

    @Test("validate says what the linker says of a library that it cannot load")
    func validateUnlinkable() async throws {
        let directory = try TemporaryDirectory()
        let path = try await compile(["NEEDS_MISSING_FUNCTION"], in: directory)
        let result = try await HostProcess.run(["plugin", "validate", path], in: directory)
        #expect(result.status == 78)
        #expect(result.errors.contains("undefined symbol: no_library_has_this"), "\(result.errors)")
    }

    @Test("a constructor that never comes back is a sentence, to the server as well")
    func hangs() async throws {
        let directory = try TemporaryDirectory()
        let path = try await compile(["CONSTRUCTOR_HANGS"], in: directory)
        let errors = try await refusal(of: path, command: "serve", in: directory)
        #expect(errors.contains("it was still being loaded after 10 s, where a second is allowed"), "\(errors)")
    }

    @Test("a constructor that crashes does not take a server down without a word, and what else is wrong is said too")
    func crashesAtStart() async throws {
        let directory = try TemporaryDirectory()
        let crashing = try await compile(["CONSTRUCTOR_CRASHES"], in: directory)
        let other = try await PluginCompiler.compile(
            "Tests/TestPlugins/broken.c", name: "Other", macros: ["DROP=.read=0"], in: directory)
        let errors = try await refusal(
            of: crashing, more: "}\n  third: {plugin: \(other)", command: "serve", in: directory)
        #expect(errors.contains("it crashed with signal"), "\(errors)")
        #expect(errors.contains("its slot \"read\" is NULL"), "\(errors)")
    }

    @Test("a capability without its slot is a sentence and the status 78")
    func capabilityWithoutSlot() async throws {
        let directory = try TemporaryDirectory()
        let path = try await compile(["CAPS=FP_CAP_LIST"], in: directory)
        let errors = try await refusal(of: path, command: "serve", in: directory)
        #expect(errors.contains("it declares FP_CAP_LIST, but its slot \"list\" is NULL"), "\(errors)")
    }

    @Test("a file that is no library, or not for this machine, is a sentence and the status 78")
    func foreign() async throws {
        let directory = try TemporaryDirectory()
        let path = try await compile([], in: directory)
        var content = try Data(contentsOf: URL(fileURLWithPath: path))
        content[18] = 8
        try content.write(to: URL(fileURLWithPath: path))
        var errors = try await refusal(of: path, in: directory)
        #expect(errors.contains("it is built for machine 8, where this host runs on"), "\(errors)")
        try Data("not a library".utf8).write(to: URL(fileURLWithPath: path))
        errors = try await refusal(of: path, in: directory)
        #expect(errors.contains("it is not an ELF file"), "\(errors)")
    }

    @Test("a file or directory that everybody may change, directly or behind a link, is a sentence and the status 78")
    func writable() async throws {
        let directory = try TemporaryDirectory()
        let path = try await compile([], in: directory)
        chmod(path, 0o777)
        var errors = try await refusal(of: path, in: directory)
        #expect(errors.contains("the file is writable by everybody"), "\(errors)")
        chmod(path, 0o755)
        let home = try TemporaryDirectory()
        let link = home.url.appendingPathComponent("libBroken.so")
        try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: path)
        chmod(directory.url.path, 0o777)
        errors = try await refusal(of: link.path, in: home)
        let place = directory.url.standardizedFileURL.path
        #expect(errors.contains("the directory \(place) above it is writable by everybody"), "\(errors)")
    }

    @Test("a library with another sha256 than the configured one runs no code, and is a sentence and the status 78")
    func digest() async throws {
        let directory = try TemporaryDirectory()
        let path = try await compile(["CONSTRUCTOR_CRASHES"], in: directory)
        let digest = String(repeating: "0", count: 64)
        let errors = try await refusal(of: path, more: ", sha256: \"\(digest)\"", in: directory)
        #expect(errors.contains("where the configuration expects \(digest)"), "\(errors)")
        #expect(!errors.contains("crashed"), "\(errors)")
    }
}
