import Synchronization

/// Where the latest pages of ``Catalog/uploads(in:after:limit:)`` ended.
///
/// Whoever walks through interrupted uploads forgets many of them on the way, and an id alone says nothing about its
/// place in the order once its upload is gone.
final class PageEnds: Sendable {
    /// More than there are walks at a time.
    private static let capacity = 64

    private let ends = Mutex<[ListingCursor]>([])

    func remember(_ end: ListingCursor) {
        ends.withLock { ends in
            ends.removeAll { $0.id == end.id }
            if ends.count == Self.capacity { ends.removeFirst() }
            ends.append(end)
        }
    }

    func position(of id: UploadID) -> ListingCursor? {
        ends.withLock { ends in ends.last { $0.id == id } }
    }
}
