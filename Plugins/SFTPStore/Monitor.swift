import FPPluginKit
import Glibc

// Sendable by hand: the mutex and the condition are made for threads and stay where they are.
/// A lock that threads can wait on until what it guards has changed, or until the host gives a call up.
final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// How long a waiter sleeps before it asks the host again: a cancelled call has a second to return.
    private static let slice: Int64 = 100_000_000

    init() {
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

    func locked<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Tells all waiters to look again.
    func announce() { pthread_cond_broadcast(condition) }

    /// With the lock held: lets go of it and sleeps until `isTrue` holds.
    /// - Throws: `.timeout` and `.cancelled`, as the call says.
    func wait(_ call: borrowing Call, until isTrue: () -> Bool) throws(PluginError) {
        while !isTrue() {
            try call.checkAll()
            sleep(until: min(monotonicNow() + Self.slice, call.deadlineNanoseconds ?? .max))
        }
    }

    /// With the lock held: the same for a thread without a call, at most until `deadline`.
    func wait(before deadline: Int64, until isTrue: () -> Bool) {
        while !isTrue(), monotonicNow() < deadline { sleep(until: deadline) }
    }

    private func sleep(until nanoseconds: Int64) {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        pthread_cond_timedwait(condition, mutex, &time)
    }
}

extension Call {
    /// As `check`, but by the deadline and the descriptor themselves, so that it holds for hosts that give no function.
    borrowing func checkAll() throws(PluginError) {
        try check()
        if let deadlineNanoseconds, monotonicNow() >= deadlineNanoseconds {
            throw PluginError(.timeout, "the call's deadline passed")
        }
        guard cancelFD >= 0 else { return }
        var poller = pollfd(fd: cancelFD, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, 0) > 0 else { return }
        throw PluginError(.cancelled, "the host cancelled the call")
    }
}
