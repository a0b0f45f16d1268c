import ArgumentParser
import FPStorage
import Foundation

/// `--directory`, and finding the plugins that a command names.
struct PluginChoice: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The directory with the plugins, as plugins.directory in the configuration; by default those beside the "
                + "host.", valueName: "path"))
    var directory: String?

    var plugins: PluginDirectory { PluginDirectory(explicit: directory.map(Self.absolute)) }

    /// Where a plugin is that was named by its short name, or by its path as anything with a slash is.
    func locate(_ plugin: String) throws -> PluginDirectory.Location {
        do throws(PluginLoadError) {
            return try plugins.locate(PluginReference(plugin.contains("/") ? Self.absolute(plugin) : plugin))
        } catch {
            throw Refusal(.configuration, "\(error)")
        }
    }

    /// The arguments that make a child look in the same place.
    var arguments: [String] { directory.map { ["--directory", Self.absolute($0)] } ?? [] }

    private static func absolute(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.path
    }
}
