import FPConformance
import Foundation
import Support
import Testing

@Suite("Conformance kit: the runner")
struct RunnerTests {
    @Test("Every case has an id of its own and a promise of one line")
    func ids() {
        let ids = Suite.all.map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(ids.count >= 150)
        for subject in Suite.all {
            #expect(subject.id.wholeMatch(of: #/[a-z]+(\.[a-z0-9_-]+)+/#) != nil, "\(subject.id)")
            #expect(!subject.promise.isEmpty && !subject.promise.contains("\n"))
        }
    }

    @Test("A pattern names a case, a group, or whatever fits its stars")
    func patterns() {
        #expect(Suite.matching(["read.empty"]).map(\.id) == ["read.empty"])
        #expect(Suite.matching(["rewind"]).allSatisfy { $0.id.hasPrefix("rewind.") })
        #expect(Suite.matching(["rewind"]).count > 5)
        #expect(Suite.matching(["resume.kill-*.first-token"]).count > 10)
        #expect(Suite.matching(["rea"]).isEmpty)
    }

    @Test("A crash is told with its signal and the call in which it came")
    func crash() async throws {
        let finding = try await lie("destroy-crashes", "life.unused")
        // A sanitizer turns the signal into an exit.
        #expect(
            finding.outcome.reason.contains("crashed with signal 11")
                || finding.outcome.reason.contains("ended the process with status"))
        #expect(finding.outcome.reason.contains(" in destroy"))
    }

    @Test("A plugin that ends the process is told with its status and call")
    func exit() async throws {
        let finding = try await lie("exits", "write.commit-short")
        #expect(finding.outcome.reason.contains("status 3 in write_commit"))
    }

    @Test("A hang is ended at the time limit, and told with the call in which it hangs")
    func hang() async throws {
        let finding = try await lie("hangs", "stat.absent", timeLimit: 3)
        #expect(finding.outcome.reason.contains("killed in stat"))
        #expect(finding.outcome.clause == "R4 BLOCKING")
    }

    @Test("A broken rule that the case is not about is named by its own number")
    func clause() async throws {
        let finding = try await lie("read-overrun", "read.byte-by-byte")
        #expect(finding.outcome.clause == "R2 MEMORY")
        #expect("\(finding.subject.clause)" == "read")
    }

    @Test("The least possible plugin passes what it does not skip, and keeps less than half of the cases")
    func minimal() async throws {
        let findings = try await Trial(plugin: try await Liar.library(source: "minimal", name: "Minimal")).run()
        let failed = findings.filter { $0.outcome.verdict == .failed }.map { "\($0.subject.id): \($0.outcome.reason)" }
        #expect(failed == [])
        #expect(findings.count { $0.outcome.verdict == .passed } > 150)
        for finding in findings where finding.outcome.verdict == .skipped { #expect(!finding.outcome.reason.isEmpty) }
    }

    @Test("Nothing is left in the store after a run")
    func cleansUp() async throws {
        let directory = try TemporaryDirectory()
        let store = directory.url.appendingPathComponent("store").path
        let trial = Trial(plugin: try await Liar.library(), options: ["location": store])
        _ = try await trial.run(["write.abort", "resume", "list.pages", "pending", "race", "threads"])
        #expect(directory.files(below: "store") == [])
    }

    private func lie(_ name: String, _ id: String, timeLimit: Double = 20) async throws -> Finding {
        let trial = Trial(plugin: try await Liar.library(), options: ["lie": name], timeLimit: timeLimit)
        let finding = try #require(try await trial.runLying([id]).first)
        try #require(finding.outcome.verdict == .failed)
        return finding
    }
}
