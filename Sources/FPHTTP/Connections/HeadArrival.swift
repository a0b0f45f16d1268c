import NIOCore

/// How far the next request's head has come while no request is being served.
enum HeadArrival {
    /// The connection is new, and nothing has come.
    case awaited(since: NIODeadline)
    /// A request was served, and nothing of another has come.
    case idle(since: NIODeadline)
    /// Part of a head is there. Whether its first line is complete tells a long target from long fields.
    case arriving(since: NIODeadline, hasLine: Bool)

    /// Bytes of a head arrived.
    mutating func received(_ buffer: ByteBuffer, at now: NIODeadline) {
        let (since, hadLine) =
            switch self {
            case .awaited(let since): (since, false)
            case .idle: (now, false)
            case .arriving(let since, let hasLine): (since, hasLine)
            }
        self = .arriving(since: since, hasLine: hadLine || buffer.readableBytesView.contains(UInt8(ascii: "\n")))
    }

    var hasBegun: Bool {
        if case .arriving = self { true } else { false }
    }

    var hasLine: Bool {
        if case .arriving(_, let hasLine) = self { hasLine } else { false }
    }

    /// When it will have taken too long.
    func due(_ timeouts: HTTPServer.Timeouts) -> NIODeadline {
        switch self {
        case .awaited(let since), .arriving(let since, _): since + TimeAmount(timeouts.head)
        case .idle(let since): since + TimeAmount(timeouts.idle)
        }
    }
}
