import FPConformance
import Foundation
import FoundationXML
import Testing

@Suite("Conformance kit: reports and overrides")
struct ReportTests {
    /// What becomes of one passed, one failed and one skipped case.
    private func report(_ format: ReportFormat, _ overrides: Overrides = Overrides()) async throws -> (
        text: String, failed: Int
    ) {
        let trial = Trial(
            plugin: try await Liar.library(), options: ["lie": "size-with-header"])
        let findings = try await trial.runLying(["stat.absent", "stat.size", "rewind.unsupported"])
        var lines: [String] = []
        let heading = Report.Heading(plugin: "Liar 1.0.0", seed: 7, command: "fphost plugin validate 'a <b>'")
        var report = Report(heading, format: format, cases: 3, isVerbose: false) { lines.append($0) }
        for finding in findings { report.add(overrides.applied(to: finding)) }
        report.finish(left: [])
        return (lines.joined(separator: "\n"), report.count(.failed))
    }

    @Test("The text names the case, the promise, its place and the command that runs it again")
    func text() async throws {
        let report = try await report(.text)
        #expect(report.failed == 1)
        #expect(report.text.contains("FAILED   stat.size: stat gives"))
        #expect(report.text.contains("promised: stat gives the size of the whole object (fp_plugin.h, fp_info)"))
        #expect(report.text.contains("again:    fphost plugin validate 'a <b>' --only stat.size --seed 7"))
        #expect(report.text.hasSuffix("Liar 1.0.0: 1 passed, 1 failed, 1 skipped"))
    }

    @Test("TAP counts every case and says why one is skipped")
    func tap() async throws {
        let lines = try await report(.tap).text.split(separator: "\n")
        #expect(lines.prefix(2) == ["TAP version 13", "1..3"])
        #expect(lines.count { $0.hasPrefix("ok ") } == 2)
        #expect(lines.count { $0.hasPrefix("not ok ") } == 1)
        #expect(lines.contains { $0.contains("rewind.unsupported") && $0.contains("# SKIP it declares") })
    }

    @Test("JUnit is well-formed XML with the same counts")
    func junit() async throws {
        let text = try await report(.junit).text
        #expect(text.contains("tests=\"3\" failures=\"1\" skipped=\"1\""))
        #expect(text.contains("name=\"stat.size\""))
        #expect(text.contains("'a &lt;b&gt;'"))
        #expect(text.components(separatedBy: "<testcase").count == 4)
        #expect(XMLParser(data: Data(text.utf8)).parse())
    }

    @Test("An excused case does not fail the run, and one that passes is reported")
    func excused() async throws {
        let overrides = try Overrides(
            "# known\nstat.size: \"the server counts its own header\"\n\nstat.a*: it was slow once\n",
            file: "known.yaml")
        let report = try await report(.text, overrides)
        #expect(report.failed == 0)
        #expect(report.text.contains("excused  stat.size: the server counts its own header (stat gives"))
        #expect(
            report.text.contains("passed   stat.absent, although excused: the overrides file says: it was slow once"))
        #expect(report.text.contains("0 passed, 0 failed, 1 skipped, 1 excused, 1 passed although excused"))
    }

    @Test(
        "A line of an overrides file that says nothing is refused with its place",
        arguments: [
            ("stat.size", "known:1: a line is \"ID: reason\""), ("\nstat.size:", "known:2: stat.size has no reason"),
            ("stat.sise: typo", "known:1: there is no case stat.sise"),
        ])
    func badOverrides(_ text: String, _ complaint: String) {
        do {
            _ = try Overrides(text, file: "known")
            Issue.record("it was accepted")
        } catch {
            #expect("\(error)".contains(complaint))
        }
    }
}
