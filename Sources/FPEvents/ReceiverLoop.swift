import FPCatalog
import FPCurl
import FPFetch
import FPFormats
import Logging
import Synchronization

/// The deliveries to one receiver.
final class ReceiverLoop: Sendable {
    private struct State {
        /// The events that are being sent.
        var underWay: Set<Int64> = []
        /// Wakes the loop when the next delivery is due.
        var alarm: Task<Void, Never>?
        var isFailing = false
        var isDisabled = false
    }

    private let receiver: WebhookSettings.Receiver
    private let settings: WebhookSettings
    private let url: RemoteURL
    private let addressGuard: AddressGuard
    private let log: any EventLog
    private let driver: Driver
    private let userAgent: String
    private let clock: WebhookClock
    private let logger: Logger
    private let state = Mutex(State())
    private let wakes: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation

    /// After the catalog could not be asked or told: not at once, as that is what it cannot bear.
    private static let pauseAfterFault = Duration.seconds(5)

    init(
        _ receiver: WebhookSettings.Receiver, _ settings: WebhookSettings, log: any EventLog, driver: Driver,
        userAgent: String, clock: WebhookClock, logger: Logger
    ) throws(Webhooks.SetupError) {
        self.receiver = receiver
        self.settings = settings
        self.log = log
        self.driver = driver
        self.userAgent = userAgent
        self.clock = clock
        self.logger = logger
        do throws(RemoteURL.Invalid) {
            url = try RemoteURL(receiver.url)
        } catch {
            throw Webhooks.SetupError(
                description: "the URL of the webhook \(receiver.name) is not usable: \(error.problem)")
        }
        var rules = FetchRules()
        rules.allow = settings.allow
        // The operator wrote the port.
        rules.ports = [PortRange(1...UInt16.max)]
        addressGuard = AddressGuard(rules)
        // Any number of wakes is one: what they are about is in the catalog.
        (wakes, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        log.watch { [bell] in bell.yield() }
    }

    func run() async {
        bell.yield()
        await withDiscardingTaskGroup { group in
            for await _ in wakes where !isDisabled { await startDue(&group) }
            state.withLock { $0.alarm.take() }?.cancel()
        }
    }

    private var isDisabled: Bool { state.withLock { $0.isDisabled } }

    /// Begins the deliveries whose time has come, as many as may be under way at once.
    private func startDue(_ group: inout DiscardingTaskGroup) async {
        let now = clock.now()
        var next = Timestamp?.none
        do throws(CatalogError) {
            let count = state.withLock { $0.underWay.count }
            let due = try await log.due(to: receiver.name, by: now, limit: settings.concurrency + count)
            let fresh = state.withLock { state in
                let free = settings.concurrency - state.underWay.count
                let fresh = due.filter { !state.underWay.contains($0.number) }.prefix(max(0, free))
                state.underWay.formUnion(fresh.map(\.number))
                return fresh
            }
            for delivery in fresh {
                group.addTask { await self.deliver(delivery) }
            }
            next = try await log.nextTry(to: receiver.name, after: now)
        } catch {
            logger.error("webhook \(receiver.name): the catalog could not be asked for events: \(error.sentence)")
            next = now.advanced(by: Self.pauseAfterFault)
        }
        setAlarm(next)
    }

    private func setAlarm(_ moment: Timestamp?) {
        let alarm = moment.map { moment in
            Task { [clock, bell] in
                do { try await clock.sleep(moment) } catch { return }
                bell.yield()
            }
        }
        let earlier = state.withLock { state in
            defer { state.alarm = alarm }
            return state.alarm
        }
        earlier?.cancel()
    }

    private func deliver(_ delivery: DueDelivery) async {
        let reply = await send(delivery)
        if let outcome = outcome(of: reply, delivery) {
            do throws(CatalogError) {
                try await log.record(outcome, of: delivery, at: clock.now())
            } catch {
                logger.error(
                    "webhook \(receiver.name): what came of \(delivery.id) is not on record: \(error.sentence)")
                try? await clock.sleep(clock.now().advanced(by: Self.pauseAfterFault))
            }
        }
        state.withLock { _ = $0.underWay.remove(delivery.number) }
        bell.yield()
    }

    private func send(_ delivery: DueDelivery) async -> Reply {
        if let refusal = addressGuard.refusal(of: url) {
            return .unanswered("is not sent to: \(refusal); if it is meant, add it to events.allow")
        }
        let now = clock.now()
        let seconds = now.milliseconds / 1000
        let signatures = receiver.secrets.map {
            $0.signature(id: delivery.id, seconds: seconds, body: delivery.payload)
        }
        let message = Attempt.Message(
            url: url,
            fields: [
                "Content-Type: application/json", "webhook-id: \(delivery.id)", "webhook-timestamp: \(seconds)",
                "webhook-signature: \(signatures.joined(separator: " "))", "Expect:",
            ],
            body: delivery.payload, userAgent: userAgent, deadline: .now + settings.timeout)
        return await withCheckedContinuation { continuation in
            let isStarted = driver.start(Ticket()) { [addressGuard] in
                Attempt(message, addressGuard, now: now) { continuation.resume(returning: $0) }
            }
            if !isStarted { continuation.resume(returning: .stopped) }
        }
    }

    /// What an attempt is known by at the driver's.
    private final class Ticket: Sendable {}

    /// What to write down; `nil` if nothing is known.
    private func outcome(of reply: Reply, _ delivery: DueDelivery) -> AttemptOutcome? {
        switch reply {
        case .stopped: return nil
        case .answered(200..<300, _):
            let wasFailing = state.withLock { state in
                defer { state.isFailing = false }
                return state.isFailing
            }
            if wasFailing { logger.notice("webhook \(receiver.name) takes events again") }
            return .delivered
        case .answered(410, _):
            let isFirst = state.withLock { state in
                defer { state.isDisabled = true }
                return !state.isDisabled
            }
            if isFirst {
                logger.error(
                    """
                    webhook \(receiver.name) answers 410 (Gone): it is sent nothing more until fphost starts again; remove \
                    it from events.webhooks, or have it take events
                    """)
            }
            return .failed("answered 410", next: clock.now().advanced(by: RetrySchedule.longest / 24))
        case .answered(let status, let wish): return failed("answered \(status)", wish, delivery)
        case .unanswered(let text): return failed(text, nil, delivery)
        }
    }

    private func failed(_ text: String, _ wish: Duration?, _ delivery: DueDelivery) -> AttemptOutcome {
        let chance = Double.random(in: 0...1)
        guard let pause = settings.schedule.pause(after: delivery.attempts, wish: wish, chance: chance) else {
            logger.error(
                """
                webhook \(receiver.name): \(delivery.id) of upload \(delivery.upload) was given up after \
                \(delivery.attempts + 1) attempts: it \(text); it stays on record as dead
                """)
            return .dead(text)
        }
        let isFirst = state.withLock { state in
            defer { state.isFailing = true }
            return !state.isFailing
        }
        logger.log(
            level: isFirst ? .warning : .debug,
            "webhook \(receiver.name) \(text); \(delivery.id) of upload \(delivery.upload) is sent again in \(pause)")
        return .failed(text, next: clock.now().advanced(by: pause))
    }
}
