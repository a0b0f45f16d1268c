import ArgumentParser
import FPStorage
import Foundation
import Glibc
import Logging

/// Loads plugins in a child process first: a plugin that crashes or hangs while it is loaded must be reported, and not
/// end the host or keep it from starting.
enum PluginTrial {
    private static let limit = Duration.seconds(10)

    /// The plugins that must not be loaded, by path, each with the reason. What else is wrong with a plugin shows when
    /// it is loaded.
    static func failures(of paths: [String]) throws -> [String: PluginLoadError] {
        var failures: [String: PluginLoadError] = [:]
        var left = paths[...]
        while !left.isEmpty {
            let child = try TrialProcess.run(["plugin", "trial", "--"] + left, limit: limit)
            // The child writes a mark after each plugin that it has survived.
            let survived = child.output.count(where: { $0 == mark })
            // Counted by marks and not by the exit status: a plugin may end the child with status 0.
            guard survived < left.count else { break }
            let culprit = left[left.startIndex + survived]
            failures[culprit] = error(for: culprit, child, limit: limit)
            left = left.dropFirst(survived + 1)
        }
        return failures
    }

    /// The error of a plugin that a child did not survive.
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
        // Skips the plugins' exit handlers and destructors, which are not on trial here.
        _exit(0)
    }
}
