import CFPStorage
import FPContext
import FPThreads

/// One thread of a pool, with the context that its calls share.
///
/// `@unchecked Sendable`: `job` and `isAbandoned` are guarded by the pool's lock; the parking place is made for threads.
final class PoolWorker: @unchecked Sendable {
    let context = CallContext()
    /// What the thread works on; guarded by the pool's lock.
    var job: PoolJob?
    /// Whether the pool has given the thread up; guarded by the pool's lock.
    var isAbandoned = false

    private static let spins: UInt32 = 0
    private let pool: WorkerPool
    private let wakeUp: UnsafeMutablePointer<UInt32>

    init(pool: WorkerPool) {
        self.pool = pool
        wakeUp = .allocate(capacity: 1)
        wakeUp.initialize(to: 0)
    }

    deinit {
        wakeUp.deallocate()
    }

    /// Starts the thread; false if the system gives none.
    func start() -> Bool {
        BackgroundThread.start(name: pool.threadName) { self.run() }
    }

    func wake() {
        fps_unpark(wakeUp)
    }

    private func run() {
        LendingThread.become(for: pool) { thread in
            var next = pool.wokenUp(self)
            while true {
                // No reference to a job may live while the thread sleeps or runs a task: it would keep the job's store
                // from being freed.
                switch next {
                case .job: next = perform(next, on: thread)
                case .lend:
                    thread.runTask()
                    next = pool.cameBack(self)
                case .wait: next = waitForWork()
                case .exit: return
                }
            }
        }
    }

    private func perform(_ next: WorkerPool.Next, on thread: LendingThread) -> WorkerPool.Next {
        guard case .job(let job) = next else { return next }
        let ran = job.claimRun()
        if ran {
            context.begin(job)
            // Task-locals do not reach this thread, and what the plugin logs is to name the request as well.
            RequestContext.$current.withValue(job.requestContext) { job.work(context) }
        }
        // Before the caller is resumed: its next job then finds this thread free, and no other has to be woken.
        let next = pool.finish(self)
        if ran {
            if !job.claimResult() {
                job.returnedLate()
            } else if case .lend = next {
                thread.resume { job.deliver() }
            } else {
                job.deliver()
            }
        }
        return next
    }

    private func waitForWork() -> WorkerPool.Next {
        let deadline = MonotonicTime.now + pool.idleThreadLifetime
        if fps_park(wakeUp, deadline.nanoseconds, Self.spins) == 0, pool.retire(self) { return .exit }
        return pool.wokenUp(self)
    }
}
