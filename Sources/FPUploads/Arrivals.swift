import FPCatalog
import Synchronization

/// Uploads that have bytes in staging and no record yet. Their keys are theirs for as long as somebody holds an
/// ``Arrival``, however long that takes; one host has the catalog, so nobody else needs to know.
final class Arrivals: Sendable {
    private let holds = Mutex<[UploadID: Int]>([:])

    /// One claim on the keys of an upload; ends when nobody holds it any more.
    final class Arrival: Sendable {
        private let arrivals: Arrivals
        private let id: UploadID

        fileprivate init(_ id: UploadID, in arrivals: Arrivals) {
            self.arrivals = arrivals
            self.id = id
            arrivals.holds.withLock { $0[id, default: 0] += 1 }
        }

        deinit {
            arrivals.holds.withLock { holds in
                let count = holds[id, default: 1] - 1
                holds[id] = count > 0 ? count : nil
            }
        }
    }

    /// Keeps the upload's keys from the sweeper.
    func hold(_ id: UploadID) -> Arrival { Arrival(id, in: self) }

    /// The uploads that are arriving now.
    var ids: Set<UploadID> { holds.withLock { Set($0.keys) } }
}
