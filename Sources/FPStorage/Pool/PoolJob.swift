import FPContext
import Synchronization

/// One call on its way through a pool. It is resumed exactly once: by the thread that ran it, by its caller's
/// cancellation while it waits, or by the watchdog that gave it up.
class PoolJob: @unchecked Sendable {
    // `@unchecked Sendable`: what changes after `init` is atomic, or guarded by the pool's lock where it says so.

    /// How the caller hears of a job that did not return.
    enum GivenUp {
        /// Cancelled before it began; nothing has happened.
        case cancelledWaiting
        /// Its deadline passed before it began; nothing has happened.
        case expiredWaiting
        /// Cancelled, but the plugin has not come back.
        case cancelledRunning
        /// Past deadline and grace; its thread is lost.
        case writtenOff
        /// The system gave no thread; nothing has happened.
        case noThread
    }

    private enum Phase: UInt8 {
        case new, queued, running, done
    }

    /// When it must be over; guarded by the pool's lock once the job is queued.
    private(set) var deadline: MonotonicTime
    let grace: Duration
    /// The request that the job is for.
    let requestContext: RequestContext?
    let submitted = MonotonicTime.now
    private let phase = Atomic<UInt8>(Phase.new.rawValue)
    private let cancelRequested = Atomic<Bool>(false)

    /// Whether the thread that ran the job may go on with the task that waits for it. Set before the job is queued.
    var mayLendThread = false
    /// The pool that took the job. Set before it is queued.
    private(set) var pool: WorkerPool?
    /// When the caller gave up a running job; guarded by the pool's lock.
    var cancelledAt: MonotonicTime?
    /// Whether the running call has been told that its deadline passed; guarded by the pool's lock.
    var deadlineSignalled = false

    init(deadline: MonotonicTime, grace: Duration, requestContext: RequestContext?) {
        self.deadline = deadline
        self.grace = grace
        self.requestContext = requestContext
    }

    // For subclasses.

    /// What it does, for the operator.
    var name: String { "" }
    /// Does the work, on a pool thread, and keeps the result for `deliver()`.
    func work(_ context: CallContext) {}
    /// Resumes the caller with the result of `work`.
    func deliver() {}
    /// Resumes the caller with an error, in place of a result.
    func giveUp(_ reason: GivenUp) {}
    /// The call is past deadline and grace, and its thread is lost; whether or not somebody still waited for it.
    func threadLost() {}
    /// A call that was given up has come back after all.
    func returnedLate() {}

    /// Gives the job more time, for a call that may take longer than those before it. From its own thread.
    func extend(to later: MonotonicTime) {
        pool?.underLock { deadline = max(deadline, later) }
    }

    // For the pool. Each returns whether the caller of it now owns the resumption.

    /// The job waits in the pool's queue from here on.
    func enqueue(in pool: WorkerPool) {
        self.pool = pool
        phase.store(Phase.queued.rawValue, ordering: .sequentiallyConsistent)
    }

    /// Whether its caller cancelled before the job was queued. Asked before `enqueue`, when nobody else resumes it, and
    /// once more after it.
    var wasCancelledEarly: Bool { cancelRequested.load(ordering: .sequentiallyConsistent) }

    func claimRun() -> Bool { move(from: .queued, to: .running) }
    func claimWaiting() -> Bool { move(from: .queued, to: .done) }
    func claimAbandoned() -> Bool { move(from: .running, to: .done) }

    func claimResult() -> Bool {
        phase.exchange(Phase.done.rawValue, ordering: .acquiringAndReleasing) != Phase.done.rawValue
    }

    private func move(from: Phase, to: Phase) -> Bool {
        phase.compareExchange(expected: from.rawValue, desired: to.rawValue, ordering: .sequentiallyConsistent)
            .exchanged
    }

    /// The caller's task was cancelled. From any thread, at any time.
    func cancel() {
        cancelRequested.store(true, ordering: .sequentiallyConsistent)
        if claimWaiting() {
            pool?.forget(self)
            giveUp(.cancelledWaiting)
        } else if phase.load(ordering: .acquiring) == Phase.running.rawValue {
            pool?.cancelRunning(self)
        }
    }
}
