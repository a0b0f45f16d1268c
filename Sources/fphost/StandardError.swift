import Dispatch
import FPStorage
import FPThreads
import Glibc
import Synchronization

/// Standard error. While the host serves, one thread writes it, from a bounded queue: if its reader stalls, lines are
/// lost, but no request waits.
enum StandardError {
    /// Lines for standard error that wait for the thread that writes them.
    private struct Queue {
        var isServing = false
        var lines: [String] = []
        var bytes = 0
        /// Lines that were dropped since the last that was queued.
        var dropped = 0
        var isAsleep = false
        var dropNotice: @Sendable (Int) -> String = { "\($0) lines were dropped\n" }
    }

    /// The most bytes in the queue. The last quarter is for important lines.
    private static let capacity = 4 << 20
    private static let queue = Mutex(Queue())
    private static let work = DispatchSemaphore(value: 0)
    /// Bytes that are queued or being written; atomic, for a signal handler.
    private static let pending = Atomic<Int>(0)

    /// Makes sure that the three standard streams are open. Otherwise the next file to be opened would get the number
    /// of a closed one, and error messages would be written into it.
    static func secureStandardStreams() {
        for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) < 0 {
            let mode = stream == STDIN_FILENO ? O_RDONLY : O_WRONLY
            let opened = Glibc.open("/dev/null", mode)
            if opened >= 0, opened != stream {
                dup2(opened, stream)
                Glibc.close(opened)
            }
        }
    }

    /// Prints lines from here on through the queue, and what is left of them at the end of the process, within a second.
    static func beginServing() {
        let starts = queue.withLock { queue in
            defer { queue.isServing = true }
            return !queue.isServing
        }
        guard starts else { return }
        guard DetachedThread.start({ StandardError.writeForEver() }) else {
            queue.withLock { $0.isServing = false }
            return
        }
        atexit { StandardError.flush(milliseconds: 1000) }
        // The last lines before a crash are the ones that explain it. Other threads are still about to log what they have
        // just answered.
        CallJournal.watchCrashes { StandardError.flush(milliseconds: 500, atLeast: 20) }
    }

    /// Sets the format of the line that says how many were dropped.
    static func setDropNotice(_ notice: @escaping @Sendable (Int) -> String) {
        queue.withLock { $0.dropNotice = notice }
    }

    /// Prints a line, which ends with a line feed. Never blocks while the host serves.
    /// - Parameter isImportant: whether somebody must see it, so that it is dropped last.
    static func print(_ line: String, isImportant: Bool = true) {
        let count = line.utf8.count
        var wakes = false
        let isQueued = queue.withLock { queue in
            guard queue.isServing else { return false }
            guard queue.bytes + count <= (isImportant ? capacity : capacity / 4 * 3) else {
                queue.dropped += 1
                return true
            }
            appendDropNotice(&queue)
            append(line, &queue)
            wakes = queue.isAsleep
            queue.isAsleep = false
            return true
        }
        if wakes { work.signal() }
        if !isQueued { write(line) }
    }

    /// Waits until everything is written, but no longer than this. Calls nothing that a signal handler may not call.
    /// - Parameter least: how long to wait even if nothing is left, in milliseconds.
    static func flush(milliseconds: Int, atLeast least: Int = 0) {
        var pause = timespec(tv_sec: 0, tv_nsec: 1_000_000)
        var waited = 0
        while waited < milliseconds, waited < least || pending.load(ordering: .acquiring) > 0 {
            nanosleep(&pause, nil)
            waited += 1
        }
    }

    private static func appendDropNotice(_ queue: inout Queue) {
        guard queue.dropped > 0 else { return }
        let notice = queue.dropNotice(queue.dropped)
        queue.dropped = 0
        append(notice, &queue)
    }

    private static func append(_ line: String, _ queue: inout Queue) {
        queue.lines.append(line)
        queue.bytes += line.utf8.count
        pending.add(line.utf8.count, ordering: .releasing)
    }

    private static func writeForEver() -> Never {
        while true {
            let lines = queue.withLock { queue in
                if queue.lines.isEmpty { appendDropNotice(&queue) }
                queue.isAsleep = queue.lines.isEmpty
                defer { queue.lines = [] }
                return queue.lines
            }
            if lines.isEmpty { work.wait() }
            for line in lines {
                write(line)
                let count = line.utf8.count
                queue.withLock { $0.bytes -= count }
                pending.subtract(count, ordering: .releasing)
            }
        }
    }

    /// Normally one call for each line, so that lines of several processes do not mix. An error is ignored: there is
    /// nowhere to report it.
    private static func write(_ line: String) {
        var line = line
        line.withUTF8 { bytes in
            var written = 0
            while written < bytes.count, let start = bytes.baseAddress {
                let count = Glibc.write(STDERR_FILENO, start + written, bytes.count - written)
                if count > 0 {
                    written += count
                } else if count < 0, errno == EAGAIN {
                    // Another process that shares it has made it non-blocking.
                    var waited = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
                    poll(&waited, 1, -1)
                } else if count == 0 || errno != EINTR {
                    return
                }
            }
        }
    }
}
