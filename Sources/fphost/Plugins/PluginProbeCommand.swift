import ArgumentParser
import FPStorage
import Foundation
import Glibc
import Logging

/// `fphost plugin probe`
struct PluginProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Show all that can be known of a plugin without using it.",
        discussion: """
            The plugin is loaded in a child process, so that one which crashes or hangs is a message. The exit status \
            is 78 if the host would not load it.
            """)

    @Argument(help: "The plugin's name, or the path of its library.") var plugin: String
    @OptionGroup var choice: PluginChoice
    @Option(
        name: [.customShort("o"), .customLong("option")],
        help: ArgumentHelp(
            "An option of a store, to see what a store with it can do; as often as needed.", valueName: "key=value"))
    var options: [String] = []
    @Option(help: ArgumentHelp("How long the plugin may take.", valueName: "seconds")) var timeLimit = 10
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Load it in this process, for a debugger.") var inProcess = false

    func run() async throws {
        try await reportingRefusals {
            // What a plugin prints must not mix with the report.
            let output = FileHandle(fileDescriptor: dup(STDOUT_FILENO), closeOnDealloc: true)
            dup2(STDERR_FILENO, STDOUT_FILENO)
            let probe = PluginProbe(
                location: try choice.locate(plugin), options: options, limit: .seconds(max(1, timeLimit)))
            let logger = Logger(label: "fphost") { _ in SwiftLogNoOpLogHandler() }
            let report = try inProcess ? probe.inProcess(logger: logger) : probe.inChild()
            let text = try json ? String(decoding: PluginProbe.encoder.encode(report), as: UTF8.self) : report.text
            output.write(Data((text + "\n").utf8))
        }
    }
}

extension PluginReport {
    /// The report for people.
    fileprivate var text: String {
        var lines: [(String, String)] = [
            ("name", name), ("version", version), ("summary", summary), ("vendor", vendor), ("licence", license),
            ("url", url), ("file", path), ("ABI", "\(abi), a table of \(tableBytes) bytes"), ("threading", threading),
            ("slots", slots.joined(separator: " ")), ("without", absentSlots.joined(separator: " ")),
            ("extensions", extensions.joined(separator: " ")),
        ]
        lines += facts.map { ($0.key, $0.value) }
        for option in options {
            let marks = [
                option.type, option.required ? "required" : "", option.secret ? "secret" : "",
                option.default.map { "default \($0.isEmpty ? "empty" : $0)" } ?? "",
                option.choices.joined(separator: "|"), option.range,
            ]
            lines.append(("option", "\(option.key) (\(marks.filter { !$0.isEmpty }.joined(separator: ", ")))"))
        }
        if let store {
            lines.append(("can", store.capabilities.joined(separator: " ")))
            lines.append(("calls at once", "\(store.maxConcurrency), \(store.threading)"))
            lines.append(("longest key", "\(store.maxKeyBytes) bytes"))
        }
        lines.append(("loaded in", "\(loadMilliseconds) ms"))
        return lines.filter { !$0.1.isEmpty }
            .map { ($0.0 + ":").padding(toLength: 15, withPad: " ", startingAt: 0) + $0.1 }.joined(separator: "\n")
    }
}
