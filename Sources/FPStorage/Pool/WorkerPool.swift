import FPThreads
import NIOCore
import Synchronization

/// A bounded set of threads for calls that block, with a bounded queue before it.
///
/// Threads are made on demand and end when idle for a while. A thread whose call does not come back is given up and
/// replaced, within bounds; should the call come back after all, the thread takes its place again or ends.
///
/// `@unchecked Sendable` only because `Mutex` holds classes that are guarded by it; nothing else is mutable.
final class WorkerPool: @unchecked Sendable {
    /// Where in the queue a job goes.
    enum Lane {
        /// Behind others; refused when the queue is full.
        case data
        /// Before data; refused when the queue is full of its like.
        case control
        /// Before data; never refused, since it frees what is held.
        case release
    }

    /// Why a job was not taken.
    enum Refusal {
        case queueFull(waiting: Int)
        case noThread
        case stopped
    }

    /// What a thread does after a job.
    enum Next {
        case job(PoolJob)
        /// Nothing waits: the thread may go on with the task that it resumes.
        case lend
        case wait
        case exit
    }

    /// A thread that is to come for a job, to be called once the lock is released.
    private enum Summons {
        case wake(PoolWorker)
        case start(PoolWorker)
    }

    /// What an inspection found, told to the jobs once the lock is released.
    private struct Late {
        var lost: [PoolJob] = []
        var givenUp: [(PoolJob, PoolJob.GivenUp)] = []
    }

    private struct State {
        var urgent = CircularBuffer<PoolJob>()
        var queue = CircularBuffer<PoolJob>()
        var idle: [PoolWorker] = []
        var workers: [PoolWorker] = []
        /// The one that is waking up, or starting, to take the first job of the queue.
        var summoned: PoolWorker?
        var abandoned = 0
        /// Threads that run a task, and will look for a job right after.
        var lent = 0
        var stopped = false

        var live: Int { workers.count - abandoned }
        var waiting: Int { queue.count + urgent.count }
        var busy: Bool { idle.count < live || abandoned > 0 || !queue.isEmpty || !urgent.isEmpty }
    }

    let threadName: String
    let size: Int
    let idleThreadLifetime: Duration
    private let queueBound: Int
    private let replacements: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - size: the most calls at once.
    ///   - queueBound: the most data jobs that wait, and as many control jobs.
    ///   - replacements: how many lost threads may be replaced; 0 where two calls at once would break the plugin.
    init(name: String, size: Int, queueBound: Int, replacements: Int, idleThreadLifetime: Duration) {
        threadName = name
        self.size = size
        self.queueBound = queueBound
        self.replacements = replacements
        self.idleThreadLifetime = idleThreadLifetime
    }

    /// What is late in the pool.
    struct Census {
        /// The oldest call of a kind.
        struct Oldest {
            var name: String
            var submitted: MonotonicTime
        }

        var hasCapacity: Bool
        /// Threads that are written off, in a call that has not come back.
        var lost = 0
        var oldestLost: Oldest?
        /// Calls that run for longer than they should.
        var late = 0
        var oldestLate: Oldest?
    }

    /// Counts the calls that run for longer than `patience`, waiting for a thread included.
    func census(lateAfter patience: Duration, at now: MonotonicTime) -> Census {
        func older(_ job: PoolJob, _ oldest: Census.Oldest?) -> Census.Oldest? {
            if let oldest, oldest.submitted < job.submitted { return oldest }
            return Census.Oldest(name: job.name, submitted: job.submitted)
        }
        return state.withLock { state in
            var census = Census(hasCapacity: state.stopped || state.live > 0 || mayGrow(state))
            for worker in state.workers {
                guard let job = worker.job else { continue }
                if worker.isAbandoned {
                    census.lost += 1
                    census.oldestLost = older(job, census.oldestLost)
                } else if now - job.submitted > patience {
                    census.late += 1
                    census.oldestLate = older(job, census.oldestLate)
                }
            }
            return census
        }
    }

    // MARK: - For callers

