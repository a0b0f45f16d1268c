import FPPluginKit
import Glibc

/// State that threads share, some of which wait until others have changed it.
final class Monitor<State>: @unchecked Sendable {
    // The state is reached with the lock held only, and the rest is constant: hence Sendable by hand.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    /// A cancelled call must return within a second; a look this often costs next to nothing.
    private static var pause: Int { 50_000_000 }

    init(_ state: sending State) {
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

    /// Looks at the state or changes it; whoever waits looks again afterwards.
    func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Waits until `body` has a result.
    /// - Throws: `.timeout` or `.cancelled` once the call is not wanted any more.
    func wait<Result>(_ call: borrowing Call, until body: (inout State) -> Result?) throws(PluginError) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            try call.check()
            pause()
        }
    }

    /// Waits until `body` has a result, but not for longer than `limit`.
    func wait<Result>(atMost limit: Duration, until body: (inout State) -> Result?) -> Result? {
        let end = ContinuousClock.now + limit
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            if ContinuousClock.now >= end { return nil }
            pause()
        }
    }

    private func pause() {
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        until.tv_nsec += Self.pause
        if until.tv_nsec >= 1_000_000_000 {
            until.tv_nsec -= 1_000_000_000
            until.tv_sec += 1
        }
        pthread_cond_timedwait(condition, mutex, &until)
    }
}
