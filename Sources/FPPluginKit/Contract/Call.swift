import FPPluginAPI
import Glibc

/// The host's side of one call: how long it may take and whether it is still wanted.
///
/// It lives as long as the call, so it cannot be copied away. Blocking work watches `cancelFD` (with `poll` or
/// `curl_multi_poll`) or asks `isCancelled` between steps, and returns within a second of either.
public struct Call: ~Copyable {
    /// The record itself, for a C callback that has to ask `is_cancelled` in the middle of a transfer.
    public let raw: UnsafePointer<fp_call>
    private let fields: fp_call

    init(_ raw: UnsafePointer<fp_call>) {
        self.raw = raw
        fields = readHostStruct(raw)
    }

    var errorRecord: UnsafeMutablePointer<fp_error>? { fields.error }

    /// Becomes readable when the host cancels the call; -1 if it cannot. Never read, write or close it.
    public var cancelFD: Int32 { fields.cancel_fd }

    /// When the call must be over, in nanoseconds of `CLOCK_MONOTONIC`; nil if it may take for ever.
    public var deadlineNanoseconds: Int64? {
        let deadline = fields.deadline_ns
        return deadline == .max ? nil : deadline
    }

    /// The time left, never negative; nil if there is no deadline.
    public var timeLeft: Duration? {
        deadlineNanoseconds.map { .nanoseconds(max(0, $0.subtractingReportingOverflow(monotonicNanoseconds()).0)) }
    }

    /// True once the host cancelled the call or its deadline passed. Cheap.
    public var isCancelled: Bool {
        guard let ask = fields.is_cancelled else { return false }
        return ask(raw) != 0
    }

    /// What ties log lines, and the back-end's own log, to the request. May be empty.
    public var traceID: String { fields.trace_id.text ?? "" }

    /// Returns while the call is still wanted.
    /// - Throws: `.timeout` past the deadline, `.cancelled` if the host gave up.
    public func check() throws(PluginError) {
        guard isCancelled else { return }
        if let deadlineNanoseconds, monotonicNanoseconds() >= deadlineNanoseconds {
            throw PluginError(.timeout, "the call's deadline passed")
        }
        throw PluginError(.cancelled, "the host cancelled the call")
    }
}

func monotonicNanoseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}
