import ArgumentParser

/// `fphost plugin`
struct PluginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin", abstract: "Check storage plugins.",
        subcommands: [ValidateCommand.self, RunCaseCommand.self])
}
