import FPCatalog
import FPEvents
import FPFetch
import FPFormats
import Logging
import Support
import Synchronization
import Testing

/// A catalog that tells one receiver, `app`, by a clock that a test moves.
final class Desk: Sendable {
    let catalog: any Catalog
    let log: any EventLog
    let time = ManualTime()
    private let directory: TemporaryDirectory

    init() async throws {
        directory = try TemporaryDirectory()
        let catalog = try await Catalogs.open(
            url: "sqlite:\(directory.url.resolvingSymlinksInPath().path)/catalog.db", durability: .process,
            receivers: [EventReceiver(name: "app")], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        self.catalog = catalog
        log = try #require(catalog.events)
    }

    /// Moves with ``time`` from 1970 on.
    var clock: WebhookClock {
        WebhookClock(
            now: { [time] in Timestamp(milliseconds: 1).advanced(by: time.uptime) },
            sleep: { [time] moment in
                while Timestamp(milliseconds: 1).advanced(by: time.uptime) < moment {
                    try await Task.sleep(for: .milliseconds(2))
                }
            })
    }

    /// Delivers while `body` runs.
    func delivering(
        to url: String, allowing allow: String? = "127.0.0.1", secrets: [String] = [Desk.secret],
        concurrency: Int = 4, _ body: () async throws -> Void
    ) async throws {
        let receiver = WebhookSettings.Receiver(
            name: "app", url: url, secrets: try secrets.map { try WebhookSecret($0) })
        var settings = WebhookSettings(receivers: [receiver])
        settings.allow = HostList(try allow.map { [try HostRule.parse($0).get()] } ?? [])
        settings.concurrency = concurrency
        settings.timeout = .seconds(20)
        settings.schedule = RetrySchedule(pauses: [.seconds(10), .seconds(100)])
        let webhooks = try Webhooks(
            settings, log: log, version: "0", clock: clock,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { await webhooks.run() }
        defer { running.cancel() }
        try await body()
        running.cancel()
        await running.value
    }

    /// Adds an upload that was completed, and is deleted if so told.
    @discardableResult
    func upload(deleted: Bool = false) async throws -> UploadID {
        let (id, now) = (UploadID.random(), Timestamp(milliseconds: 1))
        let file = FileRecord(name: "a.txt", size: 3, store: "staging", key: "\(id)/0")
        try await catalog.insert(
            UploadRecord(id: id, state: .complete, createdAt: now, touchedAt: now, completedAt: now, files: [file]))
        if deleted { _ = try await catalog.beginDeleting(id, from: [.complete], because: .reverted, at: now) }
        return id
    }

    func states() async throws -> [DeliveryState] {
        try await log.events(matching: EventQuery()).flatMap { $0.deliveries.map(\.state) }
    }

    /// - Parameter step: how far the clock moves between two looks. What fails just before what it waits for is due again
    ///   later than that.
    func wait(for states: [DeliveryState], moving step: Duration = .zero) async throws {
        try await waitFor("\(states)", within: .seconds(30)) {
            self.time.advance(by: step)
            return try await self.states() == states ? true : nil
        }
    }

    /// Waits until as many attempts have failed, of the first event.
    func wait(forFailures count: Int) async throws -> DeliveryEntry {
        try await waitFor("\(count) failures", within: .seconds(30)) {
            let first = try await self.log.events(matching: EventQuery())[0].deliveries[0]
            return first.attempts == count ? first : nil
        }
    }

    static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
}
