import FPCatalog
import FPStorage

extension Uploads {
    /// Takes a temporary upload back, with its bytes; one that is still arriving is stopped. An upload that is
    /// unknown, gone or stored is left as it is, so that a client may ask twice.
    /// - Returns: whether its bytes are gone; if not, nobody sees the upload any more, and they follow.
    @discardableResult
    public func revert(_ id: UploadID) async throws(UploadError) -> Bool {
        try await gates.enter(id, UploadGates.Pass())
        defer { gates.leave(id) }
        if let record = try await record(id), record.state == .storing { _ = try await settle(record) }
        return try await removeTemporary(id, because: .reverted)
    }

    /// Deletes an upload.
    /// - Parameter keepFile: whether the stored file stays where it is, no longer known here.
    /// - Returns: the upload as it was; as *deleting* if its bytes are still there because their store does not remove
    ///   them now. Nobody sees the upload any more, and they follow.
    public func delete(_ id: UploadID, keepFile: Bool) async throws(UploadError) -> Upload {
        try await gates.enter(id, UploadGates.Pass())
        defer { gates.leave(id) }
        guard var record = try await record(id) else { throw .notFound(id) }
        // What an upload may have written over is known only when it is settled.
        let isAnyway = !keepFile && record.files[0].destination?.replaced == nil
        if record.state == .storing, let settled = try await settled(record, orAnyway: isAnyway) { record = settled }
        guard keepFile else {
            if try await !remove(id, from: [.receiving, .complete, .storing, .stored], because: .deleted) {
                record.state = .deleting
            }
            return view(record)
        }
        guard record.state == .stored else {
            throw UploadError(.invalid, "A temporary upload cannot be deleted without its file; store it first.")
        }
        let now = Timestamp.now
        let wasStored = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.release(id, at: now)
        }
        guard wasStored else { throw .notFound(id) }
        complaints.forget(id)
        return view(record)
    }

    /// Settles an upload that is to be deleted.
    /// - Parameter isAnyway: whether the upload is deleted even if its stores fail: failures are ignored then.
    private func settled(_ record: UploadRecord, orAnyway isAnyway: Bool) async throws(UploadError) -> UploadRecord? {
        do throws(UploadError) {
            guard let settled = try await settle(record) else { throw UploadError.notFound(record.id) }
            return settled
        } catch  where isAnyway {
            return nil
        }
    }

    /// Removes a temporary upload whose time has come, unless somebody is at work on it.
    func expire(_ id: UploadID, before moment: Timestamp) async throws(UploadError) {
        guard gates.enterIfFree(id) else { return }
        defer { gates.leave(id) }
        guard let record = try await record(id), record.touchedAt < moment else { return }
        _ = try await removeTemporary(id, because: .expired)
    }

    private func removeTemporary(_ id: UploadID, because end: UploadEnd) async throws(UploadError) -> Bool {
        try await remove(id, from: [.receiving, .complete], because: end)
    }

    /// - Returns: whether the bytes are gone. Once the record says DELETING the upload is gone for every reader, and a
    ///   store that does not remove them now changes nothing of that: the sweeper goes on.
    func remove(
        _ id: UploadID, from states: Set<UploadState>, because end: UploadEnd
    ) async throws(UploadError) -> Bool {
        if let writer = writers.take(id) { await writer.close() }
        let now = Timestamp.now
        let record = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.beginDeleting(id, from: states, because: end, at: now)
        }
        guard let record else { return true }
        do throws(UploadError) {
            try await finishDeleting(record)
            return true
        } catch {
            complain(of: id, "it stays deleting", error.detail ?? error.message)
            return false
        }
    }

    /// Removes the bytes of an upload that no reader sees any more, then the last trace of it.
    func finishDeleting(_ record: UploadRecord) async throws(UploadError) {
        try await translatingStoreError { () async throws(StoreError) in
            for (index, file) in record.files.enumerated() {
                if let destination = file.destination, stores[destination.store] != nil, stores[file.store] != nil {
                    let mover = FileMover(uploads: self, upload: record.id, index: index)
                    try await mover.removeArrival(of: file, mover.progress(of: file))
                }
                guard let store = stores[file.store] else {
                    throw StoreError(
                        .config, store: file.store, operation: "remove",
                        message: "the store holds uploads but is not in the configuration; add it to stores again")
                }
                if let session = record.session { try await store.discardWrite(token: session.token) }
                // Also after a discard: the session may have been committed just before a crash.
                try await store.remove(file.key)
            }
        }
        try await translatingCatalogError { () async throws(CatalogError) in try await catalog.forget(record.id) }
        complaints.forget(record.id)
    }
}
