import FPConfig
import Testing

struct ShippedFileTests {
    /// What the examples in the file take from the environment.
    private static let environment = [
        "AWS_ACCESS_KEY_ID": "key", "HOME": "/home/fp",
        "FPHOST_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "FPHOST_JWT_SECRET": String(repeating: "s", count: 32),
    ]

    @Test func `the shipped file loads without a warning and runs the demonstration on two LocalStores`() throws {
        let settings = try load(Repository.text("fphost.yaml"))
        #expect(settings.warnings == [])
        #expect(settings.server.demo)
        #expect(settings.server.listen == [.tcp(host: "127.0.0.1", port: 8080)])
        #expect(settings.server.basePath == "/fp")
        #expect(settings.storagesBackend == "media")
        #expect(settings.uploads.staging == "staging")
        #expect(settings.stores.keys.sorted() == ["media", "staging"])
        #expect(settings.stores.values.allSatisfy { $0.plugin == .name("LocalStore") })
        #expect(settings.catalog?.url == Secret("sqlite:/srv/fp/data/fphost.db"))
        #expect(settings.api.tokens == [.file(path: "/srv/fp/data/api-token")])
    }

    @Test func `the shipped file sets nothing but the demonstration, the stores and the token apart from the defaults`()
        throws
    {
        let shipped = try load(Repository.text("fphost.yaml"))
        var least = try load("stores: {staging: {plugin: LocalStore}, media: {plugin: LocalStore}}")
        least.server.demo = true
        least.api.tokens = shipped.api.tokens
        #expect(shipped.server == least.server)
        #expect(shipped.uploads == least.uploads)
        #expect(shipped.fetch == least.fetch)
        #expect(shipped.events == least.events)
        #expect(shipped.log == least.log)
        #expect(shipped.catalog == least.catalog)
        #expect(shipped.plugins == least.plugins)
        #expect(shipped.api == least.api)
    }

    @Test func `the shipped file loads with every optional key uncommented`() throws {
        let text = try Repository.text("fphost.yaml", uncommented: true)
        let settings = try load(text, environment: Self.environment)
        #expect(settings.stores.keys.sorted() == ["archive", "legacy", "media", "staging"])
        #expect(settings.server.cors?.origins == .exactly(["https://app.example.org", "https://localhost:5173"]))
        #expect(settings.fetch.allow.count == 2)
        #expect(settings.stores["media"]?.threads == 16)
        #expect(settings.stores["archive"]?.options["access_key"] != nil)
    }

    @Test func `the shipped file names every key, and each commented one with its default`() throws {
        let text = try Repository.text("fphost.yaml", uncommented: true)
        let settings = try load(text, environment: Self.environment)
        for option in Settings.schema where option.key != "stores.<name>.options" {
            let key = option.key.replacing("<name>", with: "media")
            guard let value = settings.effective.first(where: { $0.key == key }), let position = value.position else {
                Issue.record("fphost.yaml does not mention \(key)")
                continue
            }
            let line = text.split(separator: "\n", omittingEmptySubsequences: false)[position.line - 1]
            let written = line.drop { $0 != ":" }.dropFirst().drop { $0 == " " }
            if let fallback = option.defaultText, key != "server.demo" {
                // A list of several has brackets there.
                #expect(written == fallback || written == "[\(fallback)]", "\(key) at line \(position.line)")
            }
        }
    }
}
