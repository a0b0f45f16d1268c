import Glibc

/// A mutex, for what many threads write.
///
/// `@unchecked Sendable`: a pthread mutex is made to be shared.
package final class Lock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    package init() { pthread_mutex_init(mutex, nil) }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    package func with<Result>(_ body: () throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
}

/// The threads from which a host calls plugins: 1 MiB of stack, all signals blocked.
package enum HostThreads {
    /// Runs `body` on a thread of its own and waits for it.
    package static func run<Result>(_ body: @escaping () throws -> Result) throws -> Result {
        let job = Job { _ in try body() }
        join([start(job, 0)])
        guard let result = job.results.first else { throw Broken("the thread ended without a result") }
        return try result.get()
    }

    /// Runs `body` on `count` threads at once, which start together, and waits for all of them.
    /// - Throws: what the first of them to fail threw.
    package static func run(_ count: Int, _ body: @escaping (Int) throws -> Void) throws {
        let job = Job(parties: count, body)
        join((0..<count).map { start(job, $0) })
        for result in job.results { try result.get() }
    }

    private final class Job<Result> {
        let body: (Int) throws -> Result
        private let lock = Lock()
        private(set) var results: [Swift.Result<Result, any Error>] = []
        private let barrier = UnsafeMutablePointer<pthread_barrier_t>.allocate(capacity: 1)

        init(parties: Int = 1, _ body: @escaping (Int) throws -> Result) {
            self.body = body
            pthread_barrier_init(barrier, nil, UInt32(parties))
        }

        deinit {
            pthread_barrier_destroy(barrier)
            barrier.deallocate()
        }

        func run(_ index: Int) {
            pthread_barrier_wait(barrier)
            let result = Swift.Result { try body(index) }
            lock.with { results.append(result) }
        }
    }

    /// The parameter of a thread's function, with the generic part closed over.
    private final class Start {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    private static func start<Result>(_ job: Job<Result>, _ index: Int) -> pthread_t {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 1 << 20)
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let parameter = Unmanaged.passRetained(Start { job.run(index) }).toOpaque()
        let result = pthread_create(
            &thread, &attributes,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            }, parameter)
        guard result == 0 else { fatalError("pthread_create: \(result)") }
        return thread
    }

    private static func join(_ threads: [pthread_t]) {
        for thread in threads { pthread_join(thread, nil) }
    }
}
