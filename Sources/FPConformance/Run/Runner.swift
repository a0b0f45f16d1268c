import FPContractDriver
import Foundation
import Glibc

/// Runs cases, each in a process of its own, some side by side.
package struct Runner {
    private let plan: Plan
    private let jobs: Int

    /// - Parameter jobs: how many cases run side by side.
    package init(_ plan: Plan, jobs: Int) {
        self.plan = plan
        self.jobs = max(1, jobs)
    }

    /// What the plugin says of itself, asked in a process of its own: a plugin may crash or hang while it is loaded.
    /// - Throws: `DriverFailure` with what went wrong.
    package func describe() throws -> PluginDescription {
        let output = try RunningCase.unnamedFile()
        defer { close(output) }
        let child = try LineProcess(Job(role: .describe, plan: plan), output: output, leadsGroup: true)
        defer { child.killGroup() }
        guard let line = try? child.nextLine(within: 10) else {
            // Its answers end a moment before the process does.
            let end = MonotonicClock.seconds + 1
            var status = child.poll()
            while status == nil, MonotonicClock.seconds < end {
                usleep(5000)
                status = child.poll()
            }
            let what = status.map { "it \(RunningCase.text($0)) while it was being loaded" }
            throw DriverFailure(
                "plugin \(plan.plugin): \(what ?? "it was still being loaded after 10 s")."
                    + Self.lastWords(in: output) + " Install another release of it, or tell its author.")
        }
        let description = try JSONDecoder().decode(Description.self, from: Data(line))
        guard let plugin = description.plugin else {
            throw DriverFailure("\(plan.plugin): \(description.problem ?? "it cannot be loaded")")
        }
        return plugin
    }

    /// The last line that was printed into a file, as a sentence.
    private static func lastWords(in file: Int32) -> String {
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size > 0 else { return "" }
        var bytes = [UInt8](repeating: 0, count: 2000)
        let count = pread(file, &bytes, bytes.count, max(0, Int(status.st_size) - bytes.count))
        let lines = bytes.prefix(max(0, count)).split(separator: UInt8(ascii: "\n"))
        return lines.last.map { " Its last words: \(String(decoding: $0, as: UTF8.self))." } ?? ""
    }

    /// Runs the cases and gives each finding as soon as it is known, in the order of the cases.
    package func run(_ cases: [Case], _ report: (Finding) -> Void) throws {
        var waiting = ArraySlice(cases.indices)
        var running: [RunningCase] = []
        var done: [Int: Outcome] = [:]
        var next = cases.startIndex
        while next < cases.endIndex {
            while running.count < jobs, let index = waiting.popFirst() {
                running.append(try RunningCase(index, cases[index], plan))
            }
            RunningCase.wait(for: running)
            running.removeAll { running in
                guard let outcome = running.outcome() else { return false }
                done[running.index] = outcome
                return true
            }
            while next < cases.endIndex, let outcome = done.removeValue(forKey: next) {
                report(Finding(subject: cases[next], outcome: outcome))
                next += 1
            }
        }
    }

    /// Runs the cases one after the other in this very process, for a debugger. A crash ends it.
    package func runHere(_ cases: [Case], _ report: (Finding) -> Void) {
        for subject in cases { report(Finding(subject: subject, outcome: CaseRun.run(subject.id, plan))) }
    }

    /// Removes what was left behind by cases that were killed.
    /// - Returns: what could not be removed.
    package func cleanUp() -> [String] {
        guard let child = try? aside(.cleanUp) else { return ["everything below \(plan.prefix)/"] }
        defer { child.killGroup() }
        guard let line = try? child.nextLine(within: plan.timeLimit),
            let report = try? JSONDecoder().decode(CleanUp.Report.self, from: Data(line))
        else { return ["everything below \(plan.prefix)/: the plugin could not be asked"] }
        return report.left + (report.problem.map { ["what is below \(plan.prefix)/: \($0)"] } ?? [])
    }
}

extension Runner {
    /// A process beside the cases. What the plugin prints there is discarded, since it is not under test.
    private func aside(_ role: Job.Role) throws -> LineProcess {
        let nowhere = Pipe.raise(open("/dev/null", O_WRONLY | O_CLOEXEC))
        defer { close(nowhere) }
        return try LineProcess(Job(role: role, plan: plan), output: nowhere, leadsGroup: true)
    }
}

