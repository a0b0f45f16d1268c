import FPThreads
import Synchronization

/// Runs work that blocks on a few threads of its own, which end when there is none left. What waits is bounded.
final class BlockingPool: Sendable {
    private struct Job {
        let run: @Sendable () -> Void
        let drop: @Sendable () -> Void
    }

    private struct State {
        var waiting: [Job] = []
        var threads = 0
    }

    private let threads: Int
    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - threads: The most that work at once.
    ///   - capacity: The most jobs that wait for one.
    init(threads: Int, capacity: Int) {
        self.threads = threads
        self.capacity = capacity
    }

    /// What the work makes; `nil`, at once, if too much waits already, or the system has no thread to give.
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value? {
        await withCheckedContinuation { continuation in
            submit(
                Job(run: { continuation.resume(returning: work()) }, drop: { continuation.resume(returning: nil) }))
        }
    }

    private func submit(_ job: Job) {
        enum Step { case wait, start, refuse }
        let step = state.withLock { state -> Step in
            guard state.waiting.count < capacity else { return .refuse }
            state.waiting.append(job)
            guard state.threads < threads else { return .wait }
            state.threads += 1
            return .start
        }
        switch step {
        case .wait: return
        case .refuse: job.drop()
        case .start:
            if !DetachedThread.start({ self.work() }) { endThread() }
        }
    }

    private func work() {
        while let job = next() { job.run() }
    }

    /// The next job; with none, the thread is counted no more.
    private func next() -> Job? {
        state.withLock { state in
            if state.waiting.isEmpty {
                state.threads -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    /// A thread could not be had. Without any other, nobody comes for what waits.
    private func endThread() {
        let stranded = state.withLock { state -> [Job] in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for job in stranded { job.drop() }
    }
}
