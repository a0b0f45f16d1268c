import Foundation
import Synchronization

/// A running fphost with a directory and a configuration of its own.
public final class HostProcess: Sendable {
    /// The directory of fphost.yaml and, unless the configuration says otherwise, of all data.
    public let directory: TemporaryDirectory
    /// Where to reach the host.
    public let client: HTTPClient

    private let process: Process
    private let log: LogCollector
    private let output = Pipe()

    /// Where the products of this build are.
    public static let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    /// A configuration that listens on a free port, with LocalStore for staging and for what is stored.
    public static let plainConfiguration = """
        server: {listen: 127.0.0.1:0}
        storages_backend: media
        stores:
          staging: {plugin: LocalStore, options: {location: ./data/staging}}
          media: {plugin: LocalStore, options: {location: ./data/media}}
        uploads: {staging: staging}
        catalog: sqlite:./data/fphost.db
        api: {tokens: [test-token]}
        """

    /// Starts the host and waits until it listens.
    /// - Parameter shell: what a shell does before it becomes the host, such as `ulimit -n 1024`.
    public init(
        configuration: String = plainConfiguration, after shell: String = ":", in directory: TemporaryDirectory
    ) async throws {
        self.directory = directory
        let file = directory.url.appendingPathComponent("fphost.yaml")
        try configuration.write(to: file, atomically: true, encoding: .utf8)
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = Self.arguments(after: shell, ["serve", "--config", file.path])
        process.currentDirectoryURL = directory.url
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        let log = LogCollector()
        self.log = log
        Self.collect(output, log)
        try process.run()
        let started = process
        let port = try await waitFor("the host to listen", within: .seconds(30)) {
            if let port = log.listeningPort { return port }
            if !started.isRunning { throw HostFailure("fphost ended before it listened:\n\(log.text)") }
            return nil
        }
        client = HTTPClient(port: port)
    }

    deinit {
        if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) }
    }

    /// The words of a shell that becomes fphost.
    private static func arguments(after shell: String, _ words: [String]) -> [String] {
        ["-c", shell + "; exec \"$0\" \"$@\"", products.appendingPathComponent("fphost").path] + words
    }

    private static func collect(_ output: Pipe, _ log: LogCollector) {
        output.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil } else { log.append(data) }
        }
    }

    /// Reads the log no more: what the host writes fills the pipe, which is made small, and stays there.
    public func stopReadingLog() {
        output.fileHandleForReading.readabilityHandler = nil
        // F_SETPIPE_SZ, which Swift does not import.
        _ = fcntl(output.fileHandleForReading.fileDescriptor, 1031, 4096)
    }

    /// Reads the log again.
    public func readLogAgain() {
        Self.collect(output, log)
    }

    /// Closes the end of the log that is read.
    public func closeLog() throws {
        stopReadingLog()
        try output.fileHandleForReading.close()
    }

    /// Sends a signal.
    public func signal(_ number: Int32) {
        Glibc.kill(process.processIdentifier, number)
    }

    /// Waits for the end.
    /// - Returns: the exit status, or the signal that ended it, negative.
    public func end() async throws -> Int32 {
        try await waitForExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// Everything that the host has logged so far.
    public var logText: String { log.text }

    /// The host's process id.
    public var processIdentifier: Int32 { process.processIdentifier }

    /// Sends SIGKILL and waits for the end.
    public func kill() async throws {
        Glibc.kill(process.processIdentifier, SIGKILL)
        try await waitForExit()
    }

    /// Sends SIGTERM and waits for the end.
    /// - Returns: the exit status.
    @discardableResult
    public func stop() async throws -> Int32 {
        Glibc.kill(process.processIdentifier, SIGTERM)
        try await waitForExit()
        return process.terminationStatus
    }

    private func waitForExit() async throws {
        _ = try await waitFor("the host to end", within: .seconds(30)) { self.process.isRunning ? nil : true }
    }

    /// Runs fphost to its end, for commands that do not serve.
    /// - Parameter shell: what a shell does before it becomes fphost, such as `ulimit -n 1024`.
    public static func run(
        _ arguments: [String], after shell: String? = nil, in directory: TemporaryDirectory
    ) async throws -> CommandResult {
        let program = products.appendingPathComponent("fphost")
        guard let shell else { return try await CommandResult.of(program, arguments, in: directory) }
        return try await CommandResult.of(
            URL(fileURLWithPath: "/bin/bash"), self.arguments(after: shell, arguments), in: directory)
    }
}

/// What a command left.
public struct CommandResult: Sendable {
    /// The exit status.
    public let status: Int32
    /// Its standard output.
    public let output: String
    /// Its standard error.
    public let errors: String

    /// Runs a program to its end.
    /// - Parameter environment: what it has beside this process's own.
    public static func of(
        _ program: URL, _ arguments: [String], environment: [String: String] = [:], in directory: TemporaryDirectory
    ) async throws -> CommandResult {
        let texts = try TemporaryDirectory()
        let files = ["output", "errors"].map { texts.url.appendingPathComponent($0).path }
        return try await onThread {
            let status = try ChildProgram.run(
                program.path, arguments,
                environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }, in: directory.url.path,
                output: files[0], errors: files[1])
            let told = try files.map { String(decoding: try Data(contentsOf: URL(fileURLWithPath: $0)), as: UTF8.self) }
            withExtendedLifetime(texts) {}
            return CommandResult(status: status, output: told[0], errors: told[1])
        }
    }

    /// Where a program is on the `PATH`; `nil` if it is not installed.
    public static func installed(_ program: String) -> URL? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .map { URL(fileURLWithPath: String($0)).appendingPathComponent(program) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }
}

/// Why a host could not be used.
public struct HostFailure: Error, CustomStringConvertible {
    /// What happened.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

private final class LogCollector: Sendable {
    private let data = Mutex(Data())

    func append(_ more: Data) {
        data.withLock { $0.append(more) }
    }

    var text: String {
        String(decoding: data.withLock { $0 }, as: UTF8.self)
    }

    var listeningPort: Int? {
        guard let range = text.range(of: "listening on http://127.0.0.1:") else { return nil }
        let digits = text[range.upperBound...].prefix(while: \.isNumber)
        let isWhole = digits.endIndex < text.endIndex
        return isWhole ? Int(digits) : nil
    }
}
