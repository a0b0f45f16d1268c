import FPConformance
import Foundation
import Testing

@Suite("Conformance kit: lies")
struct LieTests {
    @Test("The honest plugin passes every case, those about an absent and a silent back-end too")
    func honest() async throws {
        let trial = Trial(
            plugin: try await Liar.library(), options: ["secret": "open sesame"], unreachable: true, stalled: true)
        let findings = try await trial.run()
        let failed = findings.filter { $0.outcome.verdict == .failed }.map { "\($0.subject.id): \($0.outcome.reason)" }
        #expect(failed == [])
        #expect(findings.count == Suite.all.count)
        // Those about metadata follow a link, and it makes none.
        let skipped = findings.filter { $0.outcome.verdict == .skipped && !$0.subject.id.contains("metadata") }
        #expect(skipped.count < 10, "\(skipped.map(\.subject.id))")
    }

    @Test("Every lie is seen by its case", arguments: Lie.all)
    func lie(_ lie: Lie) async throws {
        let trial = Trial(
            plugin: try await Liar.library(), options: ["lie": lie.name, "secret": "open sesame"], unreachable: true,
            stalled: true, timeLimit: lie.hangs ? 6 : 60)
        let finding = try #require(try await trial.runLying([lie.seenBy]).first)
        #expect(finding.subject.id == lie.seenBy)
        #expect(finding.outcome.verdict == .failed, "\(finding.outcome.reason)")
        #expect(!finding.outcome.reason.contains("open sesame"))
        #expect(lie.hangs || !finding.outcome.reason.contains("not finished"), "\(finding.outcome.reason)")
    }

    @Test(
        "Every lie of the table is seen",
        arguments: [
            (Liar.TableLie.extraSymbol, "abi.symbols"), (.movingTable, "abi.entry-idempotent"),
            (.badVersion, "abi.version"), (.missingSlot, "abi.required-slots"), (.badOption, "abi.options"),
            (.missingPending, "caps.slots"), (.busyEntry, "abi.entry-quiet"),
        ])
    func tableLie(_ lie: Liar.TableLie, _ id: String) async throws {
        let trial = Trial(plugin: try await Liar.library(lie))
        let finding = try #require(try await trial.runLying([id]).first)
        #expect(finding.outcome.verdict == .failed, "\(finding.outcome.reason)")
        let honest = try #require(try await Trial(plugin: try await Liar.library()).run([id]).first)
        #expect(honest.outcome.verdict == .passed, "\(honest.outcome.reason)")
    }

    @Test("Every lie that liar.c knows is in the table of lies")
    func complete() throws {
        let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "TestPlugins/liar.c")
        let text = try String(contentsOf: source, encoding: .utf8)
        let known = Set(text.matches(of: #/(?:lies\([^"]*|: "", |ptr, )"([a-z-]+)"/#).map { String($0.1) })
        #expect(known == Set(Lie.all.map(\.name)))
    }
}
