import FPCatalog
import FPFormats
import FPStorage
import Logging

/// What no record names.
extension Sweeper {
    private static let tag = "its key has the tag of this catalog"

    /// Whether the staging store is still this catalog's: another host may have been given it meanwhile.
    func ownsStaging() async -> Bool {
        do throws(StoreError) {
            guard isPreview else { return try await uploads.claim.look() == .thisCatalog }
            guard let mark = try await CatalogMark.find(in: uploads.stores.staging) else { return true }
            if mark.catalog == uploads.catalog.identity.id { return true }
            uploads.logger.warning(
                "staging was not searched: it belongs to another catalog, at \(mark.place)")
        } catch {
            uploads.logger.warning("staging was not searched for bytes that no upload owns: \(error)")
        }
        return false
    }

    /// Removes staged objects that this catalog made and no upload owns: at once where the upload is known and says
    /// that its bytes are elsewhere, else when they are older than any temporary upload may become.
    func removeOrphanedObjects() async -> Bool {
        let staging = uploads.stores.staging
        guard staging.capabilities.contains(.list) else { return true }
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
                    let reason: String
                    if let modified, modified < moment {
                        reason = "no upload has it, and it is of \(SweepFinding.text(modified))"
                    } else if try await isElsewhere(entry.key, of: id) {
                        reason = "upload \(id) is stored elsewhere by its record"
                    } else {
                        continue
                    }
                    tell(
                        SweepFinding(
                            kind: .bytes, store: staging.name, key: entry.key, proof: "\(Self.tag); \(reason)"))
                    guard !isPreview else { continue }
                    try await staging.remove(entry.key)
                    uploads.logger.info("removed \(entry.key) from staging: no upload owns it")
                }
                cursor = page.cursor
            } while cursor != nil && !Task.isCancelled
            if cursor == nil { uploads.foreignObjects.report(foreign, in: staging.name, to: uploads.logger) }
            return cursor == nil
        } catch {
            uploads.logger.warning("could not search staging for bytes that no upload owns: \(error)")
            return false
        }
    }

    /// Whether the upload has its bytes somewhere else for good. One at work may be about to own the key.
    private func isElsewhere(_ key: String, of id: UploadID) async throws -> Bool {
        guard !uploads.gates.isHeld(id), let record = try await uploads.catalog.upload(id) else { return false }
        return record.state == .stored && !record.files.contains { $0.key == key }
    }

    /// Discards old write sessions that this catalog began and no upload owns: in staging those of its keys, elsewhere
    /// those of the destinations that it has on record as begun. Any other may be another program's.
    func discardOrphanedSessions(inStaging: Bool) async -> Bool {
        let moment = expiry
        let staging = uploads.stores.staging
        var isDone = true
        do throws(CatalogError) {
            var names = try await uploads.catalog.storesWithBegunWrites(before: moment)
            if inStaging { names.insert(staging.name) }
            for name in names.sorted() {
                guard let store = uploads.stores[name], !Task.isCancelled else { continue }
                guard store.capabilities.contains(.listPending) else {
                    if !isPreview {
                        try await uploads.catalog.forgetBegunWrites(in: name, before: moment, except: [])
                    }
                    continue
                }
                do {
                    try await discardOrphanedSessions(in: store, before: moment, ofStaging: inStaging)
                } catch {
                    uploads.logger.warning("could not search store \(name) for unfinished writes: \(error)")
                    isDone = false
                }
            }
            return isDone
        } catch {
            uploads.logger.warning("could not look for unfinished writes: \(error)")
            return false
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
                var proof: String?
                if isStaging, let id = uploads.stagingKeys.upload(of: entry.key) {
                    if !arriving.contains(id) { proof = Self.tag }
                } else if isBegun(entry, begun[key]), let moment = begun[key] {
                    proof = "this catalog has begun to write there at \(SweepFinding.text(moment))"
                }
                guard let proof, !known.contains(key), let modified = entry.modified, modified < moment else {
                    if begun[key] != nil { unfinished.insert(key) }
                    continue
                }
                tell(
                    SweepFinding(
                        kind: .session, store: store.name, key: entry.key,
                        proof: "\(proof); no upload has it, and it is of \(SweepFinding.text(modified))"))
                guard !isPreview else { continue }
                try await store.discardWrite(token: entry.token)
                uploads.logger.info("discarded an unfinished write of \(entry.key): no upload owns it")
            }
            cursor = page.cursor
        } while cursor != nil && !Task.isCancelled
        if cursor == nil, !isPreview {
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
