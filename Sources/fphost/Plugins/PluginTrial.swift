import ArgumentParser
import FPStorage
import Foundation
import Glibc
import Logging

/// Loads plugins in a child before this process does: one whose code crashes or hangs while it is loaded must not take
/// the host down, nor keep it from starting without a word.
enum PluginTrial {
    private static let limit = Duration.seconds(10)

    /// The plugins that must not be loaded, by path, each with the reason. What else is wrong with a plugin shows when
    /// it is loaded.
    static func failures(of paths: [String]) throws -> [String: PluginLoadError] {
        var failures: [String: PluginLoadError] = [:]
        var left = paths[...]
        while !left.isEmpty {
            let child = try TrialProcess.run(["plugin", "trial", "--"] + left, limit: limit)
            // The child marks each plugin that it has come through.
            let survived = child.output.count(where: { $0 == mark })
            // One that ends the process with status 0 has not come through either.
            guard survived < left.count else { break }
            let culprit = left[left.startIndex + survived]
            failures[culprit] = error(for: culprit, child, limit: limit)
            left = left.dropFirst(survived + 1)
        }
        return failures
    }

    /// What to say of a plugin with which a child ended otherwise than it should.
    static func error(for path: String, _ child: TrialProcess, limit: Duration) -> PluginLoadError {
        let words = String(decoding: child.errors.suffix(2000), as: UTF8.self).split(separator: "\n").last ?? ""
        // A terminal would obey control characters.
        let shown = String(words.filter { $0 >= " " && $0 != "\u{7F}" }.suffix(300))
        let advice =
            "Install another release of it, or tell its author." + (shown.isEmpty ? "" : " Its last words: \(shown)")
        switch child.end {
        case .exited(let status):
            return PluginLoadError(
                .crashed, plugin: path,
                message: "it ended the process, with exit status \(status), while it was being loaded. \(advice)")
        case .killed(let signal):
            let name = strsignal(signal).map { " (\(String(cString: $0)))" } ?? ""
            return PluginLoadError(
                .crashed, plugin: path,
                message: "it crashed with signal \(signal)\(name) while it was being loaded. \(advice)")
        case .timedOut:
            return PluginLoadError(
                .hung, plugin: path,
                message: "it was still being loaded after \(limit.components.seconds) s, where a second is allowed. "
                    + advice)
        }
    }

    fileprivate static let mark = UInt8(ascii: ".")
}

/// `fphost plugin trial`, the child's side.
struct PluginTrialCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trial", abstract: "Load plugins and mark each on standard output.", shouldDisplay: false)

    @Argument var paths: [String]

    func run() async throws {
        let output = dup(STDOUT_FILENO)
        dup2(STDERR_FILENO, STDOUT_FILENO)
        let logger = Logger(label: "fphost") { _ in SwiftLogNoOpLogHandler() }
        for path in paths {
            if let location = try? PluginDirectory(explicit: nil).locate(PluginReference(path)) {
                _ = try? PluginLibrary.load(
                    path: location.path, expectedName: location.name,
                    host: PluginHostInfo(version: Version.current), logger: logger)
            }
            var mark = PluginTrial.mark
            write(output, &mark, 1)
        }
        // Without the plugins' own farewell, which is not on trial here.
        _exit(0)
    }
}
