import Glibc

/// Runs `body` on `count` threads at once, which start together, and waits for all of them.
package func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    final class Work: @unchecked Sendable {
        // The barrier is made for threads; the rest is constant: hence Sendable by hand.
        let body: @Sendable (Int) -> Void
        let barrier = UnsafeMutablePointer<pthread_barrier_t>.allocate(capacity: 1)
        init(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
            self.body = body
            pthread_barrier_init(barrier, nil, UInt32(count))
        }
        deinit {
            pthread_barrier_destroy(barrier)
            barrier.deallocate()
        }
    }
    final class Job {
        let work: Work
        let index: Int
        init(_ work: Work, _ index: Int) {
            self.work = work
            self.index = index
        }
    }
    let work = Work(count, body)
    let threads = (0..<count).map { index in
        var thread = pthread_t()
        let job = Unmanaged.passRetained(Job(work, index)).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { return nil }
                let job = Unmanaged<Job>.fromOpaque(pointer).takeRetainedValue()
                pthread_barrier_wait(job.work.barrier)
                job.work.body(job.index)
                return nil
            }, job)
        precondition(result == 0, "pthread_create: \(result)")
        return thread
    }
    for thread in threads { pthread_join(thread, nil) }
}

/// Collects from many threads.
package final class Collected<Element: Sendable>: @unchecked Sendable {
    // Everything is behind the lock: hence Sendable by hand.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var elements: [Element] = []

    package init() { pthread_mutex_init(lock, nil) }

    deinit { lock.deallocate() }

    package func add(_ element: Element) {
        pthread_mutex_lock(lock)
        elements.append(element)
        pthread_mutex_unlock(lock)
    }

    package var all: [Element] {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return elements
    }
}

/// Runs a program and returns its exit status, with what it wrote to stdout.
package func runTool(_ arguments: [String]) -> (status: Int32, output: String) {
    var ends: [Int32] = [0, 0]
    guard let program = arguments.first, pipe(&ends) == 0 else { return (-1, "") }
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    var pid: pid_t = 0
    let started = withCStrings(arguments) { arguments in
        withCStrings(["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]) { environment in
            posix_spawnp(&pid, program, &actions, nil, arguments, environment)
        }
    }
    close(ends[1])
    defer { close(ends[0]) }
    guard started == 0 else { return (-1, "") }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(ends[0], &chunk, chunk.count)
        if count <= 0 { break }
        output += chunk.prefix(count)
    }
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return (status & 0x7F == 0 ? (status >> 8) & 0xFF : -1, String(decoding: output, as: UTF8.self))
}

/// A small file system in memory, for tests that fill a disk or make it read-only.
package final class SmallDisk: Sendable {
    /// Mounting needs root; containers often forbid it even so.
    package static let isAllowed: Bool = {
        guard geteuid() == 0, let directory = try? TemporaryDirectory() else { return false }
        guard runTool(["mount", "-t", "tmpfs", "none", directory.path]).status == 0 else { return false }
        return runTool(["umount", directory.path]).status == 0
    }()

    private let directory: TemporaryDirectory
    package var path: String { directory.path }

    package init(options: String) throws {
        directory = try TemporaryDirectory()
        guard runTool(["mount", "-t", "tmpfs", "-o", options, "none", directory.path]).status == 0 else {
            throw Problem("cannot mount a tmpfs with \(options)")
        }
    }

    package func remount(_ options: String) throws {
        guard runTool(["mount", "-o", "remount,\(options)", directory.path]).status == 0 else {
            throw Problem("cannot remount with \(options)")
        }
    }

    deinit { _ = runTool(["umount", "-l", directory.path]) }
}
