import FPConfig
import FPFormats
import Glibc
import Testing

/// Secrets: where they come from, and that they do not get out.
struct SecretTests {
    @Test(arguments: [("secret\n", "secret"), ("secret\r\n", "secret"), ("secret", "secret"), ("a\nb\n\n", "a\nb\n")])
    func `a secret file is read without the newline at its end`(content: String, secret: String) throws {
        let scratch = try ScratchDirectory()
        try scratch.write("key", content)
        #expect(try password("file:key", in: scratch) == secret)
    }

    @Test func `a secret may be named relative to the file, from the home directory, or by a variable`() throws {
        let scratch = try ScratchDirectory()
        try scratch.write("key", "s3cret")
        #expect(try password("file:./key", in: scratch) == "s3cret")
        #expect(try password("file:\(scratch.path)/key", in: scratch) == "s3cret")
        #expect(try password("file:~/key", in: scratch, ["HOME": scratch.path]) == "s3cret")
        #expect(try password("file:${DIR}/key", in: scratch, ["DIR": scratch.path]) == "s3cret")
        #expect(try password("env:KEY", in: scratch, ["KEY": "s3cret"]) == "s3cret")
        #expect(try password("${KEY}", in: scratch, ["KEY": "s3cret"]) == "s3cret")
    }

    @Test func `what a variable holds is never taken for a reference`() throws {
        let scratch = try ScratchDirectory()
        #expect(try password("${KEY}", in: scratch, ["KEY": "file:/etc/hostname"]) == "file:/etc/hostname")
    }

