import FPThreads
import Synchronization

/// Runs work that blocks on a few threads of its own, which end when there is none left. What waits is bounded.
final class BlockingPool: Sendable {
    private struct Job {
        let run: @Sendable () -> Void
        let drop: @Sendable () -> Void
    }

    private struct State {
        /// Those that come first, and the others.
        var queues: [[Job]] = [[], []]
        var threads = 0
    }

    private let threads: Int
    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - threads: The most that work at once.
    ///   - capacity: The most jobs that wait for one, and as many of those that come first.
    init(threads: Int, capacity: Int) {
        self.threads = threads
        self.capacity = capacity
    }

    /// What the work makes; `nil`, at once, if too much waits already, or the system has no thread to give.
    /// - Parameter isFirst: Whether it comes before what is not, and finds a place however much of that waits.
    func run<Value: Sendable>(first isFirst: Bool = false, _ work: @escaping @Sendable () -> Value) async -> Value? {
        await withCheckedContinuation { continuation in
            submit(
                Job(run: { continuation.resume(returning: work()) }, drop: { continuation.resume(returning: nil) }),
                isFirst ? 0 : 1)
        }
    }

    private func submit(_ job: Job, _ queue: Int) {
        enum Step { case wait, start, refuse }
        let step = state.withLock { state -> Step in
            guard state.queues[queue].count < capacity else { return .refuse }
            state.queues[queue].append(job)
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
            guard let queue = state.queues.firstIndex(where: { !$0.isEmpty }) else {
                state.threads -= 1
                return nil
            }
            return state.queues[queue].removeFirst()
        }
    }

    /// A thread could not be had. Without any other, nobody comes for what waits.
    private func endThread() {
        let stranded = state.withLock { state -> [Job] in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            defer { state.queues = [[], []] }
            return Array(state.queues.joined())
        }
        for job in stranded { job.drop() }
    }
}
