import FPConfig
import Glibc
import Testing

/// What a file must be before its keys are looked at.
struct StructureTests {
    @Test(arguments: [
        (
            "",
            #"fphost.yaml:1:1: the file lacks the key "stores"; name at least one, such as "media" with "plugin: LocalStore""#
        ),
        (
            "# nothing\n",
            #"fphost.yaml:1:1: the file lacks the key "stores"; name at least one, such as "media" with "plugin: LocalStore""#
        ),
        (
            "---\n",
            #"fphost.yaml:2:1: the file lacks the key "stores"; name at least one, such as "media" with "plugin: LocalStore""#
        ),
        (
            "hello",
            "fphost.yaml:1:1: the file must be a map with keys (server, plugins, storages_backend, uploads, authentication, permissions, catalog, api, fetch, events, log, stores), not a single value"
        ),
        (
            "- a\n",
            "fphost.yaml:1:1: the file must be a map with keys (server, plugins, storages_backend, uploads, authentication, permissions, catalog, api, fetch, events, log, stores), not a list"
        ),
        (
            "\(oneStore)server:\n\tdemo: true\n",
            "fphost.yaml:3:1: not valid YAML: found character that cannot start any token, while scanning for the next token; a tab indents this line, use spaces"
        ),
        (
            "\(oneStore)server: {demo: true\n",
            #"fphost.yaml:3:1: not valid YAML: did not find expected ',' or '}', while parsing a flow mapping that begins at 2:9"#
        ),
        (
            "\(oneStore)server:\n  listen: [::1]:8080\n",
            #"fphost.yaml:3:12: not valid YAML: did not find expected node content, while parsing a flow node; put a value that begins with [, such as "[::1]:8080", in quotes"#
        ),
        (
            "\(oneStore)uploads: {field: @x}\n",
            "fphost.yaml:2:18: not valid YAML: found character that cannot start any token, while scanning for the next token; put the value in quotes"
        ),
        (
            "\(oneStore)catalog: a: b\n",
            #"fphost.yaml:2:11: not valid YAML: mapping values are not allowed in this context; put a value that contains ": " in quotes, and check the indentation"#
        ),
        (
            "\(oneStore)---\n\(oneStore)",
            #"fphost.yaml:2:1: a second document begins here; a settings file is one document, so remove the "---""#
        ),
        (
            "\(oneStore)log: &l {level: info}\n",
            #"fphost.yaml:2:6: anchors ("&l") are not supported; write the value out wherever it is used"#
        ),
        (
            "\(oneStore)log: *l\n",
            #"fphost.yaml:2:6: aliases ("*l") are not supported; write the value out, or put it in quotes if it is text"#
        ),
        (
            "\(oneStore)log: {<<: {level: info}}\n",
            #"fphost.yaml:2:7: merge keys ("<<") are not supported; write the keys out"#
        ),
        (
            "\(oneStore)log: {level: !!str info}\n",
            #"fphost.yaml:2:14: tags ("tag:yaml.org,2002:str") are not supported; write the value alone"#
        ),
        ("\(oneStore)? [a, b]\n: c\n", "fphost.yaml:2:3: a key must be a single word, not a list or a map"),
        (
            "\(oneStore)log: {level: info, format: text, level: debug}\n",
            #"fphost.yaml:2:34: duplicate key "level" in "log"; line 2 has it already, keep one of them"#
        ),
        (
            "\(oneStore)\(oneStore)",
            #"fphost.yaml:2:1: duplicate key "stores" at the top level; line 1 has it already, keep one of them"#
        ),
        ("\(oneStore)uploads: {field: \"a\\0b\"}\n", "fphost.yaml:2:18: the value contains a NUL character; remove it"),
        ("\(oneStore)\"a\\0\": b\n", #"fphost.yaml:2:1: the key "a\u{0}" contains a NUL character; remove it"#),
    ])
    func `a file that is not one plain map of keys is refused with the place`(yaml: String, complaint: String) {
        #expect(complaints(yaml) == [complaint])
    }

    @Test func `bytes that are not UTF-8 are refused with their line and column`() {
        let bytes = Array("\(oneStore)uploads: {field: é".utf8) + [0xFF] + Array("}\n".utf8)
        #expect(refusals(bytes) == ["fphost.yaml:2:19: invalid leading UTF-8 octet; the file must be plain UTF-8 text"])
    }

    @Test func `UTF-16 is refused, and a UTF-8 byte order mark is not`() throws {
        let wide: [UInt8] = [0xFF, 0xFE] + oneStore.utf8.flatMap { (byte: UInt8) -> [UInt8] in [byte, 0] }
        #expect(refusals(wide) == ["fphost.yaml:1:1: invalid leading UTF-8 octet; the file must be plain UTF-8 text"])
        #expect(refusals([0xEF, 0xBB, 0xBF] + Array(oneStore.utf8)) == [])
    }

    @Test func `control characters are refused with their line and column`() {
        let complaint = "fphost.yaml:2:7: control characters are not allowed; the file must be plain UTF-8 text"
        #expect(complaints("\(oneStore)log: {\u{1}}\n") == [complaint])
    }

    @Test func `a file that ends too early is refused at its end`() {
        #expect(complaints("\(oneStore)log: [a").map { $0.prefix(16) } == ["fphost.yaml:2:8:"])
    }

    @Test func `a file of more than 1 MiB is refused, one of 1 MiB is read`() {
        let comment = "#" + String(repeating: "x", count: (1 << 20) - oneStore.utf8.count - 1)
        #expect(complaints(oneStore + comment) == [])
        let complaint = "fphost.yaml: the file is larger than 1MiB; a settings file is much smaller"
        #expect(complaints(oneStore + comment + "x") == [complaint])
    }

    @Test func `64 levels are read and a 65th is refused`() {
        // The root, stores, media and options are the first four.
        func nested(_ levels: Int) -> String {
            let depth = levels - 4
            let value = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            return "stores: {media: {plugin: LocalStore, options: {a: \(value)}}}\n"
        }
        #expect(complaints(nested(64)) == [])
        #expect(complaints(nested(65)) == ["fphost.yaml:1:111: values are nested more than 64 levels deep"])
        #expect(complaints(String(repeating: "[", count: 500_000)).count == 1)
    }

    @Test(arguments: [
        "$x", "${", "${}", "$${", "[", "{a: ", "- ", "? ", "&a ", "a: 1\n", "\"", "'", "|\n", "%", "\t", "!a ",
    ])
    func `a long and hostile file is refused in a time that its length explains`(piece: String) {
        let flood = String(repeating: piece, count: 250_000 / piece.utf8.count)
        for before in ["", "\(oneStore)uploads: {field: \""] {
            let start = threadTime()
            #expect(!complaints(before + flood + "\"}").isEmpty)
            // Far more than it takes, and far less than time that grows with the square of the length.
            #expect(threadTime() - start < .seconds(20))
        }
    }

    /// The time that this thread has computed: unlike a clock's, it does not grow while other tests run.
    private func threadTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    @Test func `every complaint is reported at once, in the order of the file`() {
        let yaml = """
            stores:
              media: {plugin: LocalStore, bakend: x}
            servr: {}
            uploads:
              max_size: 20 G
              max_files: none
              field: ${NO_SUCH}
            log: {level: warn, levle: info}
            """
        #expect(
            complaints(yaml) == [
                #"fphost.yaml:2:31: unknown key "bakend" in "stores.media"; did you mean "plugin"?"#,
                #"fphost.yaml:3:1: unknown key "servr" at the top level; did you mean "server"?"#,
                #"fphost.yaml:5:13: "uploads.max_size" must be a size such as 20GiB, 5MB or 1048576 (bytes), not "20 G"; did you mean "20GB" or "20GiB"?"#,
                #"fphost.yaml:6:14: "uploads.max_files" must be a whole number, not "none""#,
                #"fphost.yaml:7:10: the environment variable "NO_SUCH" is not set; set it, or give a default: ${NO_SUCH:-default}"#,
                #"fphost.yaml:8:14: "log.level" must be trace, debug, info, notice, warning or error, not "warn"; did you mean "warning"?"#,
                #"fphost.yaml:8:20: unknown key "levle" in "log"; did you mean "level"?"#,
            ]
        )
    }

