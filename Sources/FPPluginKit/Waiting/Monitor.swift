import Glibc

/// State that threads share, some of which wait until others have changed it: a lock with a condition variable.
///
/// Whoever waits does so for one call, and stops waiting when the host cancels it or its deadline passes.
public final class Monitor<State: ~Copyable>: @unchecked Sendable {
    // Sendable by hand: the state is reached with the lock held only, and the rest is constant.
    @usableFromInline let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    @usableFromInline let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    @usableFromInline var state: State

    /// A monitor that owns the state.
    public init(_ state: consuming sending State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Looks at the state or changes it. The body must not block, nor enter the same monitor.
    /// - Parameter waking: whether all waiters look again afterwards. False saves the wake-ups where no waiter waits
    ///   for this change.
    @inlinable
    public func withLock<Result: ~Copyable, Failure: Error>(
        waking: Bool = true, _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            if waking { pthread_cond_broadcast(condition) }
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Makes all that wait look again. May be called with the lock held, as from a body of `withLock(waking: false)`.
    @inlinable
    public func wakeAll() { pthread_cond_broadcast(condition) }

    /// Waits until `body` has a result. What the body changes wakes nobody.
    /// - Parameters:
    ///   - body: nil to go on waiting. Called with the lock held, at first and after each change.
    ///   - onGivingUp: called with the lock held if the wait ends with an error.
    /// - Throws: `.timeout` or `.cancelled` once the call is not wanted any more.
    @inlinable
    public func wait<Result>(
        _ call: borrowing Call, until body: (inout State) -> Result?, onGivingUp: (inout State) -> Void = { _ in }
    ) throws(PluginError) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            do throws(PluginError) {
                try call.check()
            } catch {
                onGivingUp(&state)
                throw error
            }
            sleep(before: call.deadlineNanoseconds ?? .max)
        }
    }

    /// Waits until `body` has a result, for a thread that has no call.
    /// - Returns: nil if there is none after `limit`.
    @inlinable
    public func wait<Result>(atMost limit: Duration, until body: (inout State) -> Result?) -> Result? {
        let end = Call.now + limit.nanoseconds
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            if Call.now >= end { return nil }
            sleep(before: end)
        }
    }

    /// Lets go of the lock and sleeps, until something changes, or it is time to ask again whether the call is wanted:
    /// a cancelled one must return within a second, and a look this often costs next to nothing.
    @usableFromInline
    func sleep(before deadline: Int64) {
        let end = min(Call.now + 50_000_000, deadline)
        var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
        pthread_cond_timedwait(condition, mutex, &time)
    }
}
