import FPThreads
import NIOCore
import Synchronization

/// Runs tasks on an event loop: a handler at work then needs no other thread, and wakes none, until it waits for one.
/// A thread that has done what it waited for, and has nothing else to do, runs the task on up to where it waits again.
final class LoopExecutor: TaskExecutor {
    private struct Queue {
        var jobs: [UnownedJob] = []
        /// Whether the loop has been asked to run what is queued.
        var isDue = false
        /// Whether the loop is about to stop. What is left runs elsewhere, on threads that may be blocked a little.
        var isStopped = false
    }

    private let eventLoop: any EventLoop
    private let queue = Mutex(Queue())

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if LendingThread.take(job, for: asUnownedTaskExecutor()) { return }
        let isTaken = queue.withLock { queue in
            guard !queue.isStopped else { return false }
            queue.jobs.append(job)
            if !queue.isDue {
                queue.isDue = true
                eventLoop.execute { self.run() }
            }
            return true
        }
        if !isTaken {
            globalConcurrentExecutor.enqueue(job)
        }
    }

    /// Runs work on the loop, from another thread.
    ///
    /// The loop takes it under the lock: it does all that it took before it stops, and would lose what comes later.
    ///
    /// - Returns: Whether it will be run; not if the loop is about to stop.
    func execute(_ work: @escaping @Sendable () -> Void) -> Bool {
        queue.withLock { queue in
            if !queue.isStopped { eventLoop.execute(work) }
            return !queue.isStopped
        }
    }

    /// Has everything that comes from here on run elsewhere. A handler that outlives its server is not to be lost.
    func stop() {
        queue.withLock { $0.isStopped = true }
    }

    /// Runs what is there now; what these jobs add has its turn after the loop's other work.
    private func run() {
        let jobs = queue.withLock { queue in
            queue.isDue = false
            defer { queue.jobs = [] }
            return queue.jobs
        }
        let executor = asUnownedTaskExecutor()
        for job in jobs {
            job.runSynchronously(on: executor)
        }
    }
}
