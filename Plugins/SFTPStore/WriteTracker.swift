import FPPluginKit

// Sendable by hand: the connection's lock guards it.
/// Follows the writes to one open file that are under way.
final class WriteTracker: ReplySink, @unchecked Sendable {
    /// Where each write under way starts, the oldest first. In step with the replies of a server that keeps the order.
    private var starts: [UInt64] = []
    private var answered = 0
    /// The first refusal.
    private(set) var refusal: Status?
    /// Where the first refused write was to go.
    private(set) var refusedAt: UInt64?
    /// The connection broke with writes under way, so that nobody knows what became of them.
    private(set) var loss: PluginError?

    var underWay: Int { starts.count - answered }

    func add(_ offset: UInt64) {
        if answered == starts.count {
            starts.removeAll(keepingCapacity: true)
            answered = 0
        }
        starts.append(offset)
    }

    /// Takes back the last `add`: the write was not sent.
    func removeLast() { if starts.count > answered { starts.removeLast() } }

    func receive(_ reply: Reply) -> Bool {
        let start = starts[answered]
        answered += 1
        note(reply, at: start)
        return underWay == 0
    }

    private func note(_ reply: Reply, at start: UInt64) {
        guard refusal == nil else { return }
        if case .status(let status) = reply {
            guard !status.isOK else { return }
            refusal = status
        } else {
            refusal = Status(code: Status.failure, text: "an answer that makes no sense")
        }
        refusedAt = start
    }

    func lose(_ error: PluginError) {
        answered += 1
        loss = error
    }
}
