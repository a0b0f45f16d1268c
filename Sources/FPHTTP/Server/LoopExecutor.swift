import NIOCore
import Synchronization

/// Runs tasks on an event loop: a handler at work then needs no other thread, and wakes none, until it waits for one.
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
        let (isStopped, wakes) = queue.withLock { queue in
            guard !queue.isStopped else { return (true, false) }
            queue.jobs.append(job)
            defer { queue.isDue = true }
            return (false, !queue.isDue)
        }
        if isStopped {
            globalConcurrentExecutor.enqueue(job)
        } else if wakes {
            eventLoop.execute { self.run() }
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
