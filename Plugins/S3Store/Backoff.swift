import FPPluginKit

/// When to repeat a request that the host cannot repeat, since only the plugin has the bytes: growing pauses with
/// jitter, inside the deadline of the call that waits.
struct Backoff {
    private static let mostRepeats = 4
    private static let base = Duration.milliseconds(100)
    private static let longest = Duration.seconds(10)

    private var made = 0

    /// Waits until it is time for another try.
    /// - Throws: `error` itself if it is not transient, or no tries or time are left; `.timeout` or `.cancelled` if the
    ///   call is no longer wanted.
    mutating func wait(after error: PluginError, _ call: borrowing Call) throws(PluginError) {
        guard error.code == .transient || error.code == .throttled, made < Self.mostRepeats else { throw error }
        let upper = min(Self.longest, Self.base * (1 << (made + 1)))
        made += 1
        let pause = max(upper / 2 + upper / 2 * Double.random(in: 0...1), error.retryAfter ?? .zero)
        if let left = call.timeLeft, pause >= left { throw error }
        try call.sleep(pause)
    }
}
