import ArgumentParser
import Dispatch
import FPConfig
import FPHTTP
import Foundation
import Glibc
import Logging

/// `fphost serve`
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve uploads until told to stop (the default).",
        discussion: "SIGTERM, SIGINT and SIGHUP let the requests under way finish; a second signal ends at once.")

    @OptionGroup var configuration: ConfigurationOption

    func run() async throws {
        try await reportingRefusals {
            // A client or a backend that goes away is an error of one call, not the end of the process.
            signal(SIGPIPE, SIG_IGN)
            let signals = StopSignals()
            // Before a plugin is tried in a child.
            InheritedSockets(ProcessInfo.processInfo.environment).keepToThisProcess()
            // Before the first thread and the first plugin, which may size tables by the limit.
            Descriptors.raise()
            Memory.keepForBuffers()
            StandardError.beginServing()
            let accepted = try Acceptance(configuration, serving: true)
            let settings = accepted.settings
            let logger = Logger(label: "fphost") { LineLogHandler(label: $0, settings: settings.log) }
            let (fits, wanted) = (accepted.descriptors.connections, settings.server.maxConnections)
            if fits < wanted {
                logger.notice(
                    "the limit of open files, \(Descriptors.limit), leaves room for \(fits) connections at once; more wait"
                )
            }
            let host = try await Host.start(accepted, logger: logger)
            ServiceManager.notify("READY=1")
            await signals.first()
            ServiceManager.notify("STOPPING=1")
            logger.info("stopping; a second signal ends at once")
            await host.stop()
            logger.info("stopped")
        }
    }
}

/// SIGTERM, SIGINT and SIGHUP: the first is to be waited for, the second ends the process.
///
/// SIGHUP comes from a terminal that is closed, or from somebody who expects a reload, which there is not yet: a
/// graceful stop is right for both. If it is ignored when the process begins, as under nohup, it stays ignored.
private final class StopSignals {
    private let stream: AsyncStream<Int32>
    private let numbers: [Int32]
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        numbers = [SIGTERM, SIGINT, SIGHUP].filter { number in
            var action = sigaction()
            sigaction(number, nil, &action)
            let isIgnored = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
            return number != SIGHUP || !isIgnored
        }
        sources = numbers.map { number in
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
        // From here on the signals have their default action: they end the process.
        for number in numbers { signal(number, SIG_DFL) }
    }
}
