import FPPluginAPI
import Glibc

/// How calls are made: what the host looks like, when they end, how much room their error record has.
struct Invocation {
    var shape = HostShape.present
    /// Nanoseconds of CLOCK_MONOTONIC.
    var deadline = Int64.max
    /// Becomes readable when the call is cancelled; -1 if it never is.
    var cancelDescriptor: Int32 = -1
    var messageCapacity = 512
    /// Texts that no message may hold.
    var secrets: [String] = []

    /// Makes a call and turns its error record into a `Failure`.
    /// - Throws: `Failure`; `Broken` if the record itself breaks the contract.
    func perform(_ slot: String, _ body: (UnsafePointer<fp_call>) -> fp_status) throws {
        Breadcrumb.shared.leave(slot)
        let message = Room(messageCapacity)
        let requestID = Room(128)
        var record = fp_error()
        record.message = message.buffer
        record.request_id = requestID.buffer
        if messageCapacity == 0 { record.message = fp_buf() }
        let (status, filled) = try shape.lendOutput(record, of: slot, buffers: [\.message, \.request_id]) { record in
            var call = fp_call()
            call.cancel_fd = cancelDescriptor
            call.deadline_ns = deadline
            call.error = record
            call.is_cancelled = { Self.isOver($0) }
            return lend("validate-1") { trace in
                call.trace_id = trace
                return shape.lend(call) { body($0) }
            }
        }
        Breadcrumb.shared.leave("after " + slot)
        try message.check(slot)
        try requestID.check(slot)
        guard status != FP_OK else { return }
        try check(filled, slot)
        guard StatusName.known.contains(status) else {
            throw Broken("\(slot) returned status \(status), which fp_plugin.h does not have", .slot("fp_status"))
        }
        throw Failure(
            slot: slot, status: status, message: filled.message.string, retryAfterMilliseconds: filled.retry_after_ms,
            flags: filled.flags)
    }

    /// What the host tells a plugin that asks: the call is cancelled, or past its deadline.
    private static func isOver(_ call: UnsafePointer<fp_call>?) -> Int32 {
        guard let call = call?.pointee else { return 0 }
        if MonotonicClock.nanoseconds >= call.deadline_ns { return 1 }
        guard call.cancel_fd >= 0 else { return 0 }
        var poller = pollfd(fd: call.cancel_fd, events: Int16(POLLIN), revents: 0)
        return poll(&poller, 1, 0) > 0 ? 1 : 0
    }

    private func check(_ record: fp_error, _ slot: String) throws {
        let text = record.message.string
        if text.contains("\n") {
            throw Broken("\(slot)'s message is more than one line: \"\(text)\"", .slot("fp_error"))
        }
        for secret in secrets where text.contains(secret) || record.request_id.string.contains(secret) {
            throw Broken("\(slot)'s message tells a secret option's value", .slot("fp_error"))
        }
    }
}

/// CLOCK_MONOTONIC, by which deadlines are given.
enum MonotonicClock {
    static var nanoseconds: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    static var seconds: Double { Double(nanoseconds) / 1e9 }
}
