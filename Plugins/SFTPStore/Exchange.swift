import FPPluginKit

/// Takes the outcome of requests. Called with the connection's lock held: it must not do anything but remember.
protocol ReplySink: AnyObject {
    /// - Returns: whether somebody may be waiting for just this.
    func receive(_ reply: Reply, to id: UInt32) -> Bool
    /// Takes a piece of a file, which lies in the connection's buffer until this returns.
    /// - Returns: whether somebody may be waiting for just this.
    func receive(data: UnsafeRawBufferPointer, to id: UInt32) -> Bool
    /// The connection is gone, and with it the answer.
    func lose(_ error: PluginError)
}

extension ReplySink {
    func receive(data: UnsafeRawBufferPointer, to id: UInt32) -> Bool { receive(.data(Array(data)), to: id) }
}

// Sendable by hand: the connection's lock guards it.
/// One request under way, and its reply.
final class Exchange: ReplySink, @unchecked Sendable {
    fileprivate(set) var outcome: Result<Reply, PluginError>?
    /// The call that asked was given up: what the server opened for it has to be closed.
    var isAbandoned = false

    func receive(_ reply: Reply, to id: UInt32) -> Bool {
        outcome = .success(reply)
        return true
    }

    func lose(_ error: PluginError) { outcome = .failure(error) }
}

/// For requests whose reply nobody waits for.
final class Nobody: ReplySink, Sendable {
    static let instance = Nobody()
    func receive(_ reply: Reply, to id: UInt32) -> Bool { false }
    func lose(_ error: PluginError) {}
}
