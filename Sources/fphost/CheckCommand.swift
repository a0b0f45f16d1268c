import ArgumentParser
import FPConfig

/// `fphost check`
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check the configuration, its plugins and its catalog without starting.",
        discussion: """
            Every problem is printed with its place, and nothing is made or changed. The exit status is 0 if the host \
            would start, else 78. A catalog that a running host has open is a warning. Run it as the user that the host \
            runs as, whose rights count.
            """)

    @OptionGroup var configuration: ConfigurationOption

    @Flag(help: "Print every setting as it holds, secrets hidden.")
    var show = false

    func run() async throws {
        try await reportingRefusals {
            let accepted = try Acceptance(configuration)
            if show {
                for setting in accepted.settings.effective { print("\(setting.key): \(setting.text)") }
            }
            for (name, plugin) in accepted.plugins.byStore.sorted(by: { $0.key < $1.key }) {
                print("store \(name): \(plugin.library.name) \(plugin.library.version) from \(plugin.library.path)")
            }
            print("\(configuration.file) is good")
        }
    }
}
