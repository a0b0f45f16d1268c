import FPCatalog
import FPStorage
import Logging
import Synchronization

/// Whether the staging store is this catalog's, by the mark in it. Asked before the first write and before each sweep;
/// once it is known, asking costs nothing.
final class StagingClaim: Sendable {
    private struct State {
        var obstacle: Obstacle?
        var changedAt = Timestamp.now
    }

    /// Why the store is not to be written to.
    private enum Obstacle: Equatable {
        /// It has another's mark.
        case foreign(CatalogMark)
        /// It has no mark, though files of this catalog's uploads are on record there.
        case missing(files: Int)
    }

    private let store: Store
    private let catalog: any Catalog
    private var identity: CatalogIdentity { catalog.identity }
    private let isPowerDurable: Bool
    private let logger: Logger
    private let isOurs = Atomic(false)
    private let state = Mutex(State())

    init(_ store: Store, for catalog: any Catalog, isPowerDurable: Bool, logger: Logger) {
        self.store = store
        self.catalog = catalog
        self.isPowerDurable = isPowerDurable
        self.logger = logger
    }

    /// Refuses to write to a store that is another's, or is not there.
    /// - Parameter isAnew: whether to look at the store even if it was this catalog's before.
    func require(lookingAnew isAnew: Bool = false) async throws(UploadError) {
        if !isAnew, isOurs.load(ordering: .acquiring) { return }
        let sentence: String
        let obstacle = state.withLock { $0.obstacle }
        if let obstacle, case .foreign = obstacle {
            sentence = self.sentence(obstacle)
        } else {
            // A disk that was away may be back: a store that is asked how it is finds that out.
            if obstacle != nil { _ = try? await store.health() }
            switch try await translatingStoreError({ () async throws(StoreError) in try await look() }) {
            case .thisCatalog: return
            case .another(let told), .missing(let told): sentence = told
            }
        }
        throw UploadError(
            .unavailable, "This server takes no uploads at the moment; its operator has been told.", detail: sentence,
            retryAfter: .seconds(60))
    }

    /// What is wrong if the store is known to be another's, or not the one that it was.
    func problem() -> HealthReport.Problem? {
        let (obstacle, since) = state.withLock { ($0.obstacle, $0.changedAt) }
        guard let obstacle else { return nil }
        let (code, message) =
            switch obstacle {
            case .foreign: ("foreign", "The store is in use by another server.")
            case .missing: ("missing", "The store is not the one that holds its uploads.")
            }
        return HealthReport.Problem(
            store: store.name, code: code, message: message, since: since, detail: sentence(obstacle))
    }

    /// Looks at the mark, and leaves one where none is. Where there should be one, its absence says that the store is not
    /// there, as a directory is empty whose disk is not mounted: nothing is left in it then.
    func look() async throws(StoreError) -> StagingOwner {
        let ours = CatalogMark(identity)
        var found: CatalogMark
        if let mark = try await CatalogMark.find(in: store) {
            found = mark
        } else if let files = try await missedFiles() {
            return note(.missing(files: files))
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
        return note(found.catalog == identity.id ? nil : .foreign(found))
    }

    /// How many files of uploads are on record in the store, if there is none of them; `nil` where some are there, or none
    /// are on record. What several machines reach is no disk that may be away: there, somebody has cleaned up.
    private func missedFiles() async throws(StoreError) -> Int? {
        guard !store.capabilities.contains(.shared), store.capabilities.contains(.list) else { return nil }
        let files = try await onRecord { () async throws(CatalogError) in try await catalog.storesInUse() }[store.name]
        guard let files, files > 0 else { return nil }
        let objects = try await store.list(cursor: nil).entries.map(\.key)
        let sessions = store.capabilities.contains(.listPending) ? try await store.listPending().entries.map(\.key) : []
        let known = try await onRecord { () async throws(CatalogError) in
            try await catalog.known(keys: objects + sessions, in: store.name)
        }
        return known.isEmpty ? files : nil
    }

    /// What the catalog says. While it says nothing, nobody knows whether anything is missing.
    private func onRecord<Value>(_ question: () async throws(CatalogError) -> Value) async throws(StoreError) -> Value {
        do throws(CatalogError) {
            return try await question()
        } catch {
            throw StoreError(
                .transient, store: store.name, operation: "claim",
                message: "it cannot be told whether its files are missing: \(error.sentence)")
        }
    }

    private func note(_ obstacle: Obstacle?) -> StagingOwner {
        let isNew = state.withLock { state in
            let isNew = state.obstacle != obstacle
            if isNew { state.changedAt = .now }
            state.obstacle = obstacle
            return isNew
        }
        isOurs.store(obstacle == nil, ordering: .releasing)
        guard let obstacle else {
            if isNew { logger.notice("the staging store \"\(store.name)\" is this catalog's") }
            return .thisCatalog
        }
        let sentence = sentence(obstacle)
        if isNew { logger.critical("\(sentence)") }
        return if case .missing = obstacle { .missing(sentence) } else { .another(sentence) }
    }

    private func sentence(_ obstacle: Obstacle) -> String {
        switch obstacle {
        case .foreign(let mark):
            """
            store "\(store.name)" holds the temporary uploads of another catalog, at \(mark.place). Two hosts on one \
            staging store would remove each other's uploads: give this one a location of its own, or, if that host is \
            gone for good, stop this one and run: fphost stores claim \(store.name)
            """
        case .missing(let files):
            """
            store "\(store.name)" has not the mark that this catalog left there, nor, it seems, the \(files) files of its \
            uploads: its disk is not mounted, or somebody has emptied it. It takes no uploads until they are back. If they \
            are lost for good, stop this host and run: fphost stores claim \(store.name)
            """
        }
    }
}

/// Whose the staging store is.
public enum StagingOwner: Sendable, Equatable {
    /// This host's catalog.
    case thisCatalog
    /// Another's; what the operator should know, in one sentence.
    case another(String)
    /// This catalog's, but it is not there; what the operator should know, in some sentences.
    case missing(String)
}

extension Uploads {
    /// Looks whose the staging store is, and marks it as this catalog's if it has no mark. To be asked before the first
    /// request; where the store cannot be reached, it is asked again before anything is written there.
    public func claimStaging() async throws(UploadError) -> StagingOwner {
        try await translatingStoreError { () async throws(StoreError) in try await claim.look() }
    }
}
