/// How far the response to a request has come on its way out.
///
/// A response is `awaited`, then `ending` if it goes out at once; or it is `streaming` first, and `blocked` in between
/// while its client takes too little. It ends as `sent`, or as `aborted` where a part must not pass for the whole.
struct ResponseProgress {
    /// Somebody who waits until the client has taken enough for more to be sent.
    typealias Writer = CheckedContinuation<Void, any Error>

    private enum State {
        /// The handler is at work.
        case awaited
        /// The head is out, and more of the body will follow.
        case streaming(ResponseHead.Framing)
        /// The same, but the client has to take some of it first.
        case blocked(ResponseHead.Framing, Writer)
        /// All is written, or follows by itself from a file, but the kernel has not taken it.
        case ending
        /// The last byte is in the kernel's hands.
        case sent
        /// The response was broken off by this server after its status had gone out.
        case aborted
    }

    /// What a lost connection means for its response.
    enum Loss {
        /// Nothing: the response was sent, and logged.
        case none
        /// The client went away before it had all of it.
        case clientGone
        /// It is lost because the response was broken off.
        case aborted
    }

    private var state = State.awaited

    /// Whether nothing of the response is out yet.
    var isAwaited: Bool {
        if case .awaited = state { true } else { false }
    }

    /// Whether nothing is left to be written.
    var isEnding: Bool {
        if case .ending = state { true } else { false }
    }

    var isSent: Bool {
        if case .sent = state { true } else { false }
    }

    /// Whether it depends on the client that the response goes on.
    var isTimed: Bool {
        switch state {
        case .blocked, .ending: true
        case .awaited, .streaming, .sent, .aborted: false
        }
    }

    /// How the body goes out of which more can be written now; nil when none can.
    var stream: ResponseHead.Framing? {
        if case .streaming(let framing) = state { framing } else { nil }
    }

    /// The head goes out, and the body will follow in parts.
    mutating func streamBegan(_ framing: ResponseHead.Framing) {
        state = .streaming(framing)
    }

    /// The client has to take some of what was written before more can follow.
    mutating func blocked(_ writer: Writer) {
        guard case .streaming(let framing) = state else {
            return writer.resume(throwing: ClientGone())
        }
        state = .blocked(framing, writer)
    }

    /// The client has taken enough.
    ///
    /// - Returns: Who waited for that.
    mutating func unblocked() -> Writer? {
        guard case .blocked(let framing, let writer) = state else { return nil }
        state = .streaming(framing)
        return writer
    }

    /// The last of the response is being written, or the first of a file that is the rest of it.
    mutating func lastWritten() {
        state = .ending
    }

    /// The kernel has taken the last byte.
    mutating func lastTaken() {
        state = .sent
    }

    /// The response is broken off.
    ///
    /// - Returns: Who waited to write more of it.
    mutating func abort() -> Writer? {
        defer { state = .aborted }
        return unblocked()
    }

    /// The connection is lost.
    ///
    /// - Returns: Who waited to write more of the response, and what the loss means for it.
    mutating func connectionLost() -> (writer: Writer?, loss: Loss) {
        let writer = unblocked()
        return switch state {
        case .sent: (writer, .none)
        case .aborted: (writer, .aborted)
        case .awaited, .streaming, .blocked, .ending: (writer, .clientGone)
        }
    }
}
