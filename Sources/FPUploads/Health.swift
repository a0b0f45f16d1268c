import FPCatalog
import FPStorage

/// The health of the stores and the catalog.
public struct HealthReport: Sendable {
    /// What a store, or the catalog, can be used for.
    public enum Status: String, Sendable {
        /// Everything, though some calls may fail or be slow.
        case ok
        /// Reads only.
        case cannotWrite = "cannot-write"
        /// Reads and removes; there is no room for more.
        case noSpace = "no-space"
        /// Nothing.
        case down
    }

    /// One thing that is wrong, in words that may be shown to anybody.
    public struct Problem: Sendable {
        /// The store, `nil` for the catalog.
        public let store: String?
        /// A short name for programs, the same in every release.
        public let code: String
        /// One sentence.
        public let message: String
        /// Since when.
        public let since: Timestamp
        /// What only the operator may know.
        public let detail: String
    }

    /// One store.
    public struct Entry: Sendable {
        /// The name of the store.
        public let store: String
        /// What it can be used for.
        public let status: Status
        /// What is wrong with it.
        public let problems: [Problem]
        /// The room that is left, in bytes, where the store knows.
        public let freeBytes: UInt64?
    }

    /// Every configured store, by name.
    public let stores: [Entry]

    /// The catalog of uploads.
    public let catalog: Status

    /// Everything that is wrong, of the stores and of the catalog.
    public let problems: [Problem]

    /// Whether new uploads can be received and stored.
    public let isReady: Bool
}

extension Uploads {
    /// Asks every store, and the catalog, how it is.
    public func health() async -> HealthReport {
        async let catalogTrouble = catalog.trouble()
        let entries = await withTaskGroup(of: HealthReport.Entry.self) { group in
            for store in stores.all.values {
                // A store that is another catalog's, or empty in the place of a disk, is of no use, however well it is.
                let problem = store === stores.staging ? claim.problem() : nil
                group.addTask {
                    let entry = await Self.health(of: store)
                    guard let problem else { return entry }
                    return HealthReport.Entry(
                        store: entry.store, status: .down, problems: [problem] + entry.problems,
                        freeBytes: entry.freeBytes)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.store < $1.store }
        }
        let trouble = await catalogTrouble
        let needed = [stores.staging.name, stores.default.name]
        let areStoresReady = entries.allSatisfy { $0.status == .ok || !needed.contains($0.store) }
        let catalog: HealthReport.Status = trouble.map { $0.kind == .full ? .noSpace : .down } ?? .ok
        return HealthReport(
            stores: entries, catalog: catalog,
            problems: entries.flatMap(\.problems) + (trouble.map { [HealthReport.Problem($0)] } ?? []),
            isReady: areStoresReady && trouble == nil)
    }

    private static func health(of store: Store) async -> HealthReport.Entry {
        var freeBytes: UInt64?
        var silence: StoreError?
        do throws(StoreError) {
            freeBytes = try await store.health().freeBytes
        } catch {
            // That this host is out of memory, threads or files says nothing about the store.
            if !error.isHostExhausted { silence = error }
        }
        let condition = store.condition
        var problems = condition.problems.map { HealthReport.Problem($0, of: store.name) }
        if let silence, condition.state != .down {
            let since = condition.problems.first { $0.kind == .failing }?.since ?? Timestamp.now.milliseconds
            problems.removeAll { $0.code == StoreCondition.Problem.Kind.failing.code }
            problems.insert(
                HealthReport.Problem(
                    StoreCondition.Problem(kind: .down, reason: silence.message, since: since), of: store.name), at: 0)
        }
        return HealthReport.Entry(
            store: store.name, status: HealthReport.Status(condition, answers: silence == nil), problems: problems,
            freeBytes: freeBytes)
    }
}

extension HealthReport.Status {
    fileprivate init(_ condition: StoreCondition, answers: Bool) {
        if !answers || condition.state == .down {
            self = .down
        } else if condition.limits.contains(.cannotWrite) {
            self = .cannotWrite
        } else if condition.limits.contains(.noSpace) {
            self = .noSpace
        } else {
            self = .ok
        }
    }
}

extension HealthReport.Problem {
    fileprivate init(_ problem: StoreCondition.Problem, of store: String) {
        self.init(
            store: store, code: problem.kind.code, message: problem.kind.message,
            since: Timestamp(milliseconds: problem.since), detail: problem.reason)
    }

    fileprivate init(_ trouble: CatalogTrouble) {
        let (code, message) =
            switch trouble.kind {
            case .full: ("no-space", "There is no room for the database of uploads.")
            case .damaged: ("damaged", "The database of uploads is damaged.")
            case .failing: ("failing", "The database of uploads cannot be changed.")
            }
        self.init(store: nil, code: code, message: message, since: trouble.since, detail: trouble.reason)
    }
}

extension StoreCondition.Problem.Kind {
    fileprivate var code: String {
        switch self {
        case .down: "down"
        case .failing: "failing"
        case .late: "late"
        case .stuck: "stuck"
        case .exhausted: "exhausted"
        case .cannotWrite: "cannot-write"
        case .noSpace: "no-space"
        }
    }

    fileprivate var message: String {
        switch self {
        case .down: "The store does not answer, or is unfit."
        case .failing: "Calls on the store fail, or it says that something is wrong."
        case .late: "A call on the store takes longer than its deadline."
        case .stuck: "A call on the store does not come back."
        case .exhausted: "All of the store's threads are in calls that do not come back."
        case .cannotWrite: "The store cannot be written."
        case .noSpace: "The store is full."
        }
    }
}
