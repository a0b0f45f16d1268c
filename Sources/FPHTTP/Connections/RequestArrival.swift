/// How far the body of a request has come, and what becomes of its bytes.
///
/// A body begins as `awaitingContinue` or `delivering`, goes back and forth between `delivering` and `holding` as its
/// reader keeps up, may become `discarding` or `tooSlow` for good, and ends as `whole` if all of it arrives.
///
/// The methods say what happened; what they return is what the connection has to do about it.
struct RequestArrival {
    private enum State {
        /// The client waits for a 100 before it sends the body (RFC 9110, section 10.1.1).
        case awaitingContinue
        /// What comes goes to the body's reader.
        case delivering
        /// The same, but the reader has enough for now: the socket is left alone.
        case holding
        /// The body came too slowly, and its reader was told so. Nobody waits for the rest of it.
        case tooSlow
        /// Nobody wants the body: what comes is dropped, so that the connection can go on behind it.
        case discarding
        /// The request has arrived to its last byte.
        case whole
    }

    /// What becomes of bytes that arrived.
    enum Delivery {
        /// The reader gets them.
        case deliver
        /// They are dropped.
        case drop
        /// They are dropped with all that follow, and the reader is told that the body is cut short.
        case giveUp
    }

    private var state: State

    init(expectsContinue: Bool) {
        state = expectsContinue ? .awaitingContinue : .delivering
    }

    var isWhole: Bool { state == .whole }

    /// Whether the socket is to be left alone because the reader has enough.
    var isHeld: Bool { state == .holding }

    /// Whether the client may leave the body out as soon as it has an answer.
    var awaitsContinue: Bool { state == .awaitingContinue }

    /// Whether bytes are awaited from the client, so that it can be too slow.
    var isTimed: Bool {
        switch state {
        case .delivering, .holding, .discarding: true
        case .awaitingContinue, .tooSlow, .whole: false
        }
    }

    /// Bytes of the body arrived; whoever sends them does not wait for a 100.
    ///
    /// - Parameter isMemoryExhausted: Whether bodies hold so much that even what comes unasked for cannot be kept.
    mutating func bytesArrived(isMemoryExhausted: Bool) -> Delivery {
        switch state {
        case .awaitingContinue:
            state = .delivering
            return .deliver
        case .holding where isMemoryExhausted:
            state = .discarding
            return .giveUp
        case .delivering, .holding, .tooSlow:
            return .deliver
        case .discarding, .whole:
            return .drop
        }
    }

    /// The last byte arrived.
    mutating func ended() {
        state = .whole
    }

    /// The reader asked for the body, and nothing of it is there.
    ///
    /// - Returns: Whether the client is to be sent a 100.
    mutating func readerBegan() -> Bool {
        guard state == .awaitingContinue else { return false }
        state = .delivering
        return true
    }

    /// The reader has enough for now.
    ///
    /// - Returns: Whether it is news.
    mutating func readerIsFull() -> Bool {
        guard state == .delivering else { return false }
        state = .holding
        return true
    }

    /// The reader has room, or wants no more.
    ///
    /// - Returns: Whether reading goes on.
    mutating func readerHasRoom() -> Bool {
        guard state == .holding else { return false }
        state = .delivering
        return true
    }

    /// Nobody wants what is left of the body.
    ///
    /// - Returns: Whether there is anything left that is not dropped already.
    mutating func discard() -> Bool {
        switch state {
        case .awaitingContinue, .delivering, .holding:
            state = .discarding
            return true
        case .tooSlow:
            return true
        case .discarding, .whole:
            return false
        }
    }

    /// The client is too slow with the awaited bytes.
    mutating func ranTooSlowly() {
        state = .tooSlow
    }
}
