import Synchronization

/// The memory that all request bodies together may read ahead.
///
/// One body may fill its high-water mark; two hundred at once may not. Past the limit every body keeps only what
/// its reader needs to stay busy.
final class BodyBudget: Sendable {
    /// Bytes past which bodies read ahead only ``RequestBody/Limits/floor`` each.
    let limit: Int
    private let used = Atomic(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// Whether bodies may read ahead no more than the floor.
    var isExhausted: Bool {
        used.load(ordering: .relaxed) >= limit
    }

    /// Whether so much is held that bodies should come in small pieces: a large receive buffer takes its memory whether or
    /// not there is as much to receive, and that does not count here.
    var isStrained: Bool {
        used.load(ordering: .relaxed) >= limit / 8
    }

    /// Whether twice the limit is held. That happens although sockets are left alone: when a client closes, NIO reads all
    /// that is left in its socket at once, asked for or not. From here on such bytes are dropped.
    var isOverrun: Bool {
        used.load(ordering: .relaxed) >= 2 * limit
    }

    func charge(_ bytes: Int) {
        used.add(bytes, ordering: .relaxed)
    }

    func refund(_ bytes: Int) {
        used.subtract(bytes, ordering: .relaxed)
    }
}
