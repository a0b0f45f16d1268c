import FPThreads
import Glibc

/// Nanoseconds of the clock that deadlines are on.
package func monotonic() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// Asks again and again whether `condition` holds, for at most half a minute.
/// - Throws: a ``Problem`` that names `what` when the time is over, and what `condition` throws.
package func waitUntil(_ what: String, _ condition: () throws -> Bool) throws {
    let end = monotonic() + 30_000_000_000
    while try !condition() {
        guard monotonic() < end else { throw Problem("waited in vain: \(what)") }
        usleep(10_000)
    }
}

/// Runs `body` on a thread of its own that nobody waits for: what blocks must not block the threads of Swift's tasks.
package func startThread(_ body: @escaping @Sendable () -> Void) {
    precondition(DetachedThread.start(body), "the system has no thread to give")
}
