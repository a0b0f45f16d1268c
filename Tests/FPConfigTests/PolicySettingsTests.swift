import FPConfig
import Testing

struct PolicySettingsTests {
    @Test func `keys of policies are given in the file, by the environment or as files that are read at the start`()
        throws
    {
        let settings = try load(
            oneStore + "authentication: {policies: {keys: {a: plain, b: env:KEY, 2026-11: 'file:./key'}}}",
            environment: ["KEY": "from the environment"])
        let policies = try #require(settings.authentication.policies)
        #expect(policies.keys.map(\.id) == ["a", "b", "2026-11"])
        #expect(policies.keys[0].secret == .value(Secret("plain")))
        #expect(policies.keys[1].secret == .value(Secret("from the environment")))
        #expect(policies.keys[2].secret == .file(path: "/srv/fp/key"))
        #expect(!settings.authentication.isEmpty)
        let shown = settings.effective.filter { $0.key.hasPrefix("authentication.policies") }.map(\.text)
        #expect(shown == ["***"])
    }

    @Test func `without a key there are no policies`() throws {
        #expect(try load(oneStore).authentication.policies == nil)
        #expect(
            complaints(oneStore + "authentication: {policies: {keys: {}}}") == [
                "fphost.yaml:2:35: \"authentication.policies.keys\" is empty; name a key, or leave it out"
            ])
    }

    @Test func `a variable that is not set, a key given twice and a key without a value are refused`() {
        let complaint = complaints(oneStore + "authentication: {policies: {keys: {a: env:KEY}}}")
        #expect(complaint.count == 1 && complaint[0].contains("\"KEY\", which is not set"), "\(complaint)")
        #expect(complaints(oneStore + "authentication: {policies: {keys: {a: x, a: y}}}").count == 1)
        #expect(complaints(oneStore + "authentication: {policies: {keys: {a: }}}").count == 1)
    }
}
