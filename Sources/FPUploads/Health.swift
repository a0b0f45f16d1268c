import FPStorage

/// How the stores are.
public struct HealthReport: Sendable {
    /// One store.
    public struct Entry: Sendable {
        /// The name of the store.
        public let store: String
        /// Whether it answers and can be used.
        public let isUsable: Bool
        /// One sentence about its state.
        public let detail: String
        /// The room that is left, in bytes, where the store knows.
        public let freeBytes: UInt64?
    }

    /// Every configured store, by name.
    public let stores: [Entry]

    /// Whether new uploads can be received and stored.
    public let isReady: Bool
}

extension Uploads {
    /// Asks every store how it is.
    public func health() async -> HealthReport {
        let entries = await withTaskGroup(of: HealthReport.Entry.self) { group in
            for store in stores.all.values {
                // A store that is another catalog's is of no use here, however well it is.
                let complaint = store === stores.staging ? claim.complaint : nil
                group.addTask {
                    let entry = await Self.health(of: store)
                    guard let complaint else { return entry }
                    return HealthReport.Entry(
                        store: entry.store, isUsable: false, detail: complaint, freeBytes: entry.freeBytes)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.store < $1.store }
        }
        let needed = [stores.staging.name, stores.default.name]
        let isReady = entries.allSatisfy { $0.isUsable || !needed.contains($0.store) }
        return HealthReport(stores: entries, isReady: isReady)
    }

    private static func health(of store: Store) async -> HealthReport.Entry {
        do throws(StoreError) {
            let health = try await store.health()
            return HealthReport.Entry(
                store: store.name, isUsable: health.state != .down, detail: health.detail,
                freeBytes: health.freeBytes)
        } catch {
            return HealthReport.Entry(
                store: store.name, isUsable: false, detail: UploadError(error).message, freeBytes: nil)
        }
    }
}
