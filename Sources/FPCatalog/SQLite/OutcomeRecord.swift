import CSQLite
import Synchronization

/// What the last changes and reads of a database came to.
final class OutcomeRecord: Sendable {
    private struct State {
        var trouble: CatalogTrouble?
        var succeededAt: ContinuousClock.Instant?
    }

    /// How long a change proves that there can be another.
    private static let proofTime = Duration.seconds(5)

    private let state = Mutex(State())

    /// What is wrong; a damage stays until the database is opened anew, everything else until a change succeeds.
    var trouble: CatalogTrouble? { state.withLock { $0.trouble } }

    /// Whether a change was committed just now, and nothing failed after it.
    var isProven: Bool {
        state.withLock { state in
            guard state.trouble == nil, let moment = state.succeededAt else { return false }
            return moment.duration(to: .now) < Self.proofTime
        }
    }

    /// A change is committed.
    func committed() {
        state.withLock { state in
            state.succeededAt = .now
            if state.trouble?.kind != .damaged { state.trouble = nil }
        }
    }

    /// A change or a read failed: by the database's fault, or for a reason of its own, which says nothing
    /// about the database.
    func failed(_ error: any Error, as told: CatalogError) {
        guard let kind = Self.kind(of: error, told) else { return }
        let reason: String =
            switch told {
            case .full(let reason), .unavailable(let reason), .failed(let reason): reason
            default: "\(told)"
            }
        state.withLock { state in
            if state.trouble?.kind == kind || state.trouble?.kind == .damaged { return }
            state.trouble = CatalogTrouble(kind, reason: reason, since: .now)
        }
    }

    private static func kind(of error: any Error, _ told: CatalogError) -> CatalogTrouble.Kind? {
        guard let error = error as? SQLiteError else { return nil }
        if case .full = told { return .full }
        return switch error.primaryCode {
        case SQLITE_CORRUPT, SQLITE_NOTADB: .damaged
        case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH, SQLITE_BUSY,
            SQLITE_LOCKED:
            .failing
        default: nil
        }
    }
}

extension SQLiteCatalog {
    /// As ``Catalog/trouble()`` says.
    package func trouble() async -> CatalogTrouble? {
        if outcomes.isProven { return nil }
        if let trouble = outcomes.trouble, trouble.kind == .damaged { return trouble }
        do throws(CatalogError) {
            try await changes.perform { db in
                try db.run("INSERT OR REPLACE INTO about VALUES ('asked at', ?)", Timestamp.now)
            }
        } catch {
            return outcomes.trouble ?? CatalogTrouble(.failing, reason: "\(error)", since: .now)
        }
        return outcomes.trouble
    }
}
