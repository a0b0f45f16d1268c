import FPConfig
import Testing

/// How single values are written.
struct ValueTests {
    @Test(arguments: [
        (
            "max_size", "20G",
            #"must be a size such as 20GiB, 5MB or 1048576 (bytes), not "20G"; did you mean "20GB" or "20GiB"?"#
        ),
        ("max_size", "2PiB", "must be from 1B to 1PiB, not 2PiB"),
        ("max_size", "[1]", "must be a size such as 20GiB, 5MB or 1048576 (bytes), not a list"),
        ("max_size", "{a: 1}", "must be a size such as 20GiB, 5MB or 1048576 (bytes), not a map"),
        (
            "max_size", "~",
            "has no value; it must be a size such as 20GiB, 5MB or 1048576 (bytes), or leave the key out"
        ),
        ("max_size", "''", #"must be a size such as 20GiB, 5MB or 1048576 (bytes), not """#),
        ("expire_after", "60", #"must be a duration such as 500ms, 60s, 5m, 24h or 7d, not "60"; did you mean "60s"?"#),
        ("expire_after", "0s", "must be from 100ms to 3650d, not 0ms"),
        ("max_files", "0", "must be from 1 to 1000, not 0"),
        ("durability", "procss", #"must be process or power, not "procss"; did you mean "process"?"#),
        ("field", "[a]", "must be a text, not a list"),
    ])
    func `a value that is not of its key's kind is refused with what would be right`(
        key: String,
        text: String,
        complaint: String
    ) {
        let found = complaints("\(oneStore)uploads: {\(key): \(text)}")
        let column = 13 + key.utf8.count
        #expect(found == ["fphost.yaml:2:\(column): \"uploads.\(key)\" \(complaint)"])
    }

    @Test(arguments: ["yes", "True", "on", "1"])
    func `only true and false are truth values`(text: String) {
        #expect(
            complaints("\(oneStore)server: {demo: \(text)}") == [
                #"fphost.yaml:2:16: "server.demo" must be true or false, not "\#(text)"; did you mean "true"?"#
            ]
        )
    }

    @Test func `a key without a value is refused, a section without keys is not`() throws {
        #expect(
            complaints("\(oneStore)uploads:\n  max_files:\n") == [
                #"fphost.yaml:3:13: "uploads.max_files" has no value; it must be a whole number, or leave the key out"#
            ]
        )
        #expect(try load("\(oneStore)uploads:\nserver: {timeouts: }\n").uploads.maxFiles == 32)
    }

    @Test func `variables are replaced anywhere in a value, and two dollar signs are one`() throws {
        let yaml = oneStore + "uploads: {field: 'a${X}b${Y:-d}c$$${Z:-e}', max_files: \"${N}\"}"
        let settings = try load(yaml, environment: ["X": "x", "N": "7", "Z": ""])
        #expect(settings.uploads.field == "axbdc$e")
        #expect(settings.uploads.maxFiles == 7)
    }

    @Test func `a variable that is set to nothing is nothing, unless there is a default`() throws {
        let settings = try load("\(oneStore)uploads: {field: \"f${X}\"}", environment: ["X": ""])
        #expect(settings.uploads.field == "f")
    }

    @Test(arguments: [
        ("${NO}", 0, #"the environment variable "NO" is not set; set it, or give a default: ${NO:-default}"#),
        ("ab$x", 2, "a single $ means nothing; write ${NAME} for a variable, or $$ for a dollar sign"),
        ("abc$", 3, "a single $ means nothing; write ${NAME} for a variable, or $$ for a dollar sign"),
        ("a${b", 1, #""${" has no closing "}"; write ${NAME}, or $$ for a dollar sign"#),
        ("${}", 0, #""${}" is not a variable; write ${NAME} or ${NAME:-default}"#),
        ("${1A}", 0, #""${1A}" is not a variable; write ${NAME} or ${NAME:-default}"#),
        ("${A-b}", 0, #""${A-b}" is not a variable; write ${NAME} or ${NAME:-default}"#),
        ("${A:-$b}", 0, #""${A:-$b}" has a $ in its default; a default is plain text and refers to no variable"#),
    ])
    func `a variable that cannot be replaced is told of at its own column`(text: String, offset: Int, message: String) {
        let quoted = complaints("\(oneStore)uploads:\n  field: \"\(text)\"\n")
        #expect(quoted == ["fphost.yaml:3:\(11 + offset): \(message)"])
        let plain = complaints("\(oneStore)uploads:\n  field: \(text)\n")
        #expect(plain == ["fphost.yaml:3:\(10 + offset): \(message)"])
    }

    @Test func `variables cannot make a small file large`() {
        let uses = String(repeating: "${X}", count: 20)
        let yaml = "stores: {media: {plugin: LocalStore, options: {a: \"\(uses)\", b: \"\(uses)\"}}}"
        let environment = ["X": String(repeating: "x", count: 100_000)]
        #expect(
            complaints(yaml, environment: environment) == [
                "fphost.yaml:1:51: the variables in this file add more than 1MiB to it"
            ]
        )
    }
}
