import Foundation
import Support
import Testing

@Suite("What the YAML names")
struct ConfigurationTests {
    private func upload(_ text: String, to client: HTTPClient) async throws -> String {
        let boundary = "acceptance"
        let form = """
            --\(boundary)\r\nContent-Disposition: form-data; name="filepond"; filename="note.txt"\r\n\
            Content-Type: text/plain\r\n\r\n\(text)\r\n--\(boundary)--\r\n
            """
        let reply = try await client.send(
            "POST", "/fp/process/", headers: [("Content-Type", "multipart/form-data; boundary=\(boundary)")],
            body: Array(form.utf8))
        try #require(reply.status == 200, "\(reply.text)")
        return reply.text
    }

    private func store(_ id: String, at path: String, with client: HTTPClient) async throws {
        let reply = try await client.send(
            "POST", "/api/v1/uploads/\(id)/store",
            headers: [("Authorization", "Bearer test-token"), ("Content-Type", "application/json")],
            body: Array(#"{"path": "\#(path)"}"#.utf8))
        try #require(reply.status == 200, "\(reply.status) \(reply.text)")
    }

    private func configuration(backend: String) -> String {
        """
        server: {listen: 127.0.0.1:0}
        storages_backend: \(backend)
        stores:
          staging: {plugin: LocalStore, options: {location: ./data/staging}}
          media: {plugin: LocalStore, options: {location: ./data/media}}
          archive: {plugin: LocalStore, options: {location: ./data/archive}}
        uploads: {staging: staging}
        catalog: sqlite:./data/fphost.db
        api: {tokens: [test-token]}
        """
    }

    @Test("the demonstration page is there from wherever the host is started")
    func demonstrationPage() async throws {
        let listening = "server: {listen: 127.0.0.1:0"
        let configuration = HostProcess.plainConfiguration.replacing(listening, with: listening + ", demo: true")
        let host = try await HostProcess(configuration: configuration, in: try TemporaryDirectory())
        let page = try await host.client.send("GET", "/")
        #expect(page.status == 200 && page.text.contains("filepond.min.js"), "\(page.text)")
        #expect(try await host.stop() == 0)
    }

    @Test("switching storages_backend moves new files and keeps the old ones readable")
    func switchedBackend() async throws {
        let directory = try TemporaryDirectory()
        let first = try await HostProcess(configuration: configuration(backend: "media"), in: directory)
        let old = try await upload("old", to: first.client)
        try await store(old, at: "a/old.txt", with: first.client)
        #expect(try await first.stop() == 0)

        let second = try await HostProcess(configuration: configuration(backend: "archive"), in: directory)
        let new = try await upload("new", to: second.client)
        try await store(new, at: "a/new.txt", with: second.client)
        #expect(try directory.contents("data/media/a/old.txt") == Array("old".utf8))
        #expect(try directory.contents("data/archive/a/new.txt") == Array("new".utf8))
        for (id, path, text) in [(old, "a/old.txt", "old"), (new, "a/new.txt", "new")] {
            #expect(try await second.client.send("GET", "/fp/load/?id=\(id)").text == text)
            #expect(try await second.client.send("GET", "/fp/load/?id=\(path)").text == text)
        }
    }

    @Test("a missing plugin stops the start with a sentence that says what to do")
    func missingPlugin() async throws {
        let directory = try TemporaryDirectory()
        let text = configuration(backend: "media").replacingOccurrences(
            of: "archive: {plugin: LocalStore", with: "archive: {plugin: NoSuchStore")
        try text.write(to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        for command in ["serve", "check"] {
            let result = try await HostProcess.run([command], in: directory)
            #expect(result.status == 78)
            #expect(result.errors.contains("libNoSuchStore.so"), "\(result.errors)")
            #expect(result.errors.contains("fphost.yaml:6:"), "\(result.errors)")
        }
    }

    @Test("a broken plugin stops the start with a sentence that says what is wrong")
    func brokenPlugin() async throws {
        let directory = try TemporaryDirectory()
        let plugin = directory.url.appendingPathComponent("libBroken.so")
        try Data("not a library".utf8).write(to: plugin)
        let text = configuration(backend: "media").replacingOccurrences(
            of: "archive: {plugin: LocalStore, options: {location: ./data/archive}}",
            with: "archive: {plugin: \(plugin.path)}")
        try text.write(to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        let result = try await HostProcess.run(["check"], in: directory)
        #expect(result.status == 78)
        #expect(result.errors.contains("ELF"), "\(result.errors)")
    }

    @Test("a second host on the same catalog refuses to start")
    func secondHost() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(in: directory)
        let result = try await HostProcess.run(["serve"], in: directory)
        #expect(result.status != 0)
        #expect(result.errors.contains("fphost.db"), "\(result.errors)")
        #expect(result.errors.contains("\(host.processIdentifier)"), "\(result.errors)")
    }

    @Test("check says what is wrong, with its place, and starts nothing")
    func check() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.url.appendingPathComponent("fphost.yaml")
        try HostProcess.plainConfiguration.write(to: file, atomically: true, encoding: .utf8)
        let good = try await HostProcess.run(["check"], in: directory)
        #expect(good.status == 0, "\(good.errors)")
        #expect(!FileManager.default.fileExists(atPath: directory.url.appendingPathComponent("data").path))

        let bad = HostProcess.plainConfiguration.replacingOccurrences(of: "{location:", with: "{locatoin:")
        try bad.write(to: file, atomically: true, encoding: .utf8)
        let result = try await HostProcess.run(["check"], in: directory)
        #expect(result.status == 78)
        #expect(result.errors.contains("fphost.yaml:4:"), "\(result.errors)")
        #expect(result.errors.contains("\"location\""), "\(result.errors)")
    }

    @Test("check and serve say all that is wrong in one run: settings, plugins, their options, token and catalog")
    func everythingAtOnce() async throws {
        let directory = try TemporaryDirectory()
        try Data("no database".utf8).write(to: directory.url.appendingPathComponent("fphost.db"))
        try Data("short".utf8).write(to: directory.url.appendingPathComponent("token"))
        let text = """
            server: {listen: 127.0.0.1:0, base_path: /healthz, max_conections: 5}
            storages_backend: media
            stores:
              staging: {plugin: LocalStore, options: {locatoin: ./data/staging}}
              media: {plugin: LocalStore, options: {location: ./data/media, file_permissions_mode: "999"}}
              gone: {plugin: NoSuchStore}
              archive: {plugin: LocalStore, options: {location: ./data/archive}, deadline: soon}
            uploads: {staging: staging, max_size: many}
            catalog: sqlite:./fphost.db
            api: {tokens: ["file:./token", "file:./data/new-token"]}
            fetch: {allow: ["not a host"]}
            """
        try text.write(to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        let before = directory.files(below: ".")
        for command in ["check", "serve"] {
            let result = try await HostProcess.run([command], in: directory)
            #expect(result.status == 78)
            for (line, words) in [
                (1, "max_conections"), (1, "healthz"), (4, "locatoin"), (5, "file_permissions_mode"),
                (6, "libNoSuchStore.so"), (7, "soon"), (8, "many"), (9, "is not a SQLite database"),
                (10, "holds a token of 5 characters"), (11, "not a host"),
            ] {
                let found = result.errors.split(separator: "\n").contains {
                    $0.hasPrefix("fphost.yaml:\(line):") && $0.contains(words)
                }
                #expect(found, "\(command): line \(line), \(words):\n\(result.errors)")
            }
            // One complaint for each, and nothing made.
            #expect(directory.files(below: ".") == before)
            #expect(!FileManager.default.fileExists(atPath: directory.url.appendingPathComponent("data").path))
        }
    }

    @Test(
        "nothing is made for settings that are refused",
        arguments: [
            ("media: {plugin: LocalStore, options: {location: ./data/media}}", "media: {plugin: NoSuchStore}"),
            ("catalog: sqlite:./data/fphost.db", "catalog: sqlite:./fphost.yaml/fphost.db"),
            ("catalog: sqlite:./data/fphost.db", "catalog: sqlite:./fphost.yaml"),
        ])
    func nothingMade(right: String, wrong: String) async throws {
        let directory = try TemporaryDirectory()
        let text = HostProcess.plainConfiguration.replacing(right, with: wrong)
            .replacing("tokens: [test-token]", with: "tokens: [\"file:./data/token\"]")
        try text.write(to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        for command in ["check", "serve"] {
            let result = try await HostProcess.run([command], in: directory)
            #expect(result.status == 78, "\(command): \(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: directory.url.appendingPathComponent("data").path))
        }
    }

    @Test("check refuses a catalog of another program, and one of a newer release")
    func foreignCatalog() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(in: directory)
        #expect(try await host.stop() == 0)
        let file = directory.url.appendingPathComponent("data/fphost.db")
        let good = try Data(contentsOf: file)
        #expect(try await HostProcess.run(["check"], in: directory).status == 0)
        for (offset, value, words) in [(68, UInt8(7), "another program"), (60, UInt8(9), "schema version")] {
            var bytes = good
            bytes[offset] = value
            try bytes.write(to: file)
            for command in ["check", "serve"] {
                let result = try await HostProcess.run([command], in: directory)
                #expect(result.status == 78, "\(command): \(result.errors)")
                #expect(result.errors.contains(words), "\(command): \(result.errors)")
            }
        }
    }

    private func files(in directory: TemporaryDirectory) -> Set<String> {
        let found = FileManager.default.enumerator(atPath: directory.url.path)?.allObjects as? [String]
        return Set(found ?? [])
    }

    @Test("check does not judge a default that stands in for a catalog which was refused")
    func checkOfRefusedCatalog() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.url.appendingPathComponent("fphost.yaml")
        try Data("a file where the default has a directory".utf8).write(
            to: directory.url.appendingPathComponent("data"))
        for catalog in ["{a: b}", "mysql://localhost/x"] {
            let text = """
                stores: {media: {plugin: LocalStore, options: {location: ./media}}}
                catalog: \(catalog)
                """
            try text.write(to: path, atomically: true, encoding: .utf8)
            let result = try await HostProcess.run(["check"], in: directory)
            #expect(result.status == 78)
            #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
        }
    }

    /// What a catalog may be that no host can open, each with words of the complaint.
    static let unusableCatalogs: [(name: String, words: String)] = [
        ("text", "is not a SQLite database"), ("stranger", "database of another program"),
        ("stranger without a number", "database of another program"), ("newer", "schema version 99"),
        ("below a file", "Not a directory"), ("link to nothing", "symbolic link to nothing"),
        ("in a link to nothing", "symbolic link to nothing"), ("fifo", "not a regular file"),
    ]

    private func makeUnusableCatalog(_ name: String, in directory: TemporaryDirectory) throws -> String {
        let file = directory.url.appendingPathComponent("fphost.db")
        // The head of an SQLite file with one empty page.
        var head = [UInt8](repeating: 0, count: 4096)
        head.replaceSubrange(0..<16, with: Array("SQLite format 3\0".utf8))
        head[16] = 0x10
        head[100] = 0x0D
        switch name {
        case "text": try Data("not a database".utf8).write(to: file)
        case "stranger":
            head[71] = 1
            try Data(head).write(to: file)
        case "stranger without a number":
            head[104] = 1
            try Data(head).write(to: file)
        case "newer":
            head.replaceSubrange(68..<72, with: Array("FPHC".utf8))
            head[63] = 99
            try Data(head).write(to: file)
        case "below a file":
            try Data("text".utf8).write(to: file)
            return "./fphost.db/fphost.db"
        case "fifo": try #require(mkfifo(file.path, 0o600) == 0)
        default:
            try FileManager.default.createSymbolicLink(
                atPath: file.path, withDestinationPath: directory.url.path + "/nothing")
            return name == "link to nothing" ? "./fphost.db" : "./fphost.db/deeper/fphost.db"
        }
        return "./fphost.db"
    }

    @Test(
        "a catalog that cannot be opened is a complaint with its place to check and to serve, and nothing is made",
        arguments: unusableCatalogs)
    func unusableCatalog(name: String, words: String) async throws {
        let directory = try TemporaryDirectory()
        let catalog = try makeUnusableCatalog(name, in: directory)
        let text = """
            server: {listen: 127.0.0.1:0}
            storages_backend: media
            stores:
              staging: {plugin: LocalStore, options: {location: ./data/staging}}
              media: {plugin: LocalStore, options: {location: ./data/media}}
            uploads: {staging: staging}
            catalog: sqlite:\(catalog)
            api: {tokens: [file:./data/api-token]}
            """
        try text.write(to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        let before = files(in: directory)
        for command in ["check", "serve"] {
            let result = try await HostProcess.run([command], in: directory)
            #expect(result.status == 78, "\(command): \(result.errors)")
            #expect(result.errors.contains("fphost.yaml:7:"), "\(command): \(result.errors)")
            #expect(result.errors.contains(words), "\(command): \(result.errors)")
            #expect(files(in: directory) == before, "\(command)")
        }
    }

    @Test("to check, a catalog that a running host has open is a warning that names the process")
    func checkBesideHost() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(in: directory)
        let result = try await HostProcess.run(["check"], in: directory)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("fphost.yaml:7:") && result.errors.contains("warning: "), "\(result.errors)")
        #expect(result.errors.contains("process \(host.processIdentifier)"), "\(result.errors)")
        #expect(try await host.stop() == 0)
        let after = try await HostProcess.run(["check"], in: directory)
        #expect(after.status == 0 && !after.errors.contains("process "), "\(after.errors)")
    }

    @Test(
        "check refuses what serve would refuse",
        arguments: [
            "catalog: postgresql://u:hunter2@localhost/fphost", "catalog: 'sqlite:///x'",
            "api: {tokens: [\"file:./empty\"]}",
            "server: {base_path: /healthz}",
        ])
    func checkRefusesLikeServe(setting: String) async throws {
        let directory = try TemporaryDirectory()
        let empty = directory.url.appendingPathComponent("empty").path
        #expect(FileManager.default.createFile(atPath: empty, contents: Data()))
        let lines = HostProcess.plainConfiguration.split(separator: "\n").filter {
            !$0.hasPrefix(setting.prefix { $0 != ":" })
        }
        let text = (lines + [Substring(setting)]).joined(separator: "\n") + "\n"
        try text.write(to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        for command in ["serve", "check"] {
            let result = try await HostProcess.run([command], in: directory)
            #expect(result.status == 78, "\(command): \(result.errors)")
            #expect(result.errors.contains("fphost.yaml:\(lines.count + 1):"), "\(command): \(result.errors)")
            #expect(!result.errors.contains("hunter2"), "\(command): \(result.errors)")
            #expect(!setting.hasPrefix("catalog") || result.errors.contains("write sqlite:PATH"), "\(result.errors)")
        }
    }
}
