import FPPluginKit

// Sendable by hand: the connection's lock guards it.
/// Follows the writes to one open file that are under way, and holds on to their bytes until the server has them: what a
/// call accepted and a connection took with it is sent again over the next.
final class WriteTracker: ReplySink, @unchecked Sendable {
    /// A write that was sent.
    struct Part {
        let id: UInt32
        /// Where its bytes go.
        let start: UInt64
        let count: Int
        /// The request as it was sent, shared with the queue: no copy. The bytes are at its end.
        fileprivate(set) var packet: [UInt8]

        var end: UInt64 { start + UInt64(count) }
    }

    /// The oldest first. Those before `first` are answered, and some after it on servers that answer out of order: these
    /// have no packet any more.
    private var parts: [Part] = []
    private var first = 0
    /// Bytes that wait for their answer.
    private var held = 0
    /// The first refusal.
    private(set) var refusal: Status?
    /// Where the first refused write was to go.
    private(set) var refusedAt: UInt64?
    /// The connection broke with writes under way, so that nobody knows what became of them.
    private(set) var loss: PluginError?

    /// Bytes that wait for their answers, at most: what a distant server, or a fast one, needs to stay busy.
    private static let limit = 4 << 20

    /// Whether nothing more will be heard of what was sent.
    var isQuiet: Bool { loss != nil || first == parts.count }

    var hasRoom: Bool { held < Self.limit }

    /// Whether the writes so far went well, as far as is known.
    var isWell: Bool { refusal == nil && loss == nil }

    /// What was sent and not answered.
    var unanswered: [Part] { parts[first...].filter { !$0.packet.isEmpty } }

    func add(_ part: Part) {
        if first == parts.count {
            parts.removeAll(keepingCapacity: true)
            first = 0
        } else if first > 256 {
            parts.removeFirst(first)
            first = 0
        }
        parts.append(part)
        held += part.count
    }

    func receive(_ reply: Reply, to id: UInt32) -> Bool {
        guard let place = parts[first...].firstIndex(where: { $0.id == id }) else { return false }
        let hadRoom = hasRoom
        held -= parts[place].count
        note(reply, at: parts[place].start)
        parts[place].packet = []
        while first < parts.count, parts[first].packet.isEmpty { first += 1 }
        return first == parts.count || (!hadRoom && hasRoom)
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

    func lose(_ error: PluginError) { loss = error }

    /// Nobody will send the bytes again.
    func forget() {
        for place in first..<parts.count where !parts[place].packet.isEmpty {
            parts[place] = Part(
                id: parts[place].id, start: parts[place].start, count: parts[place].count, packet: [0])
        }
    }
}

extension Request {
    /// The bytes of a write that was sent before, for another handle.
    static func write(_ handle: [UInt8], _ part: WriteTracker.Part) -> Request {
        part.packet.withUnsafeBytes {
            write(handle, at: part.start, UnsafeRawBufferPointer(rebasing: $0.suffix(part.count)))
        }
    }
}
