/// When to go on with work that takes many calls, after one of them has failed in passing: a bounded number of tries,
/// further and further apart, within the time that a long call may take.
public struct StoreRetries: Sendable {
    private var policy: RetryPolicy

    fileprivate init(_ policy: RetryPolicy) {
        self.policy = policy
    }

    /// How long to wait before the next try; `nil` if there is to be none.
    public mutating func pause(after error: StoreError) -> Duration? {
        policy.pause(after: error)
    }
}

extension Store {
    /// A new row of tries.
    public func retries() -> StoreRetries {
        StoreRetries(RetryPolicy(deadline: .now + settings.longDeadline))
    }
}
