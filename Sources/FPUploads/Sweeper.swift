import FPCatalog
import FPStorage

/// Keeps the house clean: temporary uploads that nobody claimed, bytes that no upload owns, and what an interrupted
/// request or a failing store left half way.
public struct Sweeper: Sendable {
    private let uploads: Uploads

    /// A sweeper for these uploads.
    public init(_ uploads: Uploads) {
        self.uploads = uploads
    }

    /// Sweeps again and again until the task is cancelled.
    public func run() async {
        while !Task.isCancelled {
            await sweep()
            try? await Task.sleep(for: uploads.settings.sweepEvery)
        }
    }

    /// Sweeps once.
    public func sweep() async {
        await uploads.writers.closeIdle()
        await uploads.settleInterrupted()
        await expire()
        await removeOrphanedObjects()
        await discardOrphanedSessions()
    }

    private var expiry: Timestamp {
        Timestamp.now.advanced(by: .zero - uploads.settings.expireAfter)
    }

    private func expire() async {
        let moment = expiry
        do throws(CatalogError) {
            while !Task.isCancelled {
                let batch = try await uploads.catalog.expired(before: moment, limit: 100)
                var removed = 0
                for record in batch {
                    do throws(UploadError) {
                        try await uploads.expire(record.id, before: moment)
                        removed += 1
                    } catch {
                        uploads.logger.warning(
                            "upload \(record.id) has expired but stays: \(error.detail ?? error.message)")
                    }
                }
                // What could not be removed would come back in the next batch at once.
                guard removed == batch.count, batch.count == 100 else { return }
            }
        } catch {
            uploads.logger.error("could not look for expired uploads: \(error)")
        }
    }

    /// Removes staged objects of this host's making that no upload owns: at once where the upload is known and says
    /// that its bytes are elsewhere, else when they are older than any temporary upload may become.
    private func removeOrphanedObjects() async {
        let staging = uploads.stores.staging
        guard staging.capabilities.contains(.list) else { return }
        let moment = expiry
        var cursor: [UInt8]?
        do {
            repeat {
                let page = try await staging.list(cursor: cursor)
                let known = try await uploads.catalog.known(keys: page.entries.map(\.key), in: staging.name)
                for entry in page.entries where !known.contains(entry.key) {
                    guard let id = StagingKey.upload(of: entry.key) else { continue }
                    let modified = entry.modifiedNanoseconds.map { Timestamp(milliseconds: $0 / 1_000_000) }
                    let isOld = modified.map { $0 < moment } ?? false
                    if !isOld {
                        guard try await isElsewhere(entry.key, of: id) else { continue }
                    }
                    try await staging.remove(entry.key)
                    uploads.logger.info("removed \(entry.key) from staging: no upload owns it")
                }
                cursor = page.cursor
            } while cursor != nil && !Task.isCancelled
        } catch {
            uploads.logger.warning("could not search staging for bytes that no upload owns: \(error)")
        }
    }

    /// Whether the upload has its bytes somewhere else for good. One at work may be about to own the key.
    private func isElsewhere(_ key: String, of id: UploadID) async throws -> Bool {
        guard !uploads.gates.isHeld(id), let record = try await uploads.catalog.upload(id) else { return false }
        return record.state == .stored && !record.files.contains { $0.key == key }
    }

    /// Discards write sessions that no upload owns.
    private func discardOrphanedSessions() async {
        let moment = expiry
        for store in uploads.stores.all.values where store.capabilities.contains(.listPending) {
            // Elsewhere the pending sessions may be other machines' own.
            guard store === uploads.stores.staging || !store.capabilities.contains(.shared) else { continue }
            var cursor: [UInt8]?
            do {
                repeat {
                    let page = try await store.listPending(cursor: cursor)
                    let known = try await uploads.catalog.known(keys: page.entries.map(\.key), in: store.name)
                    for entry in page.entries where !known.contains(entry.key) {
                        let modified = entry.modifiedNanoseconds.map { Timestamp(milliseconds: $0 / 1_000_000) }
                        guard let modified, modified < moment else { continue }
                        try await store.discardWrite(token: entry.token)
                        uploads.logger.info("discarded an unfinished write of \(entry.key): no upload owns it")
                    }
                    cursor = page.cursor
                } while cursor != nil && !Task.isCancelled
            } catch {
                uploads.logger.warning("could not search store \(store.name) for unfinished writes: \(error)")
            }
        }
    }
}
