import Synchronization

/// Uploads of which the catalog does not know yet, by owner or by network: forms that are being received, and chunked
/// uploads whose record is on its way. In memory only, as one host has the catalog and a restart ends them all.
///
/// Whoever begins is put down here first and asks the catalog afterwards. So of two that begin at once at least one sees
/// the other, here or there, and both together never go beyond a limit.
final class AtWork<Key: Hashable & Sendable>: Sendable {
    struct Count {
        var forms = 0
        var creations = 0
        fileprivate var isNothing: Bool { forms == 0 && creations == 0 }

        fileprivate mutating func add(_ number: Int, to kind: WorkKind) {
            switch kind {
            case .form: forms += number
            case .creation: creations += number
            }
        }

        /// Those that the catalog does not count when something begins: it decides between creations by itself.
        func uncounted(for kind: WorkKind) -> Int { forms + (kind == .form ? creations : 0) }
    }

    private let counts = Mutex<[Key: Count]>([:])

    /// Counts for its key until it is released.
    final class Work: Sendable {
        /// What there was before it.
        let others: Count
        private let all: AtWork
        private let key: Key
        private let kind: WorkKind

        fileprivate init(_ kind: WorkKind, of key: Key, in all: AtWork) {
            (self.all, self.key, self.kind) = (all, key, kind)
            others = all.counts.withLock { counts in
                let others = counts[key] ?? Count()
                counts[key, default: Count()].add(1, to: kind)
                return others
            }
        }

        deinit {
            all.counts.withLock { counts in
                counts[key, default: Count()].add(-1, to: kind)
                if counts[key]?.isNothing == true { counts[key] = nil }
            }
        }
    }

    /// Puts down that something begins.
    func begin(_ kind: WorkKind, of key: Key) -> Work { Work(kind, of: key, in: self) }
}

/// What an upload begins as.
enum WorkKind { case form, creation }
