import FPStorage
import Testing

@Suite struct `A plugin's options` {
    private let options = [
        PluginOption(key: "bucket", type: .string, isRequired: true, help: "The bucket. It must exist."),
        PluginOption(key: "part_size", type: .size, defaultText: "8MiB", min: 5 << 20, max: 5 << 30),
        PluginOption(key: "timeout", type: .duration, defaultText: "30s"),
        PluginOption(key: "retries", type: .int, min: 0, max: 9),
        PluginOption(key: "ratio", type: .float),
        PluginOption(key: "verify", type: .bool, defaultText: "true"),
        PluginOption(key: "style", type: .choice, choices: ["path", "virtual"]),
        PluginOption(key: "secret_key", type: .string, isSecret: true),
        PluginOption(key: "pin", type: .int, isSecret: true),
        PluginOption(key: "tls.ca_file", type: .path),
        PluginOption(key: "tls.minimum", type: .string, defaultText: "1.2"),
        PluginOption(key: "endpoint", type: .url),
        PluginOption(key: "hosts", type: .stringList, defaultText: "a,b"),
        PluginOption(key: "labels", type: .stringMap),
    ]

    private func complete(_ members: [PluginConfigNode]) -> (tree: PluginConfigNode, complaints: [String]) {
        let result = PluginConfigNode.map(members, line: 3).completed(by: options, directory: "/etc/fphost")
        return (result.tree, result.complaints.map(\.message))
    }

    private func numbers(_ node: PluginConfigNode?) -> (i64: Int64, f64: Double)? {
        guard case .scalar(_, let i64, let f64)? = node?.kind else { return nil }
        return (i64, f64)
    }

    @Test func `texts become the numbers of their types`() throws {
        let (tree, complaints) = complete([
            .scalar("b", key: "bucket"), .scalar("6MiB", key: "part_size"), .scalar("1500ms", key: "timeout"),
            .scalar("-0", key: "retries"), .scalar("0.25", key: "ratio"), .scalar("false", key: "verify"),
        ])
        #expect(complaints == [])
        #expect(numbers(tree["part_size"])?.i64 == 6 << 20)
        #expect(numbers(tree["timeout"])?.i64 == 1500)
        #expect(numbers(tree["retries"])?.i64 == 0)
        #expect(numbers(tree["ratio"])?.f64 == 0.25)
        #expect(numbers(tree["verify"])?.i64 == 0)
    }

    @Test(arguments: [
        ("0", 0), ("1", 1), ("1B", 1), ("10KiB", 10_240), ("10 KiB", 10_240), ("2kB", 2000), ("3GiB", 3 << 30),
        ("1TiB", 1 << 40),
    ])
    func `sizes have units`(text: String, bytes: Int64) throws {
        #expect(try PluginOption(key: "a", type: .size).value(of: text).get().i64 == bytes)
    }

    @Test(arguments: ["", "MiB", "-1", "1.5MiB", "1 XB", "1MiBs", "99999999999TiB", "１２"])
    func `what is no size is refused`(text: String) {
        #expect(throws: OptionComplaint.self) { try PluginOption(key: "a", type: .size).value(of: text).get() }
    }

