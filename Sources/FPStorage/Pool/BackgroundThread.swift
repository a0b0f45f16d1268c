import CFPStorage
import Glibc

/// Starts threads on which plugins may run: detached, with room on the stack, and with
/// all signals blocked but those that a crash raises.
enum BackgroundThread {
    /// The contract promises 1 MiB; thread-local storage and the host's own frames come out of the same stack.
    private static let stackSize = 2 * 1024 * 1024

    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread; false if the system gives none.
    ///
    /// All signals are blocked while the thread is made, so that it is born with them blocked and never takes one that
    /// is meant for the host's own handlers.
    static func start(name: String, _ run: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, stackSize)
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(Body(name: name, run: run))
        let failure = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                fps_name_thread(body.name)
                fps_calls_thread_begins()
                body.run()
                fps_calls_thread_ends()
                return nil
            }, argument.toOpaque())
        if failure != 0 { argument.release() }
        return failure == 0
    }
}
