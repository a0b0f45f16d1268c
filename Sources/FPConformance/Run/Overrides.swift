import FPContractDriver

/// Cases that an imperfect server cannot pass, with the reason for each.
///
/// A line is `ID: reason`; the id may have `*` in it. Empty lines and lines that begin with `#` say nothing. Such a file
/// is YAML too.
package struct Overrides {
    private let entries: [(pattern: String, reason: String)]

    package init() { entries = [] }

    /// - Throws: `DriverFailure` with the line that is wrong.
    package init(_ text: String, file: String) throws {
        var entries: [(String, String)] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.trimmed
            if line.isEmpty || line.hasPrefix("#") || line == "---" { continue }
            guard let colon = line.firstIndex(of: ":") else {
                throw DriverFailure("\(file):\(index + 1): a line is \"ID: reason\", not \"\(line)\"")
            }
            let pattern = line[..<colon].trimmed.unquoted
            let reason = line[line.index(after: colon)...].trimmed.unquoted
            guard !reason.isEmpty else { throw DriverFailure("\(file):\(index + 1): \(pattern) has no reason") }
            guard Suite.all.contains(where: { Suite.matches($0.id, pattern) }) else {
                throw DriverFailure("\(file):\(index + 1): there is no case \(pattern); see --list")
            }
            entries.append((pattern, reason))
        }
        self.entries = entries
    }

    /// The finding as the overrides have it.
    package func applied(to finding: Finding) -> Finding {
        guard let entry = entries.first(where: { Suite.matches(finding.subject.id, $0.pattern) }) else {
            return finding
        }
        var finding = finding
        switch finding.outcome.verdict {
        case .failed:
            finding.outcome.verdict = .excused
            finding.outcome.reason = "\(entry.reason) (\(finding.outcome.reason))"
        case .passed:
            finding.outcome.verdict = .unexpectedlyPassed
            finding.outcome.reason = "the overrides file says: \(entry.reason)"
        default: break
        }
        return finding
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        let body = drop { $0.isWhitespace }
        return String(body.prefix(body.count - body.reversed().prefix { $0.isWhitespace }.count))
    }

    fileprivate var unquoted: String {
        guard count >= 2, let first, first == last, first == "\"" || first == "'" else { return String(self) }
        return String(dropFirst().dropLast())
    }
}