    /// Takes a job, or says why not; a job not taken is the caller's to resume.
    func submit(_ job: PoolJob, lane: Lane) -> Refusal? {
        job.enqueue(in: self)
        let (refusal, summons): (Refusal?, Summons?) = state.withLock { state in
            if state.stopped { return (.stopped, nil) }
            if state.live == 0, !mayGrow(state), lane != .release { return (.noThread, nil) }
            if let refusal = enqueue(job, lane, &state) { return (refusal, nil) }
            // The thread that calls is about to wait for the job, and looks for one itself then; if it should be held up
            // after all, the watchdog calls another. Nobody waits for a release, so its thread goes on for longer.
            if state.waiting == 1, lane != .release, LendingThread.isLent(by: self) { return (nil, nil) }
            return (nil, summon(&state))
        }
        if refusal != nil { return refusal }
        if let summons, !answer(summons) {
            forget(job)
            return .noThread
        }
        Watchdog.shared.poolIsBusy()
        if job.wasCancelledEarly { job.cancel() }
        return nil
    }

    /// Takes a job out of the queue that its caller no longer waits for.
    func forget(_ job: PoolJob) {
        state.withLock { state in
            state.queue.removeAll { $0 === job }
            state.urgent.removeAll { $0 === job }
        }
    }

    /// Tells the call that runs the job to stop.
    func cancelRunning(_ job: PoolJob) {
        state.withLock { state in
            guard let worker = state.workers.first(where: { $0.job === job }) else { return }
            if job.cancelledAt == nil { job.cancelledAt = .now }
            worker.context.cancel()
        }
    }

    /// Changes something of a job that the pool looks at.
    func underLock(_ change: () -> Void) {
        state.withLock { _ in change() }
    }

    /// Lets idle threads end and takes no more jobs but releases that are queued already.
    func stop() {
        let idle = state.withLock { state in
            state.stopped = true
            defer { state.idle = [] }
            return state.idle
        }
        for worker in idle { worker.wake() }
        Watchdog.shared.unregister(self)
    }

    // MARK: - For threads

    /// The worker's job is over: what next?
    func finish(_ worker: PoolWorker) -> Next {
        state.withLock { state in
            let mayLend = worker.job?.mayLendThread ?? false
            worker.job = nil
            worker.context.end()
            if worker.isAbandoned {
                state.abandoned -= 1
                worker.isAbandoned = false
                if state.live > size {
                    remove(worker, &state)
                    return .exit
                }
            }
            guard mayLend, state.waiting == 0, !state.stopped else { return nextJob(for: worker, &state) }
            state.lent += 1
            return .lend
        }
    }

    /// The worker runs no task any more: what next?
    func cameBack(_ worker: PoolWorker) -> Next {
        state.withLock { state in
            state.lent -= 1
            return nextJob(for: worker, &state)
        }
    }

    /// The worker is awake: to work or to end.
    func wokenUp(_ worker: PoolWorker) -> Next {
        let (next, summons): (Next, Summons?) = state.withLock { state in
            if state.summoned === worker { state.summoned = nil }
            // A wake-up may come late, when its reason is gone.
            state.idle.removeAll { $0 === worker }
            return (nextJob(for: worker, &state), summon(&state))
        }
        if let summons { _ = answer(summons) }
        return next
    }

    /// The worker has been idle for long; true if it may end.
    func retire(_ worker: PoolWorker) -> Bool {
        state.withLock { state in
            guard worker.job == nil, let index = state.idle.firstIndex(where: { $0 === worker }) else { return false }
            state.idle.remove(at: index)
            remove(worker, &state)
            return true
        }
    }

    // MARK: - For the watchdog

    /// Whether anything here has a deadline.
    var isBusy: Bool { state.withLock { $0.busy } }

    /// Signals and gives up what is late.
    func inspect(at now: MonotonicTime) {
        var late = Late()
        let summons = state.withLock { state in
            for worker in state.workers {
                guard let job = worker.job, !worker.isAbandoned else { continue }
                inspect(job, on: worker, at: now, &state, &late)
            }
            expire(&state.queue, at: now, &late)
            expire(&state.urgent, at: now, &late)
            // A thread that was lost leaves room for another.
            return summon(&state)
        }
        for job in late.lost { job.threadLost() }
        for (job, reason) in late.givenUp { job.giveUp(reason) }
        guard let summons, !answer(summons) else { return }
        let waiting = state.withLock { state in
            defer {
                state.urgent.removeAll()
                state.queue.removeAll()
            }
            return Array(state.urgent) + Array(state.queue)
        }
        for job in waiting where job.claimWaiting() { job.giveUp(.noThread) }
    }

