import ArgumentParser
import FPConfig
import Foundation

/// `--config`, and reading the file that it names.
struct ConfigurationOption: ParsableArguments {
    @Option(name: [.short, .customLong("config")], help: "The configuration file.")
    var file = "fphost.yaml"

    func load() throws -> Settings {
        let (settings, errors) = read()
        if let errors { throw Refusal(.configuration, errors.description) }
        guard let settings else { throw Refusal(.configuration, "\(file) has no settings") }
        return settings
    }

    /// The settings as far as they can be read, and what is wrong with them.
    func read() -> (Settings?, ConfigErrors?) {
        let (settings, errors) = Settings.read(file: file, environment: ProcessInfo.processInfo.environment)
        for warning in settings?.warnings ?? [] { printError("\(warning)") }
        return (settings, errors)
    }
}

/// Why fphost ends without having done what it was asked; printed as it is.
struct Refusal: Error {
    /// The exit status, after sysexits.h where that has one.
    enum Status: Int32 {
        case failure = 1
        case unavailable = 69
        case configuration = 78
    }

    let status: Status
    let message: String

    init(_ status: Status, _ message: String) {
        self.status = status
        self.message = message
    }
}

/// Runs a command's body; a refusal becomes its message on standard error and its exit status.
func reportingRefusals(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let refusal as Refusal {
        printError(refusal.message)
        throw ExitCode(refusal.status.rawValue)
    }
}

func printError(_ text: String) {
    StandardError.print(text + "\n")
}
