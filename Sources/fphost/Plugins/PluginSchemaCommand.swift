import ArgumentParser

/// `fphost plugin schema`
struct PluginSchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print what a plugin's stores may be configured with.",
        discussion: "As JSON Schema (2020-12) of the mapping below stores.NAME.options, or as Markdown for a manual.")

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case json, markdown
    }

    @Argument(help: "The plugin's name, or the path of its library.") var plugin: String
    @OptionGroup var choice: PluginChoice
    @Option(help: "json or markdown.") var format = Format.json

    func run() async throws {
        try await reportingRefusals {
            let report = try PluginProbe(location: try choice.locate(plugin)).inChild()
            switch format {
            case .json: print(OptionsSchema(report).text)
            case .markdown: print(OptionsTable(report).text)
            }
        }
    }
}
