import Glibc

/// A thread for work that blocks, which goes on with the task that it has just resumed when nothing else waits for it.
///
/// To wake another thread for the task costs a system call and, where that thread's core is idle, more time than the
/// task then needs. The thread lends itself only to tasks of an executor that asks for it with
/// ``take(_:for:)``, and only while it calls ``resume(_:)``, so that no job ever runs inside another one or under a
/// lock of whoever resumed it.
package final class LendingThread {
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let failure = pthread_key_create(&key, nil)
        precondition(failure == 0, "the process has no room for another thread-specific value")
        return key
    }()

    /// Whom the thread works for when it runs no task.
    private let employer: AnyObject
    private var isResuming = false
    private var job: (UnownedJob, UnownedTaskExecutor)?
    private var isRunningTask = false

    private init(_ employer: AnyObject) {
        self.employer = employer
    }

    /// Makes the calling thread one that lends itself, while `body` runs.
    package static func become(for employer: AnyObject, _ body: (LendingThread) -> Void) {
        let thread = LendingThread(employer)
        pthread_setspecific(key, Unmanaged.passUnretained(thread).toOpaque())
        defer { pthread_setspecific(key, nil) }
        body(thread)
    }

    private static var current: LendingThread? {
        guard let pointer = pthread_getspecific(key) else { return nil }
        return Unmanaged<LendingThread>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Whether the calling thread runs a task on loan, and so may block for a moment.
    package static var isLent: Bool { current?.isRunningTask ?? false }

    /// Whether the calling thread runs a task on loan and belongs to `employer`, to whom it comes back right after.
    package static func isLent(by employer: AnyObject) -> Bool {
        guard let current, current.isRunningTask else { return false }
        return current.employer === employer
    }

    /// For executors: has the calling thread run the job, if it is just resuming the job's task.
    /// - Returns: false if the executor is to run the job as ever.
    package static func take(_ job: UnownedJob, for executor: UnownedTaskExecutor) -> Bool {
        guard let current, current.isResuming, current.job == nil else { return false }
        current.job = (job, executor)
        return true
    }

    /// Resumes a task inside `body`; ``runTask()`` then runs it up to where it next waits.
    package func resume(_ body: () -> Void) {
        isResuming = true
        body()
        isResuming = false
    }

    /// Runs the job that came out of ``resume(_:)``, if one did.
    package func runTask() {
        guard let (job, executor) = job.take() else { return }
        isRunningTask = true
        job.runSynchronously(on: executor)
        isRunningTask = false
    }
}
