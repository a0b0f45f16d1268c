/// When to go on with work that takes many calls, after a transient failure of one of them: a bounded number of tries,
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
    /// The retries of one piece of work, whose time begins now.
    public func retries() -> StoreRetries {
        StoreRetries(RetryPolicy(deadline: .now + settings.longDeadline))
    }
}
