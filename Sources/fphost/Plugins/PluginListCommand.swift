import ArgumentParser
import FPStorage

/// `fphost plugin list`
struct PluginListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the plugins there are, and what each can do.")

    @OptionGroup var choice: PluginChoice
    @Flag(help: "Print JSON.") var json = false

    /// A plugin that is there, or a file that is none.
    private struct Row: Encodable {
        var name: String
        var path: String
        var version: String?
        var abi: String?
        var summary: String?
        var abilities: [String]?
        var refusal: String?
    }

    func run() async throws {
        try await reportingRefusals {
            let plugins = choice.plugins
            let rows = plugins.list().map(row)
            if json {
                print(String(decoding: try PluginProbe.encoder.encode(rows), as: UTF8.self))
                return
            }
            guard !rows.isEmpty else {
                throw Refusal(
                    .unavailable, "there are no plugins in \(plugins.paths.joined(separator: " and in ")).")
            }
            for row in rows { print(Self.text(row)) }
        }
    }

    private func row(_ location: PluginDirectory.Location) -> Row {
        do {
            let report = try PluginProbe(location: location).inChild()
            return Row(
                name: report.name, path: report.path, version: report.version, abi: report.abi,
                summary: report.summary, abilities: report.abilities)
        } catch {
            let text = (error as? Refusal)?.message ?? "\(error)"
            return Row(name: location.name, path: location.path, refusal: text)
        }
    }

    private static func text(_ row: Row) -> String {
        guard let version = row.version, let abi = row.abi else {
            return "\(row.name)\n    cannot be used: \(row.refusal ?? "")"
        }
        let abilities = row.abilities ?? []
        return """
            \(row.name) \(version)  \(row.summary ?? "")
                \(row.path), ABI \(abi)
                \(abilities.isEmpty ? "one-shot writes only" : abilities.joined(separator: ", "))
            """
    }
}
