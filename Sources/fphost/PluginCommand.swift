import ArgumentParser

/// `fphost plugin`
struct PluginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin", abstract: "Look at storage plugins, make new ones and measure them.",
        subcommands: [
            PluginListCommand.self, PluginProbeCommand.self, PluginSchemaCommand.self, PluginNewCommand.self,
            PluginBenchCommand.self, PluginTrialCommand.self,
        ])
}
