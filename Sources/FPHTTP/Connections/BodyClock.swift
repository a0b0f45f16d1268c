import NIOCore

/// Watches a body that is being waited for: that bytes come at all, and that they come fast enough.
///
/// Time in which the server itself does not read counts for neither.
struct BodyClock {
    private var lastByte = NIODeadline.distantFuture
    private var windowStart = NIODeadline.distantFuture
    private var windowBytes = 0
    private var pausedAt: NIODeadline?

    mutating func start(at now: NIODeadline) {
        lastByte = now
        windowStart = now
        windowBytes = 0
        pausedAt = nil
    }

    mutating func note(bytes: Int, at now: NIODeadline) {
        lastByte = now
        windowBytes += bytes
    }

    mutating func pause(at now: NIODeadline) {
        pausedAt = now
    }

    mutating func resume(at now: NIODeadline) {
        if let pausedAt {
            self.pausedAt = nil
            lastByte = now
            windowStart = windowStart + (now - pausedAt)
        }
    }

    /// When to ask ``isTooSlow(at:idle:minimumRate:)`` next; nil while the server does not read.
    func due(idle: TimeAmount) -> NIODeadline? {
        pausedAt == nil ? min(lastByte, windowStart) + idle : nil
    }

    mutating func isTooSlow(at now: NIODeadline, idle: TimeAmount, minimumRate: Int) -> Bool {
        if now >= lastByte + idle {
            return true
        }
        let elapsed = now - windowStart
        guard elapsed >= idle else {
            return false
        }
        let expected = Double(minimumRate) * Double(elapsed.nanoseconds) / 1e9
        if Double(windowBytes) < expected {
            return true
        }
        windowStart = now
        windowBytes = 0
        return false
    }
}
