import FPConfig
import FPFormats
import Testing

/// The options of a store against a plugin's table.
struct OptionValidationTests {
    private static let schema: [OptionSchema] = [
        OptionSchema("bucket", .string, .required, help: "Where objects go. More."),
        OptionSchema("flag", .bool, default: "true"),
        OptionSchema("count", .int, default: "3", min: -5, max: 9),
        OptionSchema("ratio", .float, default: "0.5"),
        OptionSchema("part", .size, default: "8MiB", min: 1 << 20, max: 1 << 30),
        OptionSchema("wait", .duration, default: "30s"),
        OptionSchema("style", .choice, default: "auto", choices: ["auto", "path", "virtual"]),
        OptionSchema("location", .path, default: "./data"),
        OptionSchema("endpoint", .url),
        OptionSchema("hosts", .stringList, default: "a, b"),
        OptionSchema("headers", .stringMap, default: "x=1,y=a=b"),
        OptionSchema("tls.ca_file", .path),
        OptionSchema("tls.depth", .int, default: "2"),
        OptionSchema("old", .string, .deprecated, help: "Use bucket."),
        OptionSchema("keys", .stringList, .secret),
    ]

    @Test func `defaults are filled in with their numbers, nested as their names say`() throws {
        let root = try check("{bucket: b}").root
        #expect(root.type == .map)
        #expect(
            root.children.map { $0.key ?? "" } == [
                "bucket", "flag", "count", "ratio", "part", "wait", "style", "location", "hosts", "headers", "tls",
            ]
        )
        #expect(root["flag"]?.i64 == 1)
        #expect(root["count"]?.i64 == 3)
        #expect(root["ratio"]?.f64 == 0.5)
        #expect(root["part"]?.i64 == 8 << 20)
        #expect(root["part"]?.text == "8MiB")
        #expect(root["wait"]?.i64 == 30_000)
        #expect(root["style"]?.text == "auto")
        #expect(root["location"]?.text == "/srv/fp/data")
        #expect(root["hosts"]?.children.map(\.text) == ["a", "b"])
        #expect(root["headers.y"]?.text == "a=b")
        #expect(root["tls.depth"]?.i64 == 2)
        #expect(root["tls.ca_file"] == nil)
        #expect(root["bucket"]?.isDefaulted == false)
        for key in ["flag", "hosts", "headers", "tls", "tls.depth"] {
            #expect(root[key]?.isDefaulted == true)
            #expect(root[key]?.line == 0)
        }
    }

    @Test func `values of the file come with their numbers and lines`() throws {
        let root = try check(
            """
                  bucket: b
                  flag: false
                  count: -5
                  ratio: -1.5e2
                  part: 2MB
                  wait: 1m
                  style: path
                  location: up/../here
                  endpoint: https://s3.example.org:9000/x
                  hosts: [c, '1']
                  headers: {b: c}
                  tls: {ca_file: ca.pem, depth: 0x10}
            """
        ).root
        #expect(root["flag"]?.i64 == 0)
        #expect(root["count"]?.i64 == -5)
        #expect(root["ratio"]?.f64 == -150)
        #expect(root["part"]?.i64 == 2_000_000)
        #expect(root["wait"]?.i64 == 60_000)
        #expect(root["location"]?.text == "/srv/fp/up/../here")
        #expect(root["endpoint"]?.text == "https://s3.example.org:9000/x")
        #expect(root["hosts"]?.children.map(\.text) == ["c", "1"])
        #expect(root["headers.b"]?.text == "c")
        #expect(root["headers.x"] == nil)
        #expect(root["tls.ca_file"]?.text == "/srv/fp/ca.pem")
        #expect(root["tls.depth"]?.i64 == 16)
        #expect(root["wait"]?.line == 10)
        #expect(root["tls"]?.line == 16)
        #expect(root["tls.depth"]?.line == 16)
        #expect(root["wait"]?.isDefaulted == false)
    }

    @Test func `a nested option may be written with dots, but not twice`() throws {
        #expect(try check("{bucket: b, tls.depth: 7}").root["tls.depth"]?.i64 == 7)
        #expect(try check("{bucket: b, tls: }").root["tls.depth"]?.i64 == 2)
        #expect(
            refusal("{bucket: b, tls.depth: 7, tls: {depth: 8}}") == [
                #"1:66: duplicate key "stores.m.options.tls.depth": line 1 has it already, keep one of them"#
            ]
        )
    }

    @Test(
        arguments: [
            ("{}", #"1:34: "stores.m.options" lacks the key "bucket"; it says: Where objects go"#),
            ("{bucket: b, buckt: c}", #"1:46: unknown key "buckt" in "stores.m.options"; did you mean "bucket"?"#),
            (
                "{bucket: b, ca_file: c}",
                #"1:46: unknown key "ca_file" in "stores.m.options"; did you mean "stores.m.options.tls.ca_file"?"#
            ),
            (
                "{bucket: b, tls: {dept: 1}}",
                #"1:52: unknown key "dept" in "stores.m.options.tls"; did you mean "depth"?"#
            ),
            (
                "{bucket: b, tls: 1}",
                #"1:51: "stores.m.options.tls" must be a map with keys (ca_file, depth), not a single value"#
            ),
            ("{bucket: [b]}", #"1:43: "stores.m.options.bucket" must be a text, not a list"#),
            (
                "{bucket: b, flag: yes}",
                #"1:52: "stores.m.options.flag" must be true or false, not "yes"; did you mean "true"?"#
            ),
            ("{bucket: b, count: 10}", #"1:53: "stores.m.options.count" must be from -5 to 9, not 10"#),
            (
                "{bucket: b, count: 1.0}",
                #"1:53: "stores.m.options.count" must be a whole number of at most 64 bits, not "1.0""#
            ),
            ("{bucket: b, ratio: nan}", #"1:53: "stores.m.options.ratio" must be a number such as 0.5, not "nan""#),
            ("{bucket: b, ratio: 1e999}", #"1:53: "stores.m.options.ratio" must be a number such as 0.5, not "1e999""#),
            ("{bucket: b, part: 1kB}", #"1:52: "stores.m.options.part" must be from 1MiB to 1GiB, not 1KB"#),
            (
                "{bucket: b, wait: 5}",
                #"1:52: "stores.m.options.wait" must be a duration such as 500ms, 60s, 5m, 24h or 7d, not "5"; did you mean "5s"?"#
            ),
            (
                "{bucket: b, style: pth}",
                #"1:53: "stores.m.options.style" must be auto, path or virtual, not "pth"; did you mean "path"?"#
            ),
            (
                "{bucket: b, location: ''}",
                #"1:56: "stores.m.options.location" is empty; give a path, or leave the key out"#
            ),
            (
                "{bucket: b, location: file:data}",
                #"1:56: "stores.m.options.location" is a path, not what a file or a variable holds; write the path alone, or ${NAME}"#
            ),
            (
                "{bucket: b, endpoint: s3.example.org}",
                #"1:56: "stores.m.options.endpoint" must be a URL such as https://files.example.org, not "s3.example.org""#
            ),
            ("{bucket: b, hosts: {a: b}}", #"1:53: "stores.m.options.hosts" must be a list of texts, not a map"#),
            ("{bucket: b, hosts: [a, ]}", nil),
            (
                "{bucket: b, hosts: [a, ~]}",
                #"1:57: each value in "stores.m.options.hosts" must be a text, not nothing"#
            ),
            ("{bucket: b, headers: [a]}", #"1:55: "stores.m.options.headers" must be a map of texts, not a list"#),
            (
                "{bucket: b, headers: a}",
                #"1:55: "stores.m.options.headers" must be a map of texts, not a single value"#
            ),
            (
                "{bucket: b, headers: {a: [b]}}",
                #"1:59: each value in "stores.m.options.headers.a" must be a text, not a list"#
            ),
        ] as [(String, String?)])
    func `an option that does not fit the table is refused with what would be right`(
        options: String, complaint: String?
    ) {
        #expect(refusal(options) == [complaint].compactMap { $0 })
    }

    @Test func `every complaint about a store's options is reported at once`() {
        #expect(refusal("{buckt: b, count: x, style: y}").count == 4)
    }

    @Test func `an option that is deprecated is taken, with a warning that says what to use`() throws {
        let options = try check("{bucket: b, old: x}")
        #expect(options.root["old"]?.text == "x")
        #expect(
            options.warnings.map(\.description) == [
                #"fphost.yaml:1:46: warning: "stores.m.options.old" is deprecated. Use bucket."#
            ]
        )
    }

    @Test func `a secret may be an item of a list, and an ordinary text may be taken from a secret's place`() throws {
        let environment = ["KEY": "k", "BUCKET": "b"]
        let root = try check("{bucket: env:BUCKET, keys: [env:KEY, plain]}", environment).root
        #expect(root["bucket"]?.text == "b")
        #expect(root["bucket"]?.isSecret == true)
        #expect(root["keys"]?.isSecret == true)
        #expect(root["keys"]?.children.map(\.text) == ["k", "plain"])
        #expect(root["keys"]?.children.allSatisfy { $0.isSecret } == true)
    }

    @Test func `a URL that begins with file: is a URL`() throws {
        let root = try check("{bucket: b, endpoint: 'file:///etc/hostname'}").root
        #expect(root["endpoint"]?.text == "file:///etc/hostname")
        #expect(root["endpoint"]?.isSecret == false)
    }

    @Test func `a table with nonsense in it is answered, not a crash`() throws {
        let settings = try load("stores: {m: {plugin: X, options: {a: {b: c}, '': d, '.': e}}}")
        let nonsense = [
            OptionSchema("a", .string), OptionSchema("a.b", .string), OptionSchema("", .string, default: "x"),
            OptionSchema(".", .size, default: "nonsense"), OptionSchema("a", .int, min: 9, max: 1),
            OptionSchema("c", .choice, default: "none"),
        ]
        let result = try #require(settings.options(ofStore: "m", against: nonsense))
        let errors = try #require(throws: ConfigErrors.self) { _ = try result.get() }
        #expect(errors.description.contains(#"the default of "stores.m.options.c" must be"#))
    }

    @Test func `a store without options is checked against the table as well`() throws {
        let settings = try load("stores: {m: {plugin: X}}")
        let result = try #require(settings.options(ofStore: "m", against: Self.schema))
        let errors = try #require(throws: ConfigErrors.self) { _ = try result.get() }
        #expect(
            errors.description
                == #"fphost.yaml:1:10: "stores.m.options" lacks the key "bucket"; it says: Where objects go"#
        )
        #expect(settings.options(ofStore: "none", against: Self.schema) == nil)
    }

    /// Options in flow style follow their key, those in block style stand below it.
    private func result(
        _ options: String,
        _ environment: [String: String] = [:]
    ) throws -> Result<CheckedOptions, ConfigErrors> {
        let yaml =
            options.hasPrefix("{")
            ? "stores: {m: {plugin: X, options: \(options)}}"
            : "stores:\n  m:\n    plugin: X\n    options:\n\(options)"
        let settings = try load(yaml, environment: environment)
        return try #require(settings.options(ofStore: "m", against: Self.schema))
    }

    private func check(_ options: String, _ environment: [String: String] = [:]) throws -> CheckedOptions {
        try result(options, environment).get()
    }

    private func refusal(_ options: String) -> [String] {
        switch Result(catching: { try result(options) }) {
        case .success(.success): return []
        case .success(.failure(let errors)):
            return errors.problems.map { String($0.description.dropFirst("fphost.yaml:".count)) }
        case .failure(let error): return ["\(error)"]
        }
    }
}
