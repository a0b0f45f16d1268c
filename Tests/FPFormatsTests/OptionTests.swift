import FPFormats
import Testing

@Suite struct `A key of a table` {
    @Test(arguments: [
        (OptionSchema("a", .string), "x", OptionValue(text: "x")),
        (OptionSchema("a", .bool), "true", OptionValue(text: "true", i64: 1)),
        (OptionSchema("a", .bool), "false", OptionValue(text: "false")),
        (OptionSchema("a", .int, min: 0, max: 9), "-0", OptionValue(text: "-0")),
        (OptionSchema("a", .int, min: -5, max: 9), "-5", OptionValue(text: "-5", i64: -5)),
        (OptionSchema("a", .float), "0.25", OptionValue(text: "0.25", f64: 0.25)),
        (OptionSchema("a", .size, min: 5 << 20, max: 5 << 30), "6MiB", OptionValue(text: "6MiB", i64: 6 << 20)),
        (OptionSchema("a", .duration), "1500ms", OptionValue(text: "1500ms", i64: 1500)),
        (OptionSchema("a", .choice, choices: ["path", "virtual"]), "path", OptionValue(text: "path")),
        (OptionSchema("a", .path), "./data", OptionValue(text: "./data")),
        (OptionSchema("a", .path), "~/data", OptionValue(text: "~/data")),
        (OptionSchema("a", .url), "https://s3.example.org:9/x", OptionValue(text: "https://s3.example.org:9/x")),
        (OptionSchema("a", .url), "file:///etc/hostname", OptionValue(text: "file:///etc/hostname")),
        (OptionSchema("a", .unknown(99)), "x", OptionValue(text: "x")),
    ])
    func `makes of a text what its type says`(option: OptionSchema, text: String, value: OptionValue) throws {
        #expect(try option.value(of: text).get() == value)
    }

    @Test(arguments: [
        (OptionSchema("a", .size, min: 5 << 20, max: 5 << 30), "1MiB", "must be from 5MiB to 5GiB, not 1MiB"),
        (OptionSchema("a", .size, min: 5 << 20, max: 5 << 30), "6GiB", "must be from 5MiB to 5GiB, not 6GiB"),
        (OptionSchema("a", .int, max: 9), "10", "must be from 0 to 9, not 10"),
        (OptionSchema("a", .int), "ten", "must be a whole number, not \"ten\""),
        (OptionSchema("a", .duration, min: 1, max: 1000), "2s", "must be from 1ms to 1s, not 2s"),
        (OptionSchema("a", .float), "nan", "must be a number such as 0.5, not \"nan\""),
        (OptionSchema("a", .bool), "yes", "must be true or false, not \"yes\"; did you mean \"true\"?"),
        (
            OptionSchema("a", .choice, choices: ["path", "virtual"]), "pth",
            "must be path or virtual, not \"pth\"; did you mean \"path\"?"
        ),
        (OptionSchema("a", .choice, choices: ["K"]), "\u{212A}", "must be K, not \"\u{212A}\""),
        (
            OptionSchema("a", .url), "host", "must be a URL such as https://files.example.org, not \"host\""
        ),
        (OptionSchema("a", .path), "", "is empty; give a path, or leave the key out"),
        (
            OptionSchema("a", .path), "~root/x",
            "begins with ~; only ~/ is expanded, so write the path out, or ./~ for a name"
        ),
    ])
    func `says of a text that does not fit what would be right`(
        option: OptionSchema, text: String, complaint: String
    ) throws {
        let found = try #require(throws: Complaint.self) { try option.value(of: text).get() }
        guard !text.unicodeScalars.contains("\u{212A}") else { return #expect(found.text.hasPrefix("must be K, not")) }
        #expect(found.text == complaint)
    }

    @Test(arguments: [
        (OptionSchema("a.b-c_1", .int, default: "3", min: 1, max: 9), nil),
        (OptionSchema("a b", .string), "has a key that is not made of letters, digits, '_' and '-' with dots between"),
        (OptionSchema("", .string), "has a key that is not made of letters, digits, '_' and '-' with dots between"),
        (OptionSchema("a..b", .string), "has a key that is not made of letters, digits, '_' and '-' with dots between"),
        (
            OptionSchema("a", .unknown(12)),
            "has type 12, where FP_T_STRING (1) to FP_T_STRING_MAP (11) are expected"
        ),
        (OptionSchema("a", .choice), "is an FP_T_ENUM without choices"),
        (OptionSchema("a", .int, min: 9, max: 1), "has a least value, 9, above its greatest, 1"),
        (OptionSchema("a", .string, .required, default: "x"), "is required and yet has a default"),
        (
            OptionSchema("a", .duration, default: "5 min"),
            #"has the default "5 min", which it does not take: it must be a duration such as 500ms, 60s, 5m, 24h or "#
                + #"7d, not "5 min"; did you mean "5m"?"#
        ),
        (
            OptionSchema("a", .int, default: "10", max: 9),
            #"has the default "10", which it does not take: it must be from 0 to 9, not 10"#
        ),
    ])
    func `may be at odds with itself`(option: OptionSchema, defect: String?) {
        #expect(option.defect(knowsAllTypes: true) == defect)
    }

    @Test func `may have a type of a newer host, where the table is made for one`() {
        #expect(OptionSchema("a", .unknown(12)).defect(knowsAllTypes: false) == nil)
    }

    @Test func `cannot lie in another, or stand twice`() {
        let option = OptionSchema("tls.ca", .string)
        #expect(option.conflict(with: OptionSchema("tls.ca_file", .string)) == nil)
        #expect(option.conflict(with: OptionSchema("tls", .string))?.contains("cannot both exist") == true)
        #expect(option.conflict(with: OptionSchema("tls.ca.x", .string))?.contains("cannot both exist") == true)
        #expect(option.conflict(with: option)?.contains("there twice") == true)
    }

    @Test func `has the types of fp_plugin.h by their numbers`() {
        #expect(OptionSchema.ValueType(number: 1) == .string)
        #expect(OptionSchema.ValueType(number: 11) == .stringMap)
        #expect([0, 12].map { OptionSchema.ValueType(number: $0) } == [.unknown(0), .unknown(12)])
    }

    @Test func `has a list's or a map's default with commas between`() {
        #expect(OptionSchema.items(of: "a, b,,c d") == ["a", "b", "c d"])
        #expect(OptionSchema.items(of: "") == [])
        let members = OptionSchema.members(of: "x=1, y=a=b,z")
        #expect(members.map(\.name) == ["x", "y", "z"])
        #expect(members.map(\.value) == ["1", "a=b", ""])
        #expect(OptionSchema.choices(in: "a|b||c") == ["a", "b", "c"])
    }
}

@Suite struct `Names of plugins` {
    @Test func `are letters, digits, underscores and hyphens, a letter first`() {
        for name in ["LocalStore", "S3Store", "a", "a-b_9"] {
            #expect(PluginName.isValid(name))
            #expect(PluginName.name(ofFile: PluginName.fileName(of: name)) == name)
        }
        for name in ["", "1st", "-a", "_a", "a b", "a/b", "é", "a.so", "a\0", "\u{212A}"] {
            #expect(!PluginName.isValid(name), "\(name)")
        }
        for file in ["libLocalStore", "LocalStore.so", "lib.so", "libLocalStore.so.1", "lib1.so", "libso"] {
            #expect(PluginName.name(ofFile: file) == nil, "\(file)")
        }
    }
}
