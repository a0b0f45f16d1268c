public import FPCatalog

/// The time by which deliveries are made.
public struct WebhookClock: Sendable {
    /// The wall clock's time.
    public var now: @Sendable () -> Timestamp
    /// Returns at that moment, or with an error when the task is cancelled.
    public var sleep: @Sendable (Timestamp) async throws -> Void

    /// A clock as given.
    public init(now: @escaping @Sendable () -> Timestamp, sleep: @escaping @Sendable (Timestamp) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    /// This machine's.
    public static let system = WebhookClock(
        now: { .now },
        sleep: { moment in
            try await Task.sleep(for: .milliseconds(moment.milliseconds - Timestamp.now.milliseconds))
        })
}
