import FPPluginAPI
import FPPluginKit
import Glibc

/// What a host says of a call.
struct HostCall {
    var deadline: Int64 = .max
    var cancelFD: Int32 = -1
    /// A call that is over says so when it is asked. Nil for a host that cannot be asked.
    var isOver: Bool? = false

    /// Makes a call of `body`.
    func perform<Value>(_ body: (borrowing Call) throws(PluginError) -> Value) throws(PluginError) -> Value {
        var record = fp_call()
        record.struct_size = UInt32(MemoryLayout<fp_call>.size)
        record.deadline_ns = deadline
        record.cancel_fd = cancelFD
        switch isOver {
        case nil: break
        case true?: record.is_cancelled = { _ in 1 }
        case false?:
            record.is_cancelled = { call in
                guard let call = call?.pointee else { return 1 }
                var watched = pollfd(fd: call.cancel_fd, events: Int16(POLLIN), revents: 0)
                return Call.now >= call.deadline_ns || (call.cancel_fd >= 0 && poll(&watched, 1, 0) > 0) ? 1 : 0
            }
        }
        return try withUnsafePointer(to: record) { (record) throws(PluginError) in try body(Call(record)) }
    }
}

/// Two connected sockets, as bare descriptors.
func sockets() -> (near: Int32, far: Int32) {
    var ends: [Int32] = [-1, -1]
    socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
    return (ends[0], ends[1])
}

/// A descriptor that becomes readable.
final class CancelBell: Sendable {
    private let near: Descriptor
    private let far: Descriptor

    init() {
        let ends = sockets()
        near = Descriptor(owning: ends.near)
        far = Descriptor(owning: ends.far)
    }

    var descriptor: Int32 { near.raw }

    func ring() { send(far.raw, "!", 1, Int32(MSG_NOSIGNAL)) }
}

/// The code of the error that `body` throws; nil if it throws none.
func code(of body: () throws(PluginError) -> Void) -> PluginError.Code? {
    do throws(PluginError) {
        try body()
        return nil
    } catch {
        return error.code
    }
}
