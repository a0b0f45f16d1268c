import ArgumentParser

/// The entry point of the process.
@main
enum Main {
    static func main() async {
        StandardError.secureStandardStreams()
        await FPHost.main()
    }
}

/// The command line.
struct FPHost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fphost",
        abstract: "An upload server for FilePond whose storage is a plugin.",
        discussion: """
            fphost reads fphost.yaml, loads the storage plugins that it names, and serves the FilePond client and \
            the application's API.
            """,
        version: Version.current,
        subcommands: [
            ServeCommand.self, CheckCommand.self, UploadsCommand.self, StoresCommand.self, CatalogCommand.self,
            SweepCommand.self, PolicyCommand.self, TokenCommand.self, PluginCommand.self,
        ],
        defaultSubcommand: ServeCommand.self
    )
}

/// The version of fphost (semver).
enum Version {
    static let current = "0.1.0"
}