/// A case whose process is alive.
private final class RunningCase {
    let index: Int
    private let child: LineProcess
    private let output: Int32
    private let breadcrumb: Int32
    private let started = MonotonicClock.seconds
    private let limit: Double
    private var printed: [UInt8] = []

    init(_ index: Int, _ subject: Case, _ plan: Plan) throws {
        self.index = index
        // The case ends itself before, by its deadlines, if the plugin keeps them.
        limit = plan.timeLimit
        breadcrumb = try Self.unnamedFile()
        let pipe = try Pipe.make()
        output = pipe.reading
        _ = fcntl(output, F_SETFL, O_NONBLOCK)
        defer { close(pipe.writing) }
        child = try LineProcess(
            Job(role: .run(subject.id), plan: plan), output: pipe.writing, breadcrumb: breadcrumb, leadsGroup: true)
        _ = fcntl(child.answers, F_SETFL, O_NONBLOCK)
    }

    deinit {
        child.killGroup()
        close(output)
        close(breadcrumb)
    }

    /// Sleeps until one of them may have something to say.
    static func wait(for running: [RunningCase]) {
        var pollers = running.flatMap {
            [
                pollfd(fd: $0.child.answers, events: Int16(POLLIN), revents: 0),
                pollfd(fd: $0.output, events: Int16(POLLIN), revents: 0),
            ]
        }
        // The end of a process is not seen in its pipes, which something that it started may still hold.
        poll(&pollers, UInt(pollers.count), 5)
    }

    /// Nil while it runs.
    func outcome() -> Outcome? {
        drain()
        if let outcome = answer { return outcome }
        if let status = child.poll() {
            child.killGroup()
            drain()
            // It may have answered and ended since the first look.
            return answer ?? ended(withOutput(Outcome(.failed, "the plugin \(Self.text(status)) \(place)")))
        }
        if MonotonicClock.seconds - started > limit {
            child.killGroup()
            return ended(
                Outcome(.failed, "not finished after \(Int(limit)) s, and killed \(place)", clause: "R4 BLOCKING"))
        }
        return nil
    }

    /// What the case itself has to say, once it has said it.
    private var answer: Outcome? {
        guard let end = child.pending.firstIndex(of: UInt8(ascii: "\n")),
            let outcome = try? JSONDecoder().decode(Outcome.self, from: Data(child.pending[..<end]))
        else { return nil }
        child.killGroup()
        drain()
        return ended(withOutput(outcome))
    }

    private func ended(_ outcome: Outcome) -> Outcome {
        var outcome = outcome
        outcome.seconds = MonotonicClock.seconds - started
        return outcome
    }

    private var place: String {
        let crumb = Breadcrumb.read(breadcrumb)
        if crumb.isEmpty { return "before its first call" }
        return crumb.hasPrefix("after ") ? crumb : "in \(crumb)"
    }

    private func withOutput(_ outcome: Outcome) -> Outcome {
        guard !printed.isEmpty, outcome.verdict == .failed else { return outcome }
        var outcome = outcome
        let text = String(decoding: printed.suffix(500), as: UTF8.self)
            .split(whereSeparator: \.isNewline).suffix(4).joined(separator: " | ")
        outcome.reason += "; it printed: \(text)"
        return outcome
    }

    /// Takes in what is there and never waits for an end.
    private func drain() {
        while child.readMore() {}
        var chunk = [UInt8](repeating: 0, count: 65536)
        while case let count = read(output, &chunk, chunk.count), count > 0 {
            if printed.count < 1 << 20 { printed += chunk.prefix(count) }
        }
    }

    fileprivate static func text(_ status: Int32) -> String {
        let signal = status & 0x7F
        guard signal != 0 else { return "ended the process with status \((status >> 8) & 0xFF)" }
        return "crashed with signal \(signal) (\(String(cString: strsignal(signal))))"
    }

    fileprivate static func unnamedFile() throws -> Int32 {
        var template = Array(
            "\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/fphost-validate-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw DriverFailure("no temporary file: \(String(cString: strerror(errno)))") }
        unlink(template)
        return Pipe.raise(descriptor)
    }
}
