import ArgumentParser
import Dispatch
import FPConfig
import Glibc
import Logging

/// `fphost serve`
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve uploads until told to stop (the default).",
        discussion: "SIGTERM and SIGINT let the requests under way finish; a second signal ends at once.")

    @OptionGroup var configuration: ConfigurationOption

    func run() async throws {
        try await reportingRefusals {
            // A client or a backend that goes away is an error of one call, not the end of the process.
            signal(SIGPIPE, SIG_IGN)
            let signals = StopSignals()
            let settings = try configuration.load()
            let logger = Logger(label: "fphost") { LineLogHandler(label: $0, settings: settings.log) }
            let host = try await Host.start(settings, logger: logger)
            await signals.first()
            logger.info("stopping; a second signal ends at once")
            await host.stop()
            logger.info("stopped")
        }
    }
}

/// SIGTERM and SIGINT: the first is to be waited for, the second ends the process.
private final class StopSignals {
    private let stream: AsyncStream<Int32>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
    }

    func first() async {
        var iterator = stream.makeAsyncIterator()
        _ = await iterator.next()
        // From here on the kernel's own reaction to the signals.
        signal(SIGTERM, SIG_DFL)
        signal(SIGINT, SIG_DFL)
    }
}
