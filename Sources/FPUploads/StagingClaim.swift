import FPCatalog
import FPStorage
import Logging
import Synchronization

/// Whether the staging store is this catalog's, by the mark in it. Asked before the first write and before each sweep;
/// once it is known, asking costs nothing.
final class StagingClaim: Sendable {
    private struct State {
        var foreign: CatalogMark?
        var changedAt = Timestamp.now
    }

    private let store: Store
    private let identity: CatalogIdentity
    private let isPowerDurable: Bool
    private let logger: Logger
    private let isOurs = Atomic(false)
    private let state = Mutex(State())

    init(_ store: Store, for identity: CatalogIdentity, isPowerDurable: Bool, logger: Logger) {
        self.store = store
        self.identity = identity
        self.isPowerDurable = isPowerDurable
        self.logger = logger
    }

    /// Refuses to write to a store that is another's.
    func require() async throws(UploadError) {
        if isOurs.load(ordering: .acquiring) { return }
        let outcome: StagingOwner
        if let foreign = state.withLock({ $0.foreign }) {
            outcome = owner(foreign)
        } else {
            outcome = try await translatingStoreError { () async throws(StoreError) in try await look() }
        }
        guard case .another(let sentence) = outcome else { return }
        throw UploadError(
            .unavailable, "This server takes no uploads at the moment; its operator has been told.", detail: sentence,
            retryAfter: .seconds(60))
    }

    /// What the operator should know if the store is known to be another's, and since when it is known.
    var complaint: (sentence: String, since: Timestamp)? {
        let (foreign, since) = state.withLock { ($0.foreign, $0.changedAt) }
        return foreign.map { (sentence($0), since) }
    }

    /// Looks at the mark, and leaves one where none is.
    func look() async throws(StoreError) -> StagingOwner {
        let ours = CatalogMark(identity)
        var found: CatalogMark
        if let mark = try await CatalogMark.find(in: store) {
            found = mark
        } else {
            found = try await ours.put(in: store, power: isPowerDurable)
        }
        if found.catalog != ours.catalog, found.place == ours.place {
            logger.critical(
                """
                the staging store "\(store.name)" belongs to an earlier catalog at \(ours.place), which was lost or \
                replaced. This one takes the store over, and leaves what is in there alone: none of it is known here. \
                Restore the earlier catalog from a backup if its uploads are missed
                """)
            try await ours.take(store, power: isPowerDurable)
            found = ours
        } else if found.catalog == ours.catalog, found.place != ours.place {
            logger.warning(
                """
                the catalog of the staging store "\(store.name)" was at \(found.place) before and is at \(ours.place) \
                now. That is as it should be if it was moved; two copies of one catalog must never run at once
                """)
            try await ours.take(store, power: isPowerDurable)
            found = ours
        }
        return note(found)
    }

    private func note(_ found: CatalogMark) -> StagingOwner {
        let isNew = state.withLock { state in
            let foreign = found.catalog == identity.id ? nil : found
            if state.foreign != foreign { state.changedAt = .now }
            defer { state.foreign = foreign }
            return state.foreign != foreign
        }
        let outcome = owner(found)
        if case .another(let sentence) = outcome, isNew { logger.critical("\(sentence)") }
        isOurs.store(found.catalog == identity.id, ordering: .releasing)
        return outcome
    }

    private func owner(_ mark: CatalogMark) -> StagingOwner {
        mark.catalog == identity.id ? .thisCatalog : .another(sentence(mark))
    }

    private func sentence(_ mark: CatalogMark) -> String {
        """
        store "\(store.name)" holds the temporary uploads of another catalog, at \(mark.place). Two hosts on one staging \
        store would remove each other's uploads: give this one a location of its own, or, if that host is gone for \
        good, stop this one and run: fphost stores claim \(store.name)
        """
    }
}

/// Whose the staging store is.
public enum StagingOwner: Sendable, Equatable {
    /// This host's catalog.
    case thisCatalog
    /// Another's; what the operator should know, in one sentence.
    case another(String)
}

extension Uploads {
    /// Looks whose the staging store is, and marks it as this catalog's if it has no mark. To be asked before the first
    /// request; where the store cannot be reached, it is asked again before anything is written there.
    public func claimStaging() async throws(UploadError) -> StagingOwner {
        try await translatingStoreError { () async throws(StoreError) in try await claim.look() }
    }
}
