import FPPluginAPI
import Glibc
import Synchronization

/// A failure as the host gets it.
package struct Failure: Error, Equatable, CustomStringConvertible {
    package let status: fp_status
    package let message: String
    package let errno: Int32
    package let nativeCode: Int32
    package let retryAfterMilliseconds: UInt32
    package let outcomeUnknown: Bool
    package let requestID: String

    package init(
        status: fp_status, message: String, errno: Int32 = 0, nativeCode: Int32 = 0,
        retryAfterMilliseconds: UInt32 = 0, outcomeUnknown: Bool = false, requestID: String = ""
    ) {
        self.status = status
        self.message = message
        self.errno = errno
        self.nativeCode = nativeCode
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.outcomeUnknown = outcomeUnknown
        self.requestID = requestID
    }

    package var description: String { "status \(status), errno \(errno): \(message)" }
}

/// How one call is made: its deadline, whether it is cancelled, how much room its error has.
package struct CallOptions: Sendable {
    package var deadline: Int64 = .max
    package var isCancelled = false
    package var messageCapacity = 512
    package var errorSize = MemoryLayout<fp_error>.size
    /// Cancels calls while they are under way.
    package var cancellation: Cancellation?
    package init() {}

    /// How calls are made that are not told otherwise.
    @TaskLocal package static var ambient = CallOptions()
}

/// Cancels calls from another thread, as the host does: by a flag and by a descriptor that becomes readable.
package final class Cancellation: Sendable {
    private let ends: (read: Int32, write: Int32)
    private let flag = Atomic(false)

    package init() {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.ends = (ends[0], ends[1])
    }

    deinit {
        close(ends.read)
        close(ends.write)
    }

    package func cancel() {
        flag.store(true, ordering: .releasing)
        var byte: UInt8 = 1
        write(ends.write, &byte, 1)
    }

    var descriptor: Int32 { ends.read }
    var isCancelled: Bool { flag.load(ordering: .acquiring) }
}

/// Makes a call and turns its error record into a `Failure`.
package func perform(
    _ options: CallOptions = .ambient, _ body: (UnsafePointer<fp_call>) -> fp_status
) throws(Failure) {
    let message = UnsafeMutableRawBufferPointer.allocate(byteCount: options.messageCapacity + 1, alignment: 1)
    defer { message.deallocate() }
    let requestID = UnsafeMutableRawBufferPointer.allocate(byteCount: 128, alignment: 1)
    defer { requestID.deallocate() }
    var record = fp_error()
    record.struct_size = UInt32(options.errorSize)
    record.message = fp_buf(ptr: message.baseAddress, cap: options.messageCapacity, len: 0)
    record.request_id = fp_buf(ptr: requestID.baseAddress, cap: requestID.count, len: 0)
    let status = withUnsafeMutablePointer(to: &record) { record in
        var call = fp_call()
        call.struct_size = UInt32(MemoryLayout<fp_call>.size)
        call.cancel_fd = -1
        call.deadline_ns = options.deadline
        call.error = record
        if let cancellation = options.cancellation {
            call.cancel_fd = cancellation.descriptor
            call.host_data = Unmanaged.passUnretained(cancellation).toOpaque()
        }
        call.is_cancelled = { call in
            guard let call = call?.pointee else { return 0 }
            if let data = call.host_data, Unmanaged<Cancellation>.fromOpaque(data).takeUnretainedValue().isCancelled {
                return 1
            }
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec) >= call.deadline_ns ? 1 : 0
        }
        if options.isCancelled { call.is_cancelled = { _ in 1 } }
        return lend("trace-1") { trace in
            call.trace_id = trace
            return body(&call)
        }
    }
    guard status != FP_OK else { return }
    func text(_ buffer: fp_buf) -> String {
        String(decoding: UnsafeRawBufferPointer(start: buffer.ptr, count: buffer.len), as: UTF8.self)
    }
    throw Failure(
        status: status, message: text(record.message), errno: record.os_errno, nativeCode: record.native_code,
        retryAfterMilliseconds: record.retry_after_ms, outcomeUnknown: record.flags & FP_ERRF_OUTCOME_UNKNOWN != 0,
        requestID: text(record.request_id))
}

/// Room for an output, with guard bytes behind the part that the plugin may use.
package final class Room {
    private let memory: UnsafeMutableRawBufferPointer
    package let capacity: Int

    package init(_ capacity: Int) {
        self.capacity = capacity
        memory = .allocate(byteCount: capacity + 64, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0xC5)
    }

    deinit { memory.deallocate() }

    package var buffer: fp_buf { fp_buf(ptr: memory.baseAddress, cap: capacity, len: 0) }

    package var isIntact: Bool { memory[capacity...].allSatisfy { $0 == 0xC5 } }
}

extension fp_buf {
    package var array: [UInt8] { Array(UnsafeRawBufferPointer(start: ptr, count: ptr == nil ? 0 : len)) }
    package var string: String { String(decoding: array, as: UTF8.self) }
}
