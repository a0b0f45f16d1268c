import FPCatalog
import FPStorage

extension Uploads {
    /// How often what is at a path is looked at again because it was replaced in the meantime.
    private static let mostReplaceTries = 3

    /// Stores a complete upload in the place of what is at its path. The upload that was there goes with the change that
    /// makes the new one stored; until then it keeps the path. After a crash, the version tag that was there before tells
    /// whose bytes are there.
    /// - Parameter reach: whose upload may be replaced. What is in no catalog is nobody's but the application's.
    func storeReplacing(
        _ record: UploadRecord, at destination: Destination, in target: Store, within reach: Reach
    ) async throws(UploadError) -> UploadRecord {
        try await requireReplacing(target)
        guard record.files.count == 1 else {
            throw UploadError(.invalid, "An upload with variants replaces nothing; store it at paths that are free.")
        }
        let key = destination.key
        for _ in 0..<Self.mostReplaceTries {
            let holder = try await translatingCatalogError { () async throws(CatalogError) in
                try await catalog.upload(store: target.name, key: key)
            }
            if let holder, !reach.includesByPath(holder.owner) { throw UploadError(.pathTaken, UploadError.taken(key)) }
            if let holder, holder.files.count > 1 {
                throw UploadError(
                    .conflict, "The upload at \"\(key)\" has several files, so it cannot be replaced; delete it first.")
            }
            let there = try await whatIsThere(key, in: target)
            if there != nil, holder == nil, reach != .everybodys {
                throw UploadError(.pathTaken, UploadError.taken(key))
            }
            // What is there may not be what the holder had stored: it is somebody else's then, who is not on record.
            if let holder, reach != .everybodys, let etag = holder.files[0].etag, there?.etag != etag {
                throw UploadError(.pathTaken, UploadError.taken(key))
            }
            var place = destination
            // Where nothing is, nothing is written over, whatever comes there meanwhile.
            let isFree = holder == nil && there == nil
            if !isFree { place.replaced = Replaced(upload: holder?.id, etag: there?.etag) }
            let places = [place]
            let begun: Bool
            do throws(CatalogError) {
                begun = try await catalog.beginStoring(record.id, destinations: places)
            } catch {
                // Another upload got there first; it may be stored by now.
                if case .pathTaken = error { continue }
                throw UploadError(error)
            }
            guard begun else { throw .notFound(record.id) }
            do throws(UploadError) {
                let stored = try await carryOut(record, to: places)
                if let holder { complaints.forget(holder.id) }
                return stored
            } catch  where isFree && error.storeCode == .exists {
                guard try await self.record(record.id)?.state == .complete else { throw error }
            }
        }
        throw UploadError(
            .conflict, "Another upload is on its way to the path \"\(key)\"; try again.", retryAfter: .seconds(1))
    }

    private func requireReplacing(_ store: Store) async throws(UploadError) {
        if store.capabilities.contains(.atomicReplace) { return }
        // Some stores know what they can do only when they have been reached once.
        _ = try? await store.health()
        guard store.capabilities.contains(.atomicReplace) else {
            throw UploadError(
                .invalid,
                "The store \"\(store.name)\" replaces no files, unless its operator allows it; store the upload at another path."
            )
        }
    }

    private func whatIsThere(_ key: String, in store: Store) async throws(UploadError) -> ObjectInfo? {
        let info: ObjectInfo
        do throws(StoreError) {
            info = try await store.stat(key)
        } catch  where error.code == .notFound {
            return nil
        } catch {
            throw await UploadError(storing: error, in: stores, at: Destination(store: store.name, key: key))
        }
        guard info.etag != nil else {
            throw UploadError(
                .unsupported,
                "The store \"\(store.name)\" does not tell one version of a file from another, so nothing is replaced there."
            )
        }
        return info
    }
}
