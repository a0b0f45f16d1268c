import ArgumentParser

/// `fphost plugin`
struct PluginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin", abstract: "Look at, check, make and measure storage plugins.",
        subcommands: [
            PluginListCommand.self, PluginProbeCommand.self, PluginSchemaCommand.self, PluginNewCommand.self,
            ValidateCommand.self, PluginBenchCommand.self, PluginTrialCommand.self, RunCaseCommand.self,
        ])
}
