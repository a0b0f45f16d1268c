import FPCatalog
import FPFormats
import FPStorage
import Logging

/// Removes temporary uploads that nobody claimed, bytes that no upload owns, and what an interrupted request or a
/// failing store left half way.
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
        // A damaged catalog may have lost the records of what it would then take for leftovers.
        if await uploads.catalog.trouble()?.kind == .damaged { return }
        await uploads.settleInterrupted()
        await expire()
        await forgetCounts()
        let ownsStaging = await ownsStaging()
        if ownsStaging { await removeOrphanedObjects() }
        await discardOrphanedSessions(inStaging: ownsStaging)
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

    /// Forgets counts of uploads that nobody can begin any more. A day later, as clocks are set back at times.
    private func forgetCounts() async {
        do throws(CatalogError) {
            try await uploads.catalog.forgetCounts(before: Timestamp.now.advanced(by: .seconds(-24 * 60 * 60)))
        } catch {
            uploads.logger.error("could not forget counts of uploads: \(error)")
        }
    }

    // MARK: - What no record names

    /// Whether the staging store is still this catalog's: another host may have been given it meanwhile.
    private func ownsStaging() async -> Bool {
        do throws(StoreError) {
            return try await uploads.claim.look() == .thisCatalog
        } catch {
            uploads.logger.warning("staging was not searched for bytes that no upload owns: \(error)")
            return false
        }
    }

    /// Removes staged objects that this catalog made and no upload owns: at once where the upload is known and says
    /// that its bytes are elsewhere, else when they are older than any temporary upload may become.
    private func removeOrphanedObjects() async {
        let staging = uploads.stores.staging
        guard staging.capabilities.contains(.list) else { return }
        let moment = expiry
        var cursor: [UInt8]?
        var foreign = 0
        do {
            repeat {
                let page = try await staging.list(cursor: cursor)
                // In this order: an upload that arrives meanwhile is among the arrivals, or else on record.
                let arriving = uploads.arrivals.ids
                let known = try await uploads.catalog.known(keys: page.entries.map(\.key), in: staging.name)
                for entry in page.entries where !known.contains(TextKey(entry.key)) {
                    guard let id = uploads.stagingKeys.upload(of: entry.key) else {
                        if StagingKeys.hasForm(entry.key) { foreign += 1 }
                        continue
                    }
                    guard !arriving.contains(id) else { continue }
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
            if cursor == nil { uploads.foreignObjects.report(foreign, in: staging.name, to: uploads.logger) }
        } catch {
            uploads.logger.warning("could not search staging for bytes that no upload owns: \(error)")
        }
    }

    /// Whether the upload has its bytes somewhere else for good. One at work may be about to own the key.
    private func isElsewhere(_ key: String, of id: UploadID) async throws -> Bool {
        guard !uploads.gates.isHeld(id), let record = try await uploads.catalog.upload(id) else { return false }
        return record.state == .stored && !record.files.contains { $0.key == key }
    }

    /// Discards old write sessions that this catalog began and no upload owns: in staging those of its keys, elsewhere
    /// those of the destinations that it has on record as begun. Any other may be another program's.
    private func discardOrphanedSessions(inStaging: Bool) async {
        let moment = expiry
        let staging = uploads.stores.staging
        do throws(CatalogError) {
            var names = try await uploads.catalog.storesWithBegunWrites(before: moment)
            if inStaging { names.insert(staging.name) }
            for name in names.sorted() {
                guard let store = uploads.stores[name], !Task.isCancelled else { continue }
                guard store.capabilities.contains(.listPending) else {
                    try await uploads.catalog.forgetBegunWrites(in: name, before: moment, except: [])
                    continue
                }
                do {
                    try await discardOrphanedSessions(in: store, before: moment, ofStaging: inStaging)
                } catch {
                    uploads.logger.warning("could not search store \(name) for unfinished writes: \(error)")
                }
            }
        } catch {
            uploads.logger.warning("could not look for unfinished writes: \(error)")
        }
    }

    private func discardOrphanedSessions(
        in store: Store, before moment: Timestamp, ofStaging inStaging: Bool
    ) async throws {
        let isStaging = inStaging && store === uploads.stores.staging
        var unfinished: Set<TextKey> = []
        var cursor: [UInt8]?
        repeat {
            let page = try await store.listPending(cursor: cursor)
            let arriving = uploads.arrivals.ids
            let keys = page.entries.map(\.key)
            let known = try await uploads.catalog.known(keys: keys, in: store.name)
            let begun = try await uploads.catalog.begunWrites(to: keys, in: store.name)
            for entry in page.entries {
                let key = TextKey(entry.key)
                let isOurs =
                    if isStaging, let id = uploads.stagingKeys.upload(of: entry.key) {
                        !arriving.contains(id)
                    } else {
                        isBegun(entry, begun[key])
                    }
                guard isOurs, !known.contains(key), let modified = entry.modified, modified < moment else {
                    if begun[key] != nil { unfinished.insert(key) }
                    continue
                }
                try await store.discardWrite(token: entry.token)
                uploads.logger.info("discarded an unfinished write of \(entry.key): no upload owns it")
            }
            cursor = page.cursor
        } while cursor != nil && !Task.isCancelled
        if cursor == nil {
            try await uploads.catalog.forgetBegunWrites(in: store.name, before: moment, except: unfinished)
        }
    }

    /// Whether a session may be the one that was begun to that key: one that is much older is another program's. An
    /// hour is allowed for the difference between the store's clock and this machine's.
    private func isBegun(_ entry: PendingEntry, _ begun: Timestamp?) -> Bool {
        guard let begun, let modified = entry.modified else { return false }
        return modified > begun.advanced(by: .seconds(-3600))
    }
}

extension PendingEntry {
    fileprivate var modified: Timestamp? {
        modifiedNanoseconds.map { Timestamp(milliseconds: $0 / 1_000_000) }
    }
}
