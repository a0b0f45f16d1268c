import Synchronization

/// The memory that all request bodies together may read ahead.
///
/// One upload may fill its high-water mark; two hundred at once may not. Past the limit every body keeps only what
/// its reader needs to stay busy.
final class BodyBudget: Sendable {
    /// Bytes past which bodies read ahead only ``RequestBody/Limits/floor`` each.
    let limit: Int
    private let used = Atomic(0)

    init(limit: Int) {
        self.limit = limit
    }

    var isExhausted: Bool {
        used.load(ordering: .relaxed) >= limit
    }

    /// Whether even a client that is gone may not hand in what is left in its socket: a peer that closes makes NIO
    /// read all of that at once, asked for or not.
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
