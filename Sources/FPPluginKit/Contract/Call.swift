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

    /// A call of the host, for as long as its record is valid.
    package init(_ raw: UnsafePointer<fp_call>) {
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
        deadlineNanoseconds.map { .nanoseconds(max(0, $0.subtractingReportingOverflow(Call.now).0)) }
    }

    /// True once the host cancelled the call or its deadline passed. Cheap.
    public var isCancelled: Bool {
        if let ask = fields.is_cancelled { return ask(raw) != 0 }
        // A host that gives no function still sets the deadline and the descriptor.
        if let deadlineNanoseconds, Call.now >= deadlineNanoseconds { return true }
        var watched = pollfd(fd: cancelFD, events: Int16(POLLIN), revents: 0)
        return cancelFD >= 0 && poll(&watched, 1, 0) > 0
    }

    /// What ties log lines, and the back-end's own log, to the request. May be empty.
    public var traceID: String { fields.trace_id.text ?? "" }

    /// Returns while the call is still wanted.
    /// - Throws: `.timeout` past the deadline, `.cancelled` if the host gave up.
    public func check() throws(PluginError) {
        guard isCancelled else { return }
        if let deadlineNanoseconds, Call.now >= deadlineNanoseconds {
            throw PluginError(.timeout, "the call's deadline passed")
        }
        throw PluginError(.cancelled, "the host cancelled the call")
    }
}
