import FPThreads
import Synchronization

/// An executor whose tasks go on on the threads that resume them, as those of the server's connections do.
package final class LendingExecutor: TaskExecutor {
    private let loans = Atomic(0)

    package init() {}

    /// How often a thread has taken a task.
    package var loanCount: Int { loans.load(ordering: .relaxed) }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if LendingThread.take(job, for: asUnownedTaskExecutor()) {
            loans.add(1, ordering: .relaxed)
        } else {
            globalConcurrentExecutor.enqueue(job)
        }
    }
}

/// Runs `body` on a thread on loan, up to where it first waits.
package func onLoan<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
    try await withTaskExecutorPreference(LendingExecutor()) {
        // A thread that is quicker than this task, which then does not wait at all, gets nothing to run.
        for _ in 0..<1000 where !LendingThread.isLent {
            await withCheckedContinuation { caller in
                let isStarted = DetachedThread.start {
                    LendingThread.become(for: Employer()) { thread in
                        thread.resume { caller.resume() }
                        thread.runTask()
                    }
                }
                precondition(isStarted, "the system gives no thread")
            }
        }
        precondition(LendingThread.isLent, "no thread goes on with the task that it resumes")
        return try await body()
    }
}

private final class Employer {}
