import FPCatalog
import FPStorage

extension Uploads {
    /// Takes a temporary upload back, with its bytes; one that is still arriving is stopped. An upload that is
    /// unknown, gone or stored is left as it is, so that a client may ask twice.
    public func revert(_ id: UploadID) async throws(UploadError) {
        try await gates.enter(id, UploadGates.Pass())
        defer { gates.leave(id) }
        try await removeTemporary(id)
    }

    /// Deletes an upload.
    /// - Parameter keepFile: whether the stored file stays where it is, no longer known here.
    /// - Returns: the upload as it was.
    public func delete(_ id: UploadID, keepFile: Bool) async throws(UploadError) -> Upload {
        try await gates.enter(id, UploadGates.Pass())
        defer { gates.leave(id) }
        guard var record = try await record(id) else { throw .notFound(id) }
        if record.state == .storing {
            guard let settled = try await settle(record) else { throw .notFound(id) }
            record = settled
        }
        guard keepFile else {
            try await remove(id, from: [.receiving, .complete, .stored])
            return view(record)
        }
        guard record.state == .stored else {
            throw UploadError(.invalid, "A temporary upload cannot be deleted without its file; store it first.")
        }
        try await translatingCatalogError { () async throws(CatalogError) in try await catalog.forget(id) }
        return view(record)
    }

    /// Removes a temporary upload whose time has come, unless somebody is at work on it.
    func expire(_ id: UploadID, before moment: Timestamp) async throws(UploadError) {
        guard gates.enterIfFree(id) else { return }
        defer { gates.leave(id) }
        guard let record = try await record(id), record.touchedAt < moment else { return }
        try await removeTemporary(id)
    }

    private func removeTemporary(_ id: UploadID) async throws(UploadError) {
        try await remove(id, from: [.receiving, .complete])
    }

    private func remove(_ id: UploadID, from states: Set<UploadState>) async throws(UploadError) {
        let record = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.beginDeleting(id, from: states)
        }
        guard let record else { return }
        try await finishDeleting(record)
    }

    /// Removes the bytes of an upload that no reader sees any more, then the last trace of it.
    func finishDeleting(_ record: UploadRecord) async throws(UploadError) {
        if let writer = writers.take(record.id) { await writer.close() }
        try await translatingStoreError { () async throws(StoreError) in
            for file in record.files {
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
    }
}
