/// How findings are written down.
package enum ReportFormat: String, Sendable, CaseIterable {
    /// For people: what failed, and how to see it again.
    case text
    /// Test Anything Protocol 13.
    case tap
    /// The XML that CI servers read.
    case junit
}

/// A report that grows by one finding after the other.
package struct Report {
    /// What the report is about.
    package struct Heading: Sendable {
        /// The plugin's name and version.
        package var plugin: String
        package var seed: UInt64
        /// The command that runs a case again, but for `--only`.
        package var command: String

        package init(plugin: String, seed: UInt64, command: String) {
            self.plugin = plugin
            self.seed = seed
            self.command = command
        }
    }

    private let heading: Heading
    private let format: ReportFormat
    private let print: (String) -> Void
    private let isVerbose: Bool
    private var findings: [Finding] = []

    package init(
        _ heading: Heading, format: ReportFormat, cases: Int, isVerbose: Bool, print: @escaping (String) -> Void
    ) {
        self.heading = heading
        self.format = format
        self.isVerbose = isVerbose
        self.print = print
        switch format {
        case .text: print("\(heading.plugin): \(cases) cases, seed \(heading.seed)")
        case .tap:
            print("TAP version 13")
            print("1..\(cases)")
        case .junit: break
        }
    }

    /// The number of findings with a verdict.
    package func count(_ verdict: Outcome.Verdict) -> Int { findings.count { $0.outcome.verdict == verdict } }

    package mutating func add(_ finding: Finding) {
        findings.append(finding)
        switch format {
        case .text: text(finding)
        case .tap: tap(finding)
        case .junit: break
        }
    }

    package func finish(left: [String]) {
        let time = findings.reduce(0) { $0 + $1.outcome.seconds }
        switch format {
        case .text:
            let parts = [
                "\(count(.passed)) passed", "\(count(.failed)) failed", "\(count(.skipped)) skipped",
                count(.excused) > 0 ? "\(count(.excused)) excused" : nil,
                count(.unexpectedlyPassed) > 0 ? "\(count(.unexpectedlyPassed)) passed although excused" : nil,
            ]
            print("\(heading.plugin): " + parts.compactMap(\.self).joined(separator: ", "))
        case .tap: break
        case .junit: print(junit(time))
        }
        for item in left where format != .junit { print((format == .tap ? "# " : "") + "left behind: \(item)") }
    }

    private func command(_ id: String) -> String { "\(heading.command) --only \(id) --seed \(heading.seed)" }

    private func clause(_ finding: Finding) -> String { finding.outcome.clause ?? "\(finding.subject.clause)" }

    private func text(_ finding: Finding) {
        let subject = finding.subject
        let reason = finding.outcome.reason
        switch finding.outcome.verdict {
        case .passed: if isVerbose { print("ok       \(subject.id)") }
        case .skipped: if isVerbose { print("skipped  \(subject.id): \(reason)") }
        case .excused: print("excused  \(subject.id): \(reason)")
        case .unexpectedlyPassed: print("passed   \(subject.id), although excused: \(reason)")
        case .failed:
            print("FAILED   \(subject.id): \(reason)")
            print("         promised: \(subject.promise) (fp_plugin.h, \(clause(finding)))")
            print("         again:    \(command(subject.id))")
        }
    }

    private func tap(_ finding: Finding) {
        let subject = finding.subject
        let name = "\(findings.count) - \(subject.id): \(subject.promise)".replacing("#", with: "\\#")
        let reason = finding.outcome.reason.replacing("\n", with: " ")
        switch finding.outcome.verdict {
        case .passed: print("ok \(name)")
        case .skipped: print("ok \(name) # SKIP \(reason)")
        case .excused: print("not ok \(name) # TODO \(reason)")
        case .unexpectedlyPassed: print("ok \(name) # TODO \(reason)")
        case .failed:
            print("not ok \(name)")
            print("  ---")
            print("  message: \(quoted(reason))")
            print("  clause: \(quoted(clause(finding)))")
            print("  again: \(quoted(command(subject.id)))")
            print("  ...")
        }
    }

    private func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: " ") + "\""
    }

    private func junit(_ time: Double) -> String {
        let failures = count(.failed)
        let skipped = count(.skipped) + count(.excused)
        let counts = "tests=\"\(findings.count)\" failures=\"\(failures)\" skipped=\"\(skipped)\""
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<testsuite name=\"\(escaped(heading.plugin))\" \(counts) errors=\"0\" time=\"\(milliseconds(time))\">",
            "  <properties><property name=\"seed\" value=\"\(heading.seed)\"/></properties>",
        ]
        for finding in findings { lines += junit(finding) }
        return (lines + ["</testsuite>"]).joined(separator: "\n")
    }

    private func junit(_ finding: Finding) -> [String] {
        let subject = finding.subject
        let group = subject.id.prefix { $0 != "." }
        let open =
            "  <testcase classname=\"\(group)\" name=\"\(escaped(subject.id))\" "
            + "time=\"\(milliseconds(finding.outcome.seconds))\""
        let reason = escaped(finding.outcome.reason)
        switch finding.outcome.verdict {
        case .passed: return [open + "/>"]
        case .skipped: return [open + "><skipped message=\"\(reason)\"/></testcase>"]
        case .excused: return [open + "><skipped message=\"excused: \(reason)\"/></testcase>"]
        case .unexpectedlyPassed:
            return [open + "><system-out>passed although excused: \(reason)</system-out></testcase>"]
        case .failed:
            return [
                open + ">", "    <failure type=\"\(escaped(clause(finding)))\" message=\"\(reason)\">",
                "promised: \(escaped(subject.promise))", "again: \(escaped(command(subject.id)))", "    </failure>",
                "  </testcase>",
            ]
        }
    }

    private func milliseconds(_ seconds: Double) -> String {
        let thousandths = Int(seconds * 1000)
        let fraction = String(thousandths % 1000)
        return "\(thousandths / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
    }

    /// Control characters are not allowed in XML, whatever a plugin prints.
    private func escaped(_ text: String) -> String {
        let printable = text.unicodeScalars.map { $0.value < 32 || $0.value == 0xFFFE || $0.value == 0xFFFF ? " " : $0 }
        return String(String.UnicodeScalarView(printable)).replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }
}
