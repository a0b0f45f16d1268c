import FPConfig
import Testing

/// Stores and which of them does what.
struct StoreTests {
    @Test(
        arguments: [
            // stores, storages_backend, uploads.staging -> backend, staging
            ("media", nil, nil, "media", "media"),
            ("staging", nil, nil, "staging", "staging"),
            ("staging media", nil, nil, "media", "staging"),
            ("media staging", "staging", nil, "staging", "staging"),
            ("a b", nil, "b", "a", "b"),
            ("a b c", "c", "b", "c", "b"),
            ("a staging c", "a", nil, "a", "staging"),
            ("a staging c", "a", "c", "a", "c"),
        ] as [(String, String?, String?, String, String)])
    func `the file says which store does what, or there is only one way`(
        stores: String,
        statedBackend: String?,
        statedStaging: String?,
        backend: String,
        staging: String
    ) throws {
        let settings = try load(file(stores, statedBackend, statedStaging))
        #expect(settings.storagesBackend == backend)
        #expect(settings.uploads.staging == staging)
    }

    @Test(
        arguments: [
            (
                "a b", nil, "b c",
                #"fphost.yaml:3:20: "uploads.staging" names "b c", but there is no such store; choose "a" or "b""#
            ),
            (
                "media b staging", "meda", nil,
                #"fphost.yaml:2:19: "storages_backend" names "meda", but there is no such store; did you mean "media"?"#
            ),
            (
                "a b staging", nil, nil,
                #"fphost.yaml:1:1: the file lacks the key "storages_backend": it says which store takes what the application stores, "a" or "b""#
            ),
            (
                "a b", "a", nil,
                #"fphost.yaml:1:1: the file lacks the key "uploads.staging": it says which store takes temporary uploads, "a" or "b""#
            ),
        ] as [(String, String?, String?, String)])
    func `a role that no store can be found for is refused`(
        stores: String,
        statedBackend: String?,
        statedStaging: String?,
        complaint: String
    ) {
        #expect(complaints(file(stores, statedBackend, statedStaging)).contains(complaint))
    }

    @Test(arguments: [
        ("stores: {}", #"1:1: "stores" is empty; name at least one, such as "media" with "plugin: LocalStore""#),
        ("stores:", #"1:1: "stores" is empty; name at least one, such as "media" with "plugin: LocalStore""#),
        (
            "stores: [a]",
            #"1:9: "stores" must be a map of stores, not a list; name at least one, such as "media" with "plugin: LocalStore""#
        ),
        (
            "stores: {Media: {plugin: X}}",
            #"1:10: "Media" cannot be the name of a store; use up to 63 lower-case letters, digits, _ and -, beginning with a letter"#
        ),
        (
            "stores: {a.b: {plugin: X}}",
            #"1:10: "a.b" cannot be the name of a store; use up to 63 lower-case letters, digits, _ and -, beginning with a letter"#
        ),
        (
            "stores: {m: }",
            #"1:10: "stores.m" lacks the key "plugin"; it says: The storage plugin: the name of one in `plugins"#
        ),
        (
            "stores: {m: X}",
            #"1:13: "stores.m" must be a map with keys (plugin, sha256, threads, queue, deadline, long_deadline, downloads, options), not a single value"#
        ),
        (
            "stores: {m: {plugin: X, deadline: 20s, long_deadline: 10s}}",
            #"1:55: "stores.m.long_deadline" is 10s, less than "stores.m.deadline" (20s); make it larger, or the other smaller"#
        ),
        (
            "stores: {m: {plugin: 'a b'}}",
            #"1:22: "stores.m.plugin" must be a plugin's name, such as LocalStore, or the absolute path of a library, not "a b""#
        ),
        (
            "stores: {m: {plugin: ./x.so}}",
            #"1:22: "stores.m.plugin" must be absolute if it is a path; did you mean "/srv/fp/x.so"?"#
        ),
        (
            "stores: {m: {plugin: /no/such.so}}",
            #"1:22: "stores.m.plugin" names /no/such.so, which is not a file; correct the path"#
        ),
        (
            "stores: {m: {plugin: X, sha256: abc}}",
            #"1:33: "stores.m.sha256" must be 64 hexadecimal digits, as sha256sum prints them, not "abc""#
        ),
        ("stores: {m: {plugin: X, threads: 0}}", #"1:34: "stores.m.threads" must be from 1 to 1024, not 0"#),
        ("stores: {m: {plugin: X, options: [a]}}", #"1:34: "stores.m.options" must be a map of options, not a list"#),
        ("stores: {m: {plugin: X, config: {}}}", #"1:25: unknown key "config" in "stores.m"; did you mean "options"?"#),
    ])
    func `a store that is not well described is refused with what would be right`(yaml: String, complaint: String) {
        #expect(complaints(yaml) == ["fphost.yaml:\(complaint)"])
    }

    @Test func `a store's name has up to 63 characters`() throws {
        let name = "m" + String(repeating: "-", count: 62)
        #expect(try load("stores: {\(name): {plugin: X}}").storagesBackend == name)
        #expect(complaints("stores: {\(name)x: {plugin: X}}").count == 1)
    }

    private func file(_ stores: String, _ backend: String?, _ staging: String?) -> String {
        let maps = stores.split(separator: " ").map { "\($0): {plugin: LocalStore}" }.joined(separator: ", ")
        return """
            stores: {\(maps)}
            \(backend.map { "storages_backend: \($0)" } ?? "log:")
            \(staging.map { "uploads: {staging: \($0)}" } ?? "uploads:")
            """
    }
}