    @Test func `a secret file that cannot be read is refused with its path and without its content`() throws {
        let scratch = try ScratchDirectory()
        try scratch.write("empty", "\n")
        try scratch.write("binary", "a\u{0}b")
        try scratch.write("large", String(repeating: "x", count: (64 << 10) + 1))
        try scratch.makeDirectory("directory")
        let faults = [
            "none": "does not exist; create it or correct the path",
            "empty": "is empty; write the secret into it",
            "binary": "is not UTF-8 text; write the secret as text",
            "large": "is larger than 64KiB; name the right file",
            "directory": "is not a regular file; name a file",
            "../../../../../dev/zero": "is not a regular file; name a file",
        ]
        for (name, fault) in faults {
            let errors = try #require(throws: ConfigErrors.self) { _ = try password("file:\(name)", in: scratch) }
            #expect(
                errors.description == "fphost.yaml:1:58: \"stores.media.options.password\": "
                    + "the secret file \(scratch.path)/\(name) \(fault)"
            )
        }
    }

    @Test func `a pipe in the place of a secret file does not block the start`() throws {
        let scratch = try ScratchDirectory()
        let path = scratch.path + "/pipe"
        #expect(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        let errors = try #require(throws: ConfigErrors.self) { _ = try password("file:pipe", in: scratch) }
        #expect(errors.description.hasSuffix("is not a regular file; name a file"))
    }

    @Test func `a variable that is not set, or set to nothing, is no secret`() throws {
        let scratch = try ScratchDirectory()
        for environment in [[:], ["KEY": ""]] {
            let errors = try #require(throws: ConfigErrors.self) {
                _ = try password("env:KEY", in: scratch, environment)
            }
            #expect(
                errors.description == #"fphost.yaml:1:58: "stores.media.options.password" takes its value from the "#
                    + #"environment variable "KEY", which is not set; set it"#
            )
        }
    }

    @Test(arguments: [(mode_t(0o644), "every user of this machine"), (0o640, "its group")])
    func `a secret file that others can read is warned of`(mode: mode_t, who: String) throws {
        let scratch = try ScratchDirectory()
        let path = try scratch.write("key", "s3cret", mode: mode)
        let warning = "warning: the secret file \(path) is open to \(who); run chmod 600 on it"
        #expect(try checked("file:key", in: scratch).warnings.map(\.description) == ["fphost.yaml:1:58: " + warning])
        let settings = try load("\(oneStore)api: {tokens: file:key}", directory: scratch.path)
        #expect(settings.warnings.map(\.description) == ["fphost.yaml:2:15: " + warning])
    }

    @Test func `the key of a certificate that others can read is warned of, and so is a certificate for no address`()
        throws
    {
        let scratch = try ScratchDirectory()
        try scratch.write("key.pem", "key", mode: 0o644)
        let tls = "tls: {certificate: cert.pem, key: key.pem}}"
        let used = try load(oneStore + "server: {listen: 'https://:443', " + tls, directory: scratch.path)
        let exposure =
            "the secret file \(scratch.path)/key.pem is open to every user of this machine; run chmod 600 on it"
        #expect(used.warnings.map(\.message) == [exposure])
        let unused = try load(oneStore + "server: {" + tls, directory: scratch.path)
        let idle = #""server.tls" is for no address; write https:// before one of "server.listen""#
        #expect(Set(unused.warnings.map(\.message)) == [idle, exposure])
    }

    @Test func `a token file need not exist, but must not be something else than a file`() throws {
        let scratch = try ScratchDirectory()
        try scratch.makeDirectory("directory")
        let settings = try load("\(oneStore)api: {tokens: [file:none]}", directory: scratch.path)
        #expect(settings.api.tokens == [.file(path: scratch.path + "/none")])
        #expect(
            complaints("\(oneStore)api: {tokens: [file:directory]}", directory: scratch.path) == [
                "fphost.yaml:2:16: a token in \"api.tokens\" names \(scratch.path)/directory, which is not a regular "
                    + "file; name a file"
            ]
        )
    }

    @Test func `a token that no header can carry is refused, and a short one is warned of`() throws {
        #expect(
            complaints("\(oneStore)api: {tokens: ['two words of a token']}") == [
                #"fphost.yaml:2:16: a token in "api.tokens" cannot be sent in an Authorization header; "#
                    + "use letters, digits and -._~+/ only, perhaps with = at the end"
            ]
        )
        #expect(complaints("\(oneStore)api: {tokens: ['']}").count == 1)
        let settings = try load("\(oneStore)api: {tokens: [short]}")
        #expect(
            settings.warnings.map(\.description) == [
                #"fphost.yaml:2:16: warning: a token in "api.tokens" is shorter than 16 characters and may be guessed; make it longer"#
            ]
        )
        #expect(
            complaints("\(oneStore)api: {tokens: [env:TOKEN]}") == [
                #"fphost.yaml:2:16: "api.tokens" takes its value from the environment variable "TOKEN", which is not set; set it"#
            ]
        )
    }

    @Test func `no secret is shown by print, debugPrint, dump or the list of settings`() throws {
        let scratch = try ScratchDirectory()
        try scratch.write("key", "hunter2-in-a-file")
        let yaml = """
            stores:
              media:
                plugin: LocalStore
                options: {password: file:key, other: hunter2-as-a-literal, user: fp}
            api: {tokens: [hunter2-token-literal, env:TOKEN]}
            catalog: postgresql://fp:hunter2@db/fp
            """
        let environment = ["TOKEN": "hunter2-token-in-environment", "PATH": "hunter2-anywhere"]
        let settings = try load(yaml, directory: scratch.path, environment: environment)
        let schema = [
            OptionSchema("password", .string, .secret), OptionSchema("other", .string, .secret),
            OptionSchema("user", .string),
        ]
        let checked = try #require(settings.options(ofStore: "media", against: schema)).get()
        #expect(checked.root["password"]?.text == "hunter2-in-a-file")
        var dumped = ""
        dump(settings, to: &dumped)
        dump(checked, to: &dumped)
        let shown = [
            "\(settings)", String(reflecting: settings), "\(checked)", String(reflecting: checked), dumped,
            "\(settings.effective)", settings.effective.map(\.text).joined(), checked.root.description,
        ]
        for text in shown {
            #expect(!text.contains("hunter2"))
        }
        #expect(checked.root.description == "{password: ***, other: ***, user: fp}")
        let tokens = try #require(settings.effective.first { $0.key == "api.tokens" })
        #expect(tokens.text == "[***, ***]")
        #expect(tokens.position?.line == 5)
        let level = try #require(settings.effective.first { $0.key == "log.level" })
        #expect(level.text == "info")
        #expect(level.position == nil)
    }

    @Test func `a complaint about a secret does not show it`() throws {
        let scratch = try ScratchDirectory()
        let schema = [OptionSchema("pin", .int, .secret)]
        let settings = try load("stores: {media: {plugin: X, options: {pin: hunter2}}}", directory: scratch.path)
        let result = try #require(settings.options(ofStore: "media", against: schema))
        let errors = try #require(throws: ConfigErrors.self) { _ = try result.get() }
        #expect(
            errors.description
                == #"fphost.yaml:1:44: "stores.media.options.pin" must be a whole number; the value is not shown"#
        )
    }

    private func password(_ value: String, in scratch: ScratchDirectory, _ environment: [String: String] = [:]) throws
        -> String?
    {
        let options = try checked(value, in: scratch, environment)
        #expect(options.root["password"]?.isSecret == true)
        return options.root["password"]?.text
    }

    private func checked(
        _ value: String,
        in scratch: ScratchDirectory,
        _ environment: [String: String] = [:]
    ) throws -> CheckedOptions {
        let yaml = "stores: {media: {plugin: LocalStore, options: {password: \"\(value)\"}}}"
        let settings = try load(yaml, directory: scratch.path, environment: environment)
        let schema = [OptionSchema("password", .string, .secret)]
        return try #require(settings.options(ofStore: "media", against: schema)).get()
    }
}
