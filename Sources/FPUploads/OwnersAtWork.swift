import FPCatalog
import FPFormats
import Synchronization

/// Uploads of which the catalog does not know yet, by owner: forms that are being received, and chunked uploads whose
/// record is on its way. In memory only, as one host has the catalog and a restart ends them all.
///
/// Whoever begins is put down here first and asks the catalog afterwards. So of two that begin at once at least one sees
/// the other, here or there, and both together never go beyond a limit.
final class OwnersAtWork: Sendable {
    enum Kind { case form, creation }

    struct Count {
        var forms = 0
        var creations = 0
        fileprivate var isNothing: Bool { forms == 0 && creations == 0 }

        fileprivate mutating func add(_ number: Int, to kind: Kind) {
            switch kind {
            case .form: forms += number
            case .creation: creations += number
            }
        }
    }

    private let counts = Mutex<[TextKey: Count]>([:])

    /// Counts for its owner until it is released.
    final class Work: Sendable {
        /// What there was before it.
        let others: Count
        private let owners: OwnersAtWork
        private let owner: TextKey
        private let kind: Kind

        fileprivate init(_ kind: Kind, of owner: TextKey, in owners: OwnersAtWork) {
            (self.owners, self.owner, self.kind) = (owners, owner, kind)
            others = owners.counts.withLock { counts in
                let others = counts[owner] ?? Count()
                counts[owner, default: Count()].add(1, to: kind)
                return others
            }
        }

        deinit {
            owners.counts.withLock { counts in
                counts[owner, default: Count()].add(-1, to: kind)
                if counts[owner]?.isNothing == true { counts[owner] = nil }
            }
        }
    }

    /// Puts down that an owner begins something.
    func begin(_ kind: Kind, of owner: String) -> Work { Work(kind, of: TextKey(owner), in: self) }
}