    // MARK: - Under the lock

    private func inspect(
        _ job: PoolJob, on worker: PoolWorker, at now: MonotonicTime, _ state: inout State,
        _ late: inout Late
    ) {
        if now >= job.deadline, !job.deadlineSignalled {
            job.deadlineSignalled = true
            worker.context.cancel()
        }
        if now >= job.deadline + job.grace {
            worker.isAbandoned = true
            state.abandoned += 1
            late.lost.append(job)
            if job.claimAbandoned() { late.givenUp.append((job, .writtenOff)) }
        } else if let cancelled = job.cancelledAt, now >= cancelled + Watchdog.cancelPatience, job.claimAbandoned() {
            late.givenUp.append((job, .cancelledRunning))
        }
    }

    private func expire(
        _ queue: inout CircularBuffer<PoolJob>, at now: MonotonicTime, _ late: inout Late
    ) {
        queue.removeAll { job in
            guard now >= job.deadline, job.claimWaiting() else { return false }
            late.givenUp.append((job, .expiredWaiting))
            return true
        }
    }

    private func mayGrow(_ state: borrowing State) -> Bool {
        !state.stopped && state.live < size && state.workers.count < size + replacements
    }

    private func enqueue(_ job: PoolJob, _ lane: Lane, _ state: inout State) -> Refusal? {
        // Jobs for which there is a thread do not count as waiting, though they are in the queue until it comes.
        func isFull(_ queue: CircularBuffer<PoolJob>) -> Bool {
            guard queue.count >= queueBound else { return false }
            return queue.count - queueBound >= free(state)
        }
        switch lane {
        case .data:
            if isFull(state.queue) { return .queueFull(waiting: state.queue.count) }
            state.queue.append(job)
        case .control:
            if isFull(state.urgent) { return .queueFull(waiting: state.urgent.count) }
            state.urgent.append(job)
        case .release:
            state.urgent.append(job)
        }
        return nil
    }

    /// How many threads could take a job now.
    private func free(_ state: borrowing State) -> Int {
        let growth = state.stopped ? 0 : min(size - state.live, size + replacements - state.workers.count)
        return state.idle.count + state.lent + (state.summoned == nil ? 0 : 1) + max(0, growth)
    }

    /// Calls a thread for the jobs that wait, one at a time: it calls the next one when it has come. A job that is
    /// short is done by a thread that was awake before another would have woken up for it.
    private func summon(_ state: inout State) -> Summons? {
        guard state.summoned == nil, !state.queue.isEmpty || !state.urgent.isEmpty else { return nil }
        if let worker = state.idle.popLast() {
            state.summoned = worker
            return .wake(worker)
        }
        guard mayGrow(state) else { return nil }
        let worker = PoolWorker(pool: self)
        state.workers.append(worker)
        state.summoned = worker
        return .start(worker)
    }

    /// Calls the thread.
    /// - Returns: false if the system gave none and there is no other.
    private func answer(_ summons: Summons) -> Bool {
        switch summons {
        case .wake(let worker):
            worker.wake()
            return true
        case .start(let worker):
            if worker.start() { return true }
            return state.withLock { state in
                state.summoned = nil
                remove(worker, &state)
                return state.live > 0
            }
        }
    }

    private func takeQueued(_ state: inout State) -> PoolJob? {
        state.urgent.popFirst() ?? state.queue.popFirst()
    }

    private func nextJob(for worker: PoolWorker, _ state: inout State) -> Next {
        if let job = takeQueued(&state) {
            worker.job = job
            return .job(job)
        }
        if state.stopped {
            remove(worker, &state)
            return .exit
        }
        state.idle.append(worker)
        return .wait
    }

    private func remove(_ worker: PoolWorker, _ state: inout State) {
        if let index = state.workers.firstIndex(where: { $0 === worker }) {
            state.workers.swapAt(index, state.workers.count - 1)
            state.workers.removeLast()
        }
    }
}
