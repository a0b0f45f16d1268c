import CFPStorage

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
        var current = pool.assignment(of: self)
        while let job = current {
            let ran = job.claimRun()
            if ran {
                context.begin(job)
                job.work(context)
            }
            // The thread is free again before its caller hears of it: the caller's next job then finds it here
            // and not a thread that has to be woken first.
            let next = pool.finish(self)
            if ran {
                if job.claimResult() { job.deliver() } else { job.returnedLate() }
            }
            switch next {
            case .job(let job): current = job
            case .wait: current = waitForWork()
            case .exit: current = nil
            }
        }
    }

    private func waitForWork() -> PoolJob? {
        while true {
            let bedtime = MonotonicTime.now + pool.idleThreadLifetime
            if fps_park(wakeUp, bedtime.nanoseconds, Self.spins) == 0, pool.retire(self) { return nil }
            switch pool.wokenUp(self) {
            case .job(let job): return job
            case .exit: return nil
            case .wait: continue
            }
        }
    }
}