    @Test(arguments: [
        ("0", 0), ("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("24h", 86_400_000), ("7d", 604_800_000),
    ])
    func `durations have units`(text: String, milliseconds: Int64) throws {
        #expect(try PluginOption(key: "a", type: .duration).value(of: text).get().i64 == milliseconds)
    }

    @Test(arguments: ["30", "s", "1 fortnight", "-1s"])
    func `what is no duration is refused`(text: String) {
        #expect(throws: OptionComplaint.self) { try PluginOption(key: "a", type: .duration).value(of: text).get() }
    }

    @Test func `defaults fill what the configuration leaves out, groups included`() throws {
        let (tree, complaints) = complete([.scalar("b", key: "bucket")])
        #expect(complaints == [])
        #expect(numbers(tree["part_size"])?.i64 == 8 << 20)
        #expect(tree["part_size"]?.isDefaulted == true)
        #expect(tree["tls.minimum"]?.text == "1.2")
        #expect(tree["hosts"]?.children.map(\.text) == ["a", "b"])
        #expect(tree["bucket"]?.isDefaulted == false)
        #expect(tree["ratio"] == nil)
    }

    @Test func `relative paths are meant from the configuration's directory`() {
        let (tree, _) = complete([.scalar("b", key: "bucket"), .map([.scalar("./ca.pem", key: "ca_file")], key: "tls")])
        #expect(tree["tls.ca_file"]?.text == "/etc/fphost/ca.pem")
        #expect(tree["tls.minimum"]?.text == "1.2")
    }

    @Test func `secrets are marked`() {
        let (tree, _) = complete([.scalar("b", key: "bucket"), .scalar("s", key: "secret_key")])
        #expect(tree["secret_key"]?.isSecret == true)
        #expect(tree["bucket"]?.isSecret == false)
    }

    @Test func `one value does for a list`() {
        let (tree, complaints) = complete([.scalar("b", key: "bucket"), .scalar("x", key: "hosts")])
        #expect(complaints == [])
        #expect(tree["hosts"]?.children.map(\.text) == ["x"])
    }

    @Test(arguments: [
        ("buckt", PluginConfigNode.scalar("b"), "the plugin has no option \"buckt\"; did you mean \"bucket\"?"),
        ("zzz", .scalar("b"), "the plugin has no option \"zzz\""),
        ("part_size", .scalar("1MiB"), "\"part_size\" must be at least 5MiB, not 1MiB"),
        ("part_size", .scalar("6GiB"), "\"part_size\" must be at most 5GiB, not 6GiB"),
        ("retries", .scalar("ten"), "\"retries\" must be a whole number, not \"ten\""),
        ("retries", .scalar("10"), "\"retries\" must be at most 9, not 10"),
        ("ratio", .scalar("nan"), "\"ratio\" must be a number, not \"nan\""),
        ("verify", .scalar("yes"), "\"verify\" must be true or false, not \"yes\""),
        ("style", .scalar("both"), "\"style\" must be one of path, virtual, not \"both\""),
        ("endpoint", .scalar("host"), "\"endpoint\" must be a URL with its scheme, as https://host/"),
        ("retries", .list([]), "\"retries\" must be a single value"),
        ("labels", .scalar("x"), "\"labels\" must be a mapping"),
        ("hosts", .list([.map([])]), "\"hosts\" must list plain values"),
        ("tls", .scalar("x"), "\"tls\" must be a mapping of options"),
        ("pin", .scalar("hunter2"), "\"pin\" does not have the form that the plugin takes"),
    ])
    func `each complaint says what would be right`(key: String, value: PluginConfigNode, sentence: String) {
        var member = value
        member.key = key
        #expect(complete([.scalar("b", key: "bucket"), member]).complaints == [sentence])
    }

    @Test func `a missing option and one given twice are complained about, with the line`() {
        let result = PluginConfigNode.map(
            [.scalar("a", key: "style", line: 5), .scalar("path", key: "style", line: 6)], line: 4
        ).completed(by: options, directory: "/")
        #expect(result.complaints.map(\.line) == [5, 6, 4])
        #expect(result.complaints[1].message == "\"style\" is there twice")
        #expect(result.complaints[2].message == "option \"bucket\" is required: The bucket")
    }

    @Test func `options that are no mapping are refused, none at all are an empty one`() {
        #expect(PluginConfigNode.scalar("x").completed(by: options, directory: "/").complaints.count == 1)
        let none = PluginConfigNode(kind: .null).completed(by: options, directory: "/")
        #expect(none.complaints.map(\.key) == ["bucket"])
    }

    @Test func `the plugin gets the tree as it is, and its own checks count`() async throws {
        let test = try await TestStore(options: [.map([.scalar("12", key: "number")], key: "group")])
        #expect(test.store.name == "test")
        let error = try await #require(throws: StoreError.self) {
            try await TestStore(options: [.map([.scalar("13", key: "number")], key: "group")])
        }
        #expect(error.code == .config)
        #expect(error.message == "group.number must not be 13")
    }
}

@Suite struct `Keys` {
    @Test(arguments: [
        "a", "a/b/c", "Ünï/日本語/🙂", ".hidden", "a/.fp", ".fpx", "...", "a b", "é", "q\u{327}\u{302}", "ক\u{9BE}",
        "각", String(repeating: "x", count: 255),
    ])
    func `a key that keeps the rules is taken`(key: String) throws {
        try validateKey(key)
    }

    @Test(arguments: [
        ("", "empty"), ("/a", "slash"), ("a/", "slash"), ("a//b", "slash"), (".", "\".\""), ("a/../b", "\"..\""),
        ("a/./b", "\".\""), (".fp", "belong to the plugin"), (".fp/a", "belong to the plugin"), ("a\\b", "backslash"),
        ("a\nb", "control"), ("a\u{7F}", "control"), ("a\u{85}", "control"), ("a\u{0}", "control"),
        ("e\u{301}", "form C"), ("a\u{308}/b", "form C"), ("\u{212B}", "form C"), ("\u{1100}\u{1161}", "form C"),
        ("a\u{302}\u{327}", "form C"),
    ])
    func `a key that breaks a rule is refused with the rule`(key: String, rule: String) throws {
        let error = try #require(throws: ObjectKey.Violation.self) { try validateKey(key) }
        #expect(error.message.contains(rule), "\(error.message)")
    }

    @Test func `lengths are counted in bytes`() throws {
        let segment = String(repeating: "x", count: 255)
        let longest = [segment, segment, segment, segment].joined(separator: "/") + "/"
        try validateKey(longest.dropLast() + "")
        #expect(throws: ObjectKey.Violation.self) { try validateKey(longest + "xx") }
        #expect(throws: ObjectKey.Violation.self) { try validateKey(segment + "x") }
        #expect(throws: ObjectKey.Violation.self) { try validateKey(String(repeating: "é", count: 128)) }
        #expect(throws: ObjectKey.Violation.self) { try ObjectKey.validate("abc", maxBytes: 2) }
    }
}
