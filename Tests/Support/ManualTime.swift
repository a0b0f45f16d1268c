import Synchronization

/// A time that moves only when a test moves it.
public final class ManualTime: Sendable {
    private let elapsed = Mutex(Duration.zero)

    /// A time at its beginning.
    public init() {}

    /// What has passed since the beginning.
    public var uptime: Duration { elapsed.withLock { $0 } }

    /// Lets time pass.
    public func advance(by duration: Duration) {
        elapsed.withLock { $0 += duration }
    }
}
