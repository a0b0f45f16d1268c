import FPStorage
import Foundation
import Logging

/// Describes a plugin: in a child process, so that a crash or a hang becomes an error message, or in this process,
/// which is what the child does.
struct PluginProbe {
    let location: PluginDirectory.Location
    /// `key=value` of the options, to see what a store with them can do.
    var options: [String] = []
    var limit: Duration = .seconds(10)

    /// - Throws: ``Refusal`` with what is wrong with the plugin.
    func inChild() throws -> PluginReport {
        let arguments =
            ["plugin", "probe", "--in-process", "--json"] + options.flatMap { ["-o", $0] } + ["--", location.path]
        let child = try TrialProcess.run(arguments, limit: limit)
        let words = String(decoding: child.errors, as: UTF8.self)
        switch child.end {
        case .exited(0) where !child.output.isEmpty:
            if !words.isEmpty { printError(words.trimmingCharacters(in: .newlines)) }
            do {
                return try Self.decoder.decode(PluginReport.self, from: child.output)
            } catch {
                throw Refusal(.failure, "plugin \(location.path): the probe's report cannot be read: \(error)")
            }
        // With other output the status is not of the probe: the plugin itself has called exit().
        case .exited(let status)
        where status == Refusal.Status.configuration.rawValue
            && words.split(separator: "\n").contains { $0.starts(with: "plugin ") || $0.starts(with: "-o") }:
            throw Refusal(.configuration, words.trimmingCharacters(in: .newlines))
        default:
            throw Refusal(.configuration, PluginTrial.error(for: location.path, child, limit: limit).description)
        }
    }

    /// - Throws: ``Refusal`` with what is wrong with the plugin.
    func inProcess(logger: Logger) throws -> PluginReport {
        let clock = ContinuousClock()
        let start = clock.now
        let library: PluginLibrary
        do throws(PluginLoadError) {
            library = try PluginLibrary.load(
                path: location.path, expectedName: location.name, host: PluginHostInfo(version: Version.current),
                logger: logger)
        } catch {
            throw Refusal(.configuration, "\(error)")
        }
        var report = PluginReport(library, loadedIn: clock.now - start)
        if !options.isEmpty {
            let store = try PluginStoreOptions(options).open(library, logger: logger)
            report.store = PluginReport.StoreReport(store)
        }
        return report
    }

    static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()

    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }()
}
