import FPConfig
import Testing

struct BasicSettingsTests {
    @Test func `users with passwords are a file, and what all of them may do`() throws {
        let bare = try load(oneStore + "authentication: {basic: {file: htpasswd}}").authentication
        #expect(!bare.isEmpty)
        let basic = try #require(bare.basic)
        #expect(basic.file == "/srv/fp/htpasswd" && basic.realm == "fphost")
        #expect(basic.scopes == [] && basic.roles == [])
        let full = try load(
            oneStore + "authentication.basic: {file: /etc/users, realm: Our uploads, scopes: [a, b:c], roles: staff}")
        let whole = try #require(full.authentication.basic)
        #expect(whole.file == "/etc/users" && whole.realm == "Our uploads")
        #expect(whole.scopes == ["a", "b:c"] && whole.roles == ["staff"])
    }

    @Test(arguments: [
        ("{realm: a}", "\"authentication.basic.realm\" does nothing without \"authentication.basic.file\"; name one"),
        ("{scopes: a}", "\"authentication.basic.scopes\" does nothing without \"authentication.basic.file\"; name one"),
        (
            "{file: f, realm: 'a\"b'}",
            "\"authentication.basic.realm\" must be printable ASCII without quotes and backslashes"
        ),
        (
            "{file: f, realm: ü}",
            "\"authentication.basic.realm\" must be printable ASCII without quotes and backslashes"
        ),
        (
            "{file: f, scopes: [a b]}",
            "\"a b\" in \"authentication.basic.scopes\" must be one word of printable ASCII without quotes"
        ),
    ])
    func `what would do nothing, or cannot be sent, is refused`(_ basic: String, _ complaint: String) {
        let found = complaints(oneStore + "authentication: {basic: \(basic)}")
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix(complaint) == true, "\(found)")
    }

    @Test func `the file of tokens need not exist, but cannot be a directory`() throws {
        #expect(
            try load(oneStore + "authentication: {tokens: ./data/tokens}").authentication.tokens
                == "/srv/fp/data/tokens")
        let directory = try ScratchDirectory()
        let found = complaints(oneStore + "authentication: {tokens: \(directory.path)}")
        #expect(found.count == 1 && found[0].contains("not a regular file"), "\(found)")
    }
}
