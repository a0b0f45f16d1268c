/// When to try a call again: decorrelated jitter, inside the call's own deadline.
struct RetryPolicy {
    private static let attempts = 5
    private static let base = Duration.milliseconds(50)
    private static let longest = Duration.seconds(5)

    private let deadline: MonotonicTime
    private var made = 1
    private var previous = RetryPolicy.base

    init(deadline: MonotonicTime) {
        self.deadline = deadline
    }

    /// How long to wait before the next try, `nil` if there is to be none: the error is not one that passes, the
    /// tries are used up, or the time is.
    mutating func pause(after error: StoreError) -> Duration? {
        guard made < Self.attempts, Self.passes(error) else { return nil }
        made += 1
        let upper = min(Self.longest, previous * 3)
        previous = upper <= Self.base ? Self.base : Self.base + (upper - Self.base) * Double.random(in: 0...1)
        let pause = max(previous, error.retryAfter ?? .zero)
        return MonotonicTime.now + pause < deadline ? pause : nil
    }

    private static func passes(_ error: StoreError) -> Bool {
        switch error.code {
        case .transient, .throttled, .timeout: true
        case .other(let status): status / 100 == 2
        default: false
        }
    }
}
