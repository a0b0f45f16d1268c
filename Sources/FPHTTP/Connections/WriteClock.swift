import NIOCore

/// Watches that a client takes what is written to it, by what its kernel has acknowledged.
struct WriteClock {
    /// Bytes written to the channel so far.
    var written: Int64 = 0
    private var taken: Int64 = 0
    /// When the client was last seen to take something, or began to be watched.
    private(set) var lastProgress = NIODeadline.distantFuture

    mutating func start(at now: NIODeadline) {
        lastProgress = now
    }

    func due(idle: TimeAmount) -> NIODeadline {
        lastProgress + idle
    }

    /// Whether nothing was taken for too long.
    ///
    /// - Parameter pending: Bytes that are written but not acknowledged, in the channel and in the kernel.
    mutating func isStalled(at now: NIODeadline, idle: TimeAmount, pending: Int) -> Bool {
        if written - Int64(pending) > taken {
            taken = written - Int64(pending)
            lastProgress = now
        }
        return now >= lastProgress + idle
    }
}
