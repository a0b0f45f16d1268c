import ArgumentParser
import FPConformance
import FPContractDriver
import FPStorage
import Foundation

/// `fphost plugin validate`
struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Put a plugin to the test: does it keep every promise of fp_plugin.h?",
        discussion: """
            Runs each case in a process of its own, with keys below a random prefix, and removes what it has made. The \
            plugin needs options that lead it to a back-end of its own; they come from -o or from a store of a \
            configuration file. The exit status is 0 if nothing failed, 1 if something did, 78 if the plugin cannot be \
            tested at all.
            """)

    @Argument(help: "The plugin's name, or the path of its file.", completion: .file(extensions: ["so"]))
    var plugin: String?

    @OptionGroup var options: PluginOptionSource

    @Option(help: ArgumentHelp("Only this case, group (read) or pattern (resume.kill-*).", valueName: "pattern"))
    var only: [String] = []

    @Option(help: "Brings back the random choices of an earlier run.")
    var seed: UInt64?

    @Option(help: ArgumentHelp("Cases that may fail, one a line: \"ID: reason\".", valueName: "file"))
    var overrides: String?

    @Option(help: "How to report: text, tap or junit; with --list also markdown.")
    var format = ValidateFormat.text

    @Option(help: ArgumentHelp("Write the report here instead of to standard output.", valueName: "file"))
    var output: String?

    @Option(help: "Seconds that one case may take.")
    var timeout: Double = 60

    @Option(help: "Cases that run side by side.")
    var jobs: Int?

    @Flag(help: "Run the cases in this process, one after the other, for a debugger.")
    var inProcess = false

    @Flag(help: "Print the cases and run none.")
    var list = false

    @Flag(help: "Print passed and skipped cases too.")
    var verbose = false

    func validate() throws {
        if !list, plugin == nil { throw ValidationError("Name a plugin, or give the path of one.") }
        if !list, format == .markdown { throw ValidationError("--format markdown is for --list.") }
        if timeout <= 0 { throw ValidationError("--timeout must be more than 0.") }
    }

    func run() throws {
        do {
            try validatePlugin()
        } catch let refusal as Refusal {
            printError(refusal.message)
            throw ExitCode(refusal.status.rawValue)
        } catch let failure as DriverFailure {
            printError(failure.description)
            throw ExitCode(Refusal.Status.configuration.rawValue)
        }
    }

    private func validatePlugin() throws {
        let cases = Suite.matching(only)
        guard !cases.isEmpty else { throw Refusal(.configuration, "no case is called \(only.joined(separator: ", "))") }
        let printer = try ReportPrinter(output)
        if list { return printer.list(cases, format) }
        let file = try PluginFile.path(of: plugin ?? "")
        let seed = seed ?? UInt64.random(in: 1...999_999_999)
        let command = [try PluginFile.ownExecutable(), "plugin", RunCaseCommand.name]
        var plan = Plan(plugin: file, seed: seed, command: command, timeLimit: timeout)
        let described = try Runner(plan, jobs: 1).describe()
        try options.fill(&plan, for: described)
        let overrides = try overrides.map { try Overrides(try PluginFile.text($0), file: $0) } ?? Overrides()
        let runner = Runner(plan, jobs: jobs ?? min(4, ProcessInfo.processInfo.activeProcessorCount))
        let again = ["fphost plugin validate", quoted(plugin ?? "")] + options.spelled(for: described)
        let heading = Report.Heading(
            plugin: "\(described.name) \(described.version)", seed: seed, command: again.joined(separator: " "))
        var report = Report(
            heading, format: format.report, cases: cases.count, isVerbose: verbose, print: { printer.print($0) })
        if inProcess {
            runner.runHere(cases) { report.add(overrides.applied(to: $0)) }
        } else {
            try runner.run(cases) { report.add(overrides.applied(to: $0)) }
        }
        report.finish(left: runner.cleanUp())
        if report.count(.failed) > 0 { throw ExitCode(Refusal.Status.failure.rawValue) }
    }
}

/// `--format`
enum ValidateFormat: String, ExpressibleByArgument, CaseIterable {
    case text, tap, junit, markdown

    var report: ReportFormat {
        switch self {
        case .text, .markdown: .text
        case .tap: .tap
        case .junit: .junit
        }
    }
}

/// Where the report goes, line by line.
private final class ReportPrinter {
    private let file: FileHandle

    init(_ path: String?) throws {
        guard let path else {
            file = .standardOutput
            return
        }
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else { throw Refusal(.configuration, "cannot write the report to \(path)") }
        self.file = file
    }

    func print(_ line: String) { file.write(Data((line + "\n").utf8)) }

    func list(_ cases: [Case], _ format: ValidateFormat) {
        guard format == .markdown else {
            for subject in cases { print("\(subject.id): \(subject.promise)") }
            return
        }
        print("| Case | What must hold | fp_plugin.h |")
        print("|---|---|---|")
        for subject in cases { print("| `\(subject.id)` | \(subject.promise) | \(subject.clause) |") }
    }
}

/// `fphost plugin run-case`, which `validate` starts for each case. It reads what to do from standard input.
struct RunCaseCommand: ParsableCommand {
    static let name = "run-case"
    static let configuration = CommandConfiguration(commandName: name, shouldDisplay: false)

    func run() throws { ChildProcess.run() }
}

/// Files that the command line names.
enum PluginFile {
    static func path(of plugin: String) throws -> String {
        if plugin.contains("/") {
            guard let real = realpath(plugin, nil) else {
                throw Refusal(.configuration, "\(plugin): \(String(cString: strerror(errno)))")
            }
            defer { free(real) }
            return String(cString: real)
        }
        do throws(PluginLoadError) {
            return try PluginDirectory(explicit: nil).locate(PluginReference(plugin)).path
        } catch {
            throw Refusal(.configuration, error.description)
        }
    }

    static func ownExecutable() throws -> String { try path(of: "/proc/self/exe") }

    static func text(_ path: String) throws -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw Refusal(.configuration, "\(path) cannot be read as text")
        }
        return text
    }
}

/// A word, quoted for a shell if it has to be.
func quoted(_ word: String) -> String {
    let plain = word.allSatisfy { $0.isLetter || $0.isNumber || "-_./:=,@+".contains($0) }
    return plain && !word.isEmpty ? word : "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
}
