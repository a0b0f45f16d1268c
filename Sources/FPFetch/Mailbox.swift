import CCurl
import Synchronization

/// How tasks talk to the driver's thread.
final class Mailbox: Sendable {
    enum Message: Sendable {
        case start(Request)
        /// The consumer made room.
        case proceed(Exchange)
        /// The consumer went away.
        case abort(Exchange)
        case stop
    }

    struct Request: Sendable {
        let exchange: Exchange
        let url: RemoteURL
        let deadline: ContinuousClock.Instant
    }

    private struct State {
        var messages: [Message] = []
        var multi: UnsafeMutableRawPointer?
        var hasEnded = false
        var closing: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    /// Makes a mailbox whose messages wake up whoever polls the multi handle at that address.
    init(multi address: UInt) {
        state = Mutex(State(multi: UnsafeMutableRawPointer(bitPattern: address)))
    }

    /// Hands a message over and wakes the driver; false if there is none any more.
    @discardableResult
    func post(_ message: Message) -> Bool {
        state.withLock { state in
            guard let multi = state.multi else { return false }
            state.messages.append(message)
            // Under the lock, so that the handle cannot be freed in between.
            curl_multi_wakeup(multi)
            return true
        }
    }

    /// Waits until the driver has ended.
    func ended() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if !state.hasEnded { state.closing.append(continuation) }
                return state.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }
}

// The driver's side.
extension Mailbox {
    /// The multi handle, until the mailbox is closed.
    var multi: UnsafeMutableRawPointer? {
        let address = state.withLock { UInt(bitPattern: $0.multi) }
        return UnsafeMutableRawPointer(bitPattern: address)
    }

    func drain() -> [Message] {
        state.withLock { state in
            defer { state.messages.removeAll(keepingCapacity: true) }
            return state.messages
        }
    }

    /// Takes no more messages, and returns those that nobody has seen. The handle may be freed afterwards.
    func close() -> [Message] {
        state.withLock { state in
            state.multi = nil
            defer { state.messages = [] }
            return state.messages
        }
    }

    func announceEnd() {
        let waiters = state.withLock { state in
            state.hasEnded = true
            defer { state.closing = [] }
            return state.closing
        }
        for waiter in waiters { waiter.resume() }
    }
}
