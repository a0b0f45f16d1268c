import FPCatalog
import Synchronization

/// Uploads that have bytes in staging and no record yet. The sweeper leaves their keys alone for as long as
/// an ``Arrival`` is held. In memory only, as one host has the catalog and a restart ends all arrivals.
final class Arrivals: Sendable {
    private let holds = Mutex<[UploadID: Int]>([:])

    /// Protects the keys of an upload until it is released.
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
