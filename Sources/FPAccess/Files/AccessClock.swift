import Glibc

/// The times that authenticators go by.
public struct AccessClock: Sendable {
    /// The time since some moment in the past, which never goes back.
    public let uptime: @Sendable () -> Duration
    /// Milliseconds since 1970.
    public let date: @Sendable () -> Int64
    /// Lets so much time pass, without holding a thread.
    public let pause: @Sendable (Duration) async -> Void

    /// Times as given.
    public init(
        uptime: @escaping @Sendable () -> Duration, date: @escaping @Sendable () -> Int64,
        pause: @escaping @Sendable (Duration) async -> Void
    ) {
        self.uptime = uptime
        self.date = date
        self.pause = pause
    }

    /// The machine's.
    public static let system = AccessClock(
        uptime: {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
        },
        date: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        },
        pause: { try? await Task.sleep(for: $0) })
}
