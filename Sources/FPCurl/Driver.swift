import FPThreads
import Synchronization

/// Work for a ``Driver``: one request, or several one after the other. All calls come on the driver's thread.
package protocol DrivenTransfer: EasyDelegate {
    /// The first request; nil if there is none to be made after all.
    func begin() -> EasyOptions?

    /// Takes the end of a request, or of the wait for a place.
    /// - Parameter failure: nil if the request came to its end.
    /// - Returns: the next request; nil if there is none. Nobody makes it after ``CurlFailure/Reason/aborted`` and
    ///   ``CurlFailure/Reason/stopped``.
    func end(_ failure: CurlFailure?) -> EasyOptions?
}

/// Runs transfers concurrently, on one thread of its own, until it is stopped.
///
/// A transfer is known by a key: an object of the caller's that both sides have.
package final class Driver: Sendable {
    package typealias Key = AnyObject & Sendable

    /// Upper bounds.
    package struct Limits: Sendable {
        /// Transfers under way at the same time.
        package var concurrency = Int.max
        /// Transfers that wait for one of those to end.
        package var waiting = Int.max
        /// Connections that are kept; nil for libcurl's default.
        package var idleConnections: Int?
        /// Handles that are kept for later transfers, with their TLS sessions.
        package var idleHandles = 0

        package init() {}
    }

    enum Message: Sendable {
        case start(any Key, ContinuousClock.Instant?, @Sendable () -> any DrivenTransfer)
        case proceed(any Key)
        case abort(any Key)
        case withdraw(any Key)
        case stop
    }

    private struct State {
        var messages: [Message] = []
        /// The handle that the thread waits on; nil once the thread takes no more messages.
        var multi: MultiHandle?
        var hasEnded = false
        var whenEnded: [@Sendable () -> Void] = []
    }

    private let state: Mutex<State>

    /// Starts a driver and its thread.
    /// - Parameter report: hears of trouble with libcurl that ended all transfers.
    /// - Throws: ``CurlFailure`` if the system has no memory, descriptor or thread to give.
    package init(
        _ limits: Limits = Limits(), report: @escaping @Sendable (CurlFailure) -> Void = { _ in }
    ) throws(CurlFailure) {
        let multi = try MultiHandle(idleConnections: limits.idleConnections)
        state = Mutex(State(multi: multi))
        guard DetachedThread.start({ self.run(limits, report) }) else {
            throw CurlFailure(.noThread, text: "the system gives no thread")
        }
    }

    /// Starts a transfer.
    /// - Parameters:
    ///   - key: what it is known by.
    ///   - deadline: until when it may wait for a place.
    ///   - make: makes it, on the driver's thread.
    /// - Returns: false if the driver was stopped.
    package func start(
        _ key: some Key, before deadline: ContinuousClock.Instant? = nil,
        _ make: @escaping @Sendable () -> any DrivenTransfer
    ) -> Bool {
        post(.start(key, deadline, make))
    }

    /// Offers again what ``Intake/full`` held back.
    package func proceed(_ key: some Key) { _ = post(.proceed(key)) }

    /// Ends a transfer that nobody wants any more.
    package func abort(_ key: some Key) { _ = post(.abort(key)) }

    /// Ends a transfer that nobody wants any more if it still waits for a place. One that is under way keeps its place: where
    /// the other side goes on with its work although nobody waits, the number of places bounds that work only so.
    package func withdraw(_ key: some Key) { _ = post(.withdraw(key)) }

    /// Ends all transfers with ``CurlFailure/stopped``, and the thread.
    /// - Parameter whenEnded: is called when that is done and nothing of the transfers is held any more.
    package func stop(_ whenEnded: @escaping @Sendable () -> Void = {}) {
        _ = post(.stop)
        let hasEnded = state.withLock { state in
            if !state.hasEnded { state.whenEnded.append(whenEnded) }
            return state.hasEnded
        }
        if hasEnded { whenEnded() }
    }

    private func post(_ message: Message) -> Bool {
        state.withLock { state in
            guard let multi = state.multi else { return false }
            state.messages.append(message)
            // Under the lock, so that the last reference to the handle is dropped on the driver's thread.
            multi.wake()
            return true
        }
    }
}

// What happens on the driver's thread.
extension Driver {
    private func run(_ limits: Limits, _ report: (CurlFailure) -> Void) {
        drive(limits, report)
        let waiters = state.withLock { state in
            state.hasEnded = true
            defer { state.whenEnded = [] }
            return state.whenEnded
        }
        for waiter in waiters { waiter() }
    }

    private func drive(_ limits: Limits, _ report: (CurlFailure) -> Void) {
        guard let multi = state.withLock({ $0.multi }) else { return }
        DriverLoop(multi, limits).run({ self.drain() }, report)
        let unseen = state.withLock { state in
            state.multi = nil
            defer { state.messages = [] }
            return state.messages
        }
        for case .start(_, _, let make) in unseen { _ = make().end(.stopped) }
    }

    private func drain() -> [Message] {
        state.withLock { state in
            defer { state.messages.removeAll(keepingCapacity: true) }
            return state.messages
        }
    }
}
