import FPThreads

/// A thread of the plugin's own, for what must go on while no call of the host is in the plugin.
///
/// It must have ended when the store's `close()` returns. It has no ``Call``: calls learn what it does through a
/// ``Monitor``.
public enum BackgroundThread {
    /// Starts a detached thread with all signals blocked: they are the business of the host's threads.
    /// - Returns: false if the system has no thread to give.
    public static func start(_ body: @escaping @Sendable () -> Void) -> Bool { DetachedThread.start(body) }
}
