import FPConfig
import Testing

struct EventSettingsTests {
    private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    @Test func `nobody is told without a webhook, and each has its URL and its secrets`() throws {
        let bare = try load(oneStore).events
        #expect(bare.webhooks.isEmpty && bare.kinds == Settings.Events.Kind.allCases)
        let settings = try load(
            oneStore + """
                events:
                  webhooks: {search: "http://s/x", app: "https://a.example.org/?key=planted"}
                  secrets: {app: "${OLD} \(Self.secret)", search: env:OLD}
                  kinds: stored
                """, environment: ["OLD": Self.secret])
        let events = settings.events
        #expect(events.webhooks.map(\.name) == ["app", "search"])
        #expect(events.webhooks.map(\.secrets.count) == [2, 1])
        #expect(events.webhooks[0].url.value == "https://a.example.org/?key=planted")
        #expect(events.kinds == [.stored])
        let shown = settings.effective.map(\.text).joined(separator: "\n")
        #expect(!shown.contains("planted") && !shown.contains("whsec_"))
    }

    @Test(arguments: [
        ("{webhooks: {a: ftp://x/}, secrets: {a: SECRET}}", "must begin with http:// or https://"),
        ("{webhooks: {a: https://u:p@x/}, secrets: {a: SECRET}}", "remove them"),
        ("{webhooks: {a: https://x/}}", "has no secret in \"events.secrets\""),
        ("{webhooks: {a: https://x/}, secrets: {a: whsec_AAAA}}", "is not whsec_ and 24 to 64 bytes"),
        ("{secrets: {a: SECRET}}", "is not in \"events.webhooks\""),
        ("{kinds: gone}", "is no kind of event; known are completed, stored, deleted, expired, failed"),
        ("{kinds: []}", "\"events.kinds\" is empty"),
    ])
    func `what could not be sent, or told from a forged event, is refused`(_ events: String, _ complaint: String) {
        let found = complaints(oneStore + "events: \(events.replacing("SECRET", with: Self.secret))")
        #expect(found.count == 1 && found[0].contains(complaint), "\(found)")
        #expect(!found.joined().contains("whsec_Mf"))
    }
}