    @Test func `a file of nothing but mistakes is told of with the first hundred and the number of the rest`() throws {
        let yaml = oneStore + (0..<250).map { "key\($0): 1\n" }.joined()
        let errors = try #require(throws: ConfigErrors.self) { _ = try load(yaml) }
        #expect(errors.problems.count == 100)
        #expect(errors.omitted == 150)
        #expect(errors.description.hasSuffix("\nand 150 more"))
    }

    @Test func `a complaint stays on one line and shows no more than the start of a long text`() {
        let long = String(repeating: "x", count: 200)
        let shown = "\"" + String(repeating: "x", count: 60) + "…\""
        #expect(
            complaints("\(oneStore)log: {level: \(long)}\n") == [
                #"fphost.yaml:2:14: "log.level" must be trace, debug, info, notice, warning or error, not "# + shown
            ]
        )
        let path = complaints("\(oneStore)plugins: {directory: \"/no\\nsuch\"}\n")
        #expect(path.first?.contains(#"names /no\nsuch, which"#) == true)
        let hostile = complaints("\(oneStore)\"a\\n\\e[2J\\u202e\": 1\n")
        #expect(
            hostile.first?.hasPrefix(#"fphost.yaml:2:1: unknown key "a\n\u{1b}[2J\u{202e}" at the top level"#) == true)
    }

    private func refusals(_ bytes: [UInt8]) -> [String] {
        do throws(ConfigErrors) {
            _ = try Settings.load(yaml: bytes, file: "fphost.yaml", directory: "/srv/fp", environment: [:])
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }
}
