public import FPCatalog
import FPCurl
import FPFetch
public import Logging

/// Tells applications of events by signed requests, as Standard Webhooks has it: each at least once, those of one upload in
/// order, and none held up by another upload's.
///
/// What is to be sent is in the catalog, written in the change that it tells of. An attempt of which nobody knows what came,
/// because the host stopped or was killed, is made again: a receiver knows an event by its `webhook-id`.
public final class Webhooks: Sendable {
    private let receivers: [ReceiverLoop]
    private let log: any EventLog
    private let driver: Driver
    private let clock: WebhookClock
    private let logger: Logger

    /// Why none could be made.
    public struct SetupError: Error, Sendable, CustomStringConvertible {
        /// What is wrong.
        public let description: String
    }

    /// Deliveries that begin with ``run()``.
    /// - Parameters:
    ///   - log: the events of the catalog, which was opened with these receivers.
    ///   - version: the host's version, for the User-Agent.
    ///   - logger: hears of receivers that take nothing, and of what is given up.
    /// - Throws: ``SetupError`` for a URL that may not be sent to, and if the system has no memory or thread to give.
    public init(
        _ settings: WebhookSettings, log: any EventLog, version: String, clock: WebhookClock = .system, logger: Logger
    ) throws(SetupError) {
        self.log = log
        self.clock = clock
        self.logger = logger
        var limits = Driver.Limits()
        limits.idleConnections = settings.concurrency * max(1, settings.receivers.count)
        limits.idleHandles = settings.concurrency
        do throws(CurlFailure) {
            driver = try Driver(limits) { logger.error("no application can be told of events: \($0.text)") }
        } catch {
            throw SetupError(description: "no application can be told of events: \(error.text)")
        }
        var receivers: [ReceiverLoop] = []
        for receiver in settings.receivers {
            receivers.append(
                try ReceiverLoop(
                    receiver, settings, log: log, driver: driver, userAgent: "fphost/\(version)", clock: clock,
                    logger: logger))
        }
        self.receivers = receivers
    }

    deinit { driver.stop() }

    /// Delivers until the task is cancelled. Attempts that are under way then are left, and made again after the next start.
    public func run() async {
        do throws(CatalogError) {
            let count = try await log.retire(at: clock.now())
            if count > 0 {
                logger.warning("\(count) events for webhooks that are not in the settings any more were given up")
            }
        } catch {
            logger.error("could not look for events of webhooks that are gone: \(error.sentence)")
        }
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for receiver in receivers { group.addTask { await receiver.run() } }
            }
        } onCancel: {
            driver.stop()
        }
    }
}
