import CFPStorage
import FPThreads

/// Starts threads on which plugins may run: with the stack that the contract promises, a name, and a slot in the
/// ``CallJournal``.
enum BackgroundThread {
    /// The contract promises 1 MiB; thread-local storage and the host's own frames come out of the same stack.
    private static let stackSize = 2 * 1024 * 1024

    /// Starts a detached thread with all signals blocked; false if the system gives none.
    static func start(name: String, _ run: @escaping @Sendable () -> Void) -> Bool {
        DetachedThread.start(stackSize: stackSize) {
            fps_name_thread(name)
            fps_calls_thread_begins()
            run()
            fps_calls_thread_ends()
        }
    }
}
