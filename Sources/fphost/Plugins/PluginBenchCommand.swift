import ArgumentParser
import FPStorage
import Foundation
import Glibc
import Logging
import NIOCore

/// `fphost plugin bench`
struct PluginBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure a plugin through the host's pool of threads.",
        discussion: """
            One object of --size bytes is written, read and removed again, and an object that is not there is asked \
            for --calls times. Against a plugin that discards what it gets, the figures are the cost of the boundary.
            """)

    @Argument(help: "The plugin's name, or the path of its library.") var plugin: String
    @OptionGroup var choice: PluginChoice
    @Option(
        name: [.customShort("o"), .customLong("option")],
        help: ArgumentHelp("An option of the store; as often as needed.", valueName: "key=value"))
    var options: [String] = []
    @Option(help: ArgumentHelp("The size of the object, in MiB.", valueName: "MiB")) var size = 1024
    @Option(help: ArgumentHelp("Bytes per call, in KiB.", valueName: "KiB")) var block = 256
    @Option(help: "How many calls to take the overhead from.") var calls = 20_000
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard size > 0, (64...4096).contains(block), calls > 0 else {
            throw ValidationError("--size and --calls must be positive, --block 64 to 4096.")
        }
    }

    func run() async throws {
        try await reportingRefusals {
            let location = try choice.locate(plugin)
            if let failure = try PluginTrial.failures(of: [location.path])[location.path] {
                throw Refusal(.configuration, "\(failure)")
            }
            let logger = Logger(label: "fphost") { _ in SwiftLogNoOpLogHandler() }
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
            var figures = PluginFigures(plugin: library.name, loadMilliseconds: (clock.now - start).milliseconds)
            let store = try PluginStoreOptions(options).open(library, logger: logger)
            do throws(StoreError) {
                let bench = PluginBench(store: store, calls: calls, size: UInt64(size) << 20, block: block << 10)
                try await bench.run(into: &figures)
            } catch {
                throw Refusal(.failure, "\(error)")
            }
            await store.shutdown()
            print(
                json ? String(decoding: try PluginProbe.encoder.encode(figures), as: UTF8.self) : figures.text)
        }
    }
}

/// What was measured.
struct PluginFigures: Encodable {
    var plugin: String
    var loadMilliseconds: Double
    var microsecondsPerCall: Double?
    var writeGibibytesPerSecond: Double?
    var readGibibytesPerSecond: Double?

    /// The figures for people.
    var text: String {
        func shown(_ value: Double?, _ unit: String) -> String {
            value.map { String(format: "%.2f %@", $0, unit) } ?? "not measured"
        }
        return """
            \(plugin)
            loading and checking   \(shown(loadMilliseconds, "ms"))
            a call                 \(shown(microsecondsPerCall, "us"))
            writing                \(shown(writeGibibytesPerSecond, "GiB/s"))
            reading                \(shown(readGibibytesPerSecond, "GiB/s"))
            """
    }
}
