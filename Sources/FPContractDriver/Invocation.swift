import FPPluginAPI
import Glibc

/// How calls are made: what the host looks like, when they end, how much space their error record has.
package struct Invocation: Sendable {
    /// Takes the place of a store's own way of calling, for all calls that a closure makes on its thread.
    @TaskLocal package static var ambient: Invocation?

    package var shape = HostShape.present
    /// Nanoseconds of CLOCK_MONOTONIC.
    package var deadline = Int64.max
    /// Cancels the call; nil if nothing can.
    package var cancellation: Cancellation?
    /// Bytes that there are for a message.
    package var messageCapacity = 512
    /// Texts that no message may hold.
    package var secrets: [String] = []

    package init() {}

    /// Makes a call and turns its error record into a `Failure`.
    /// - Parameter slot: the name of the slot that `body` calls.
    /// - Throws: `Failure`; `Broken` if the record itself breaks the contract.
    package func perform(_ slot: String, _ body: (UnsafePointer<fp_call>) -> fp_status) throws {
        Breadcrumb.shared.leave(slot)
        let message = GuardedBuffer(messageCapacity)
        let requestID = GuardedBuffer(128)
        var record = fp_error()
        record.message = message.buffer
        record.request_id = requestID.buffer
        if messageCapacity == 0 { record.message = fp_buf() }
        let (status, filled) = try shape.lendOutput(record, of: slot, buffers: [\.message, \.request_id]) { record in
            var call = fp_call()
            call.cancel_fd = cancellation?.descriptor ?? -1
            call.deadline_ns = deadline
            call.error = record
            call.is_cancelled = { Self.isOver($0) }
            return lend("trace-1") { trace in
                call.trace_id = trace
                return shape.lend(call) { body($0) }
            }
        }
        Breadcrumb.shared.leave("after " + slot)
        try message.check(slot)
        try requestID.check(slot)
        guard status != FP_OK else { return }
        let failure = Failure(
            slot: slot, status: status, message: filled.message.string, errno: filled.os_errno,
            nativeCode: filled.native_code, retryAfterMilliseconds: filled.retry_after_ms, flags: filled.flags,
            requestID: filled.request_id.string)
        try check(failure)
        throw failure
    }

    /// What the host tells a plugin that asks: whether the call is cancelled, or past its deadline.
    private static func isOver(_ call: UnsafePointer<fp_call>?) -> Int32 {
        guard let call = call?.pointee else { return 0 }
        if MonotonicClock.nanoseconds >= call.deadline_ns { return 1 }
        guard call.cancel_fd >= 0 else { return 0 }
        var poller = pollfd(fd: call.cancel_fd, events: Int16(POLLIN), revents: 0)
        return poll(&poller, 1, 0) > 0 ? 1 : 0
    }

    private func check(_ failure: Failure) throws {
        let slot = failure.slot
        if failure.message.contains("\n") {
            throw Broken("\(slot)'s message is more than one line: \"\(failure.message)\"", .slot("fp_error"))
        }
        for secret in secrets where failure.message.contains(secret) || failure.requestID.contains(secret) {
            throw Broken("\(slot)'s message tells a secret option's value", .slot("fp_error"))
        }
        guard StatusName.known.contains(failure.status) else {
            throw Broken(
                "\(slot) returned status \(failure.status), which fp_plugin.h does not have", .slot("fp_status"))
        }
    }
}

/// Cancels calls from any thread, as a host does: a descriptor becomes readable, for good.
package final class Cancellation: Sendable {
    /// The `fp_call.cancel_fd` of the calls.
    package let descriptor: Int32
    private let writing: Int32

    package init() {
        guard let pipe = try? Pipe.make() else { fatalError("no pipe for a cancellation: errno \(errno)") }
        (descriptor, writing) = (pipe.reading, pipe.writing)
    }

    deinit {
        close(descriptor)
        close(writing)
    }

    package func cancel() { write(writing, "x", 1) }
}

/// CLOCK_MONOTONIC, by which deadlines are given.
package enum MonotonicClock {
    package static var nanoseconds: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    package static var seconds: Double { Double(nanoseconds) / 1e9 }
}
