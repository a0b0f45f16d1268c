import ArgumentParser
import FPConfig
import Logging

/// `fphost check`
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check the configuration and its plugins without starting.",
        discussion: "Every problem is printed with its place. The exit status is 0 if the host would start, else 78.")

    @OptionGroup var configuration: ConfigurationOption

    @Flag(help: "Print every setting as it holds, secrets hidden.")
    var show = false

    func run() async throws {
        try await reportingRefusals {
            let settings = try configuration.load()
            try Host.validate(settings)
            let logger = Logger(label: "fphost") { LineLogHandler(label: $0, settings: settings.log) }
            let plugins = try StorePlugins.load(settings, logger: logger)
            try plugins.validate(settings, logger: logger)
            if show {
                for setting in settings.effective { print("\(setting.key): \(setting.text)") }
            }
            for (name, plugin) in plugins.byStore.sorted(by: { $0.key < $1.key }) {
                print("store \(name): \(plugin.library.name) \(plugin.library.version) from \(plugin.library.path)")
            }
            print("\(configuration.file) is good")
        }
    }
}
