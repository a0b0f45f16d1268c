import FPCatalog
import Synchronization

/// What the operator has been told of an upload already, so that a sweep does not say it again every few minutes.
final class Complaints: Sendable {
    /// Beyond so many uploads all is forgotten, and may be logged once more.
    private static let capacity = 10_000

    private let told = Mutex<[UploadID: String]>([:])

    /// Whether this is news.
    func isNew(_ complaint: String, of id: UploadID) -> Bool {
        told.withLock { told in
            if told.count >= Self.capacity { told.removeAll() }
            return told.updateValue(complaint, forKey: id) != complaint
        }
    }

    func forget(_ id: UploadID) {
        told.withLock { $0[id] = nil }
    }
}
