import CFPStorage
import FPPluginAPI
import Glibc
import Synchronization

/// What a plugin is given with each call (`fp_call`): deadline, cancellation, and memory for an error and for outputs.
/// Made once per thread and used again for every call on it.
///
/// `@unchecked Sendable`: all but `cancelled`, an atomic, is touched by the thread that owns the context; others only
/// call `cancel()` and `isCancelled`, which write to the event descriptor and the atomic.
final class CallContext: @unchecked Sendable {
    let call: UnsafeMutablePointer<fp_call>
    let scratch: CallScratch
    private let error: UnsafeMutablePointer<fp_error>
    private let memory: UnsafeMutableRawPointer
    private let cancelled = Atomic<Bool>(false)
    /// What the thread works on.
    private var job: PoolJob?

    private static let messageCapacity = 1024
    private static let requestIDCapacity = 256
    private static let traceCapacity = 128

    init() {
        memory = .allocate(byteCount: Self.messageCapacity + Self.requestIDCapacity + Self.traceCapacity, alignment: 16)
        error = .allocate(capacity: 1)
        error.initialize(to: fp_error())
        call = .allocate(capacity: 1)
        scratch = CallScratch()
        // A host that is out of descriptors still works: the contract has -1 for "none" beside is_cancelled.
        let descriptor = fps_event_descriptor()
        call.initialize(
            to: fp_call(
                struct_size: UInt32(MemoryLayout<fp_call>.size), cancel_fd: descriptor, deadline_ns: .max,
                is_cancelled: { call in
                    guard let data = call?.pointee.host_data else { return 0 }
                    return Unmanaged<CallContext>.fromOpaque(data).takeUnretainedValue().isCancelled ? 1 : 0
                },
                trace_id: fp_str(ptr: nil, len: 0), error: error, host_data: nil))
        call.pointee.host_data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        if call.pointee.cancel_fd >= 0 { close(call.pointee.cancel_fd) }
        call.deallocate()
        error.deallocate()
        memory.deallocate()
    }

    /// True once the call is cancelled or past its deadline.
    var isCancelled: Bool {
        cancelled.load(ordering: .relaxed) || isPastDeadline
    }

    var isPastDeadline: Bool {
        MonotonicTime.now.nanoseconds >= call.pointee.deadline_ns
    }

    /// Makes the context ready for one job. Only the owning thread calls it, between jobs.
    func begin(_ job: PoolJob) {
        self.job = job
        call.pointee.deadline_ns = job.deadline.nanoseconds
        setTrace(job.requestContext?.id)
    }

    /// Gives the rest of the job more time. Only the owning thread calls it.
    func extend(to later: MonotonicTime) {
        guard let job else { return }
        job.extend(to: later)
        call.pointee.deadline_ns = job.deadline.nanoseconds
    }

    /// Takes back what cancellation left behind. Under the pool's lock, at the moment from which nobody calls
    /// `cancel()` for the old job and nobody yet for the next.
    func end() {
        job = nil
        guard cancelled.exchange(false, ordering: .relaxed) else { return }
        var count: UInt64 = 0
        _ = read(call.pointee.cancel_fd, &count, MemoryLayout<UInt64>.size)
    }

    /// Tells the running call to stop. From any thread.
    func cancel() {
        if cancelled.exchange(true, ordering: .relaxed) { return }
        var one: UInt64 = 1
        _ = write(call.pointee.cancel_fd, &one, MemoryLayout<UInt64>.size)
    }

    /// Makes one call with a clean error.
    /// - Returns: the status, and what the plugin wrote about it unless it is `FP_OK`.
    func perform(_ body: (UnsafePointer<fp_call>) -> fp_status) -> (status: fp_status, failure: CallFailure?) {
        error.pointee = fp_error(
            struct_size: UInt32(MemoryLayout<fp_error>.size), flags: 0, os_errno: 0, native_code: 0, retry_after_ms: 0,
            reserved: 0, message: fp_buf(ptr: memory, cap: Self.messageCapacity, len: 0),
            request_id: fp_buf(ptr: memory + Self.messageCapacity, cap: Self.requestIDCapacity, len: 0))
        let status = body(UnsafePointer(call))
        if status == FP_OK { return (status, nil) }
        return (status, CallFailure(error.pointee))
    }

    private func setTrace(_ traceID: String?) {
        guard let traceID, !traceID.isEmpty else {
            call.pointee.trace_id = fp_str(ptr: nil, len: 0)
            return
        }
        let start = memory + Self.messageCapacity + Self.requestIDCapacity
        let length = min(traceID.utf8.count, Self.traceCapacity - 1)
        UnsafeMutableRawBufferPointer(start: start, count: length).copyBytes(from: traceID.utf8.prefix(length))
        start.storeBytes(of: 0, toByteOffset: length, as: UInt8.self)
        call.pointee.trace_id = fp_str(ptr: start.assumingMemoryBound(to: CChar.self), len: length)
    }
}

/// What a plugin wrote into `fp_error`.
struct CallFailure {
    var message: String
    var requestID: String?
    var osErrno: Int32
    var nativeCode: Int32
    var retryAfter: Duration?
    var outcomeUnknown: Bool

    init(_ error: fp_error) {
        message = error.message.string ?? ""
        requestID = error.request_id.string
        osErrno = error.os_errno
        nativeCode = error.native_code
        retryAfter = error.retry_after_ms == 0 ? nil : .milliseconds(Int64(error.retry_after_ms))
        outcomeUnknown = error.flags & FP_ERRF_OUTCOME_UNKNOWN != 0
    }
}

/// Memory for the outputs of one call: a plugin writes into the caller's memory and keeps none of it.
///
/// `@unchecked Sendable`: only the thread that owns the ``CallContext`` uses it.
final class CallScratch: @unchecked Sendable {
    private let memory: UnsafeMutableRawPointer
    private static let etagAt = 0
    private static let contentTypeAt = Int(FP_ETAG_MAX)
    private static let wideAt = contentTypeAt + Int(FP_CTYPE_MAX)
    private static let wideCapacity = Int(FP_URL_MAX)

    init() {
        memory = .allocate(byteCount: Self.wideAt + Self.wideCapacity, alignment: 16)
    }

    deinit {
        memory.deallocate()
    }

    /// An empty `fp_info` with buffers for etag and content type.
    func info() -> fp_info {
        var info = fp_info()
        info.struct_size = UInt32(MemoryLayout<fp_info>.size)
        info.size = FP_SIZE_UNKNOWN
        info.mtime_ns = FP_TIME_UNKNOWN
        info.etag = fp_buf(ptr: memory + Self.etagAt, cap: Int(FP_ETAG_MAX), len: 0)
        info.content_type = fp_buf(ptr: memory + Self.contentTypeAt, cap: Int(FP_CTYPE_MAX), len: 0)
        return info
    }

    /// An empty `fp_write_state` with a buffer for a token.
    func writeState() -> fp_write_state {
        var state = fp_write_state()
        state.struct_size = UInt32(MemoryLayout<fp_write_state>.size)
        state.token = wide(Int(FP_TOKEN_MAX))
        return state
    }

    /// A buffer for a token, a cursor, a URL or a line of text; one of them at a time.
    /// - Parameter capacity: in bytes, at most `FP_URL_MAX`.
    func wide(_ capacity: Int) -> fp_buf {
        fp_buf(ptr: memory + Self.wideAt, cap: min(capacity, Self.wideCapacity), len: 0)
    }

    /// Wipes a secret out of the memory that ``wide(_:)`` gave.
    func wipeWide() {
        explicit_bzero(memory + Self.wideAt, Self.wideCapacity)
    }
}
