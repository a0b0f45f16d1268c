import FPCatalog
import FPStorage

extension Uploads {
    /// Looks at where an upload is to be stored, before any of its bytes are there.
    /// - Parameter name: the client's name for the file, if it is known by now.
    func checkDestination(of id: UploadID, name: String, _ terms: UploadTerms?) throws(UploadError) {
        guard let terms, let template = terms.path else { return }
        let path = try PathTemplate.filled(template, id: id, name: name)
        try check(try ObjectPath.key(path: path, name: name), in: try destinationStore(terms.store))
    }

    /// Stores a whole upload where that was agreed, for somebody who has passed its gate. What is stored already stays.
    /// - Returns: the upload as it is afterwards.
    /// - Throws: ``UploadError``; the upload then is what it was, and the next try may succeed.
    func storeAsAgreed(_ upload: Upload, _ terms: UploadTerms?) async throws(UploadError) -> Upload {
        guard upload.state == .complete || upload.state == .storing, let terms, let template = terms.path else {
            return upload
        }
        guard let record = try await record(upload.id) else { throw .notFound(upload.id) }
        let path = try PathTemplate.filled(template, id: record.id, name: record.files[0].name)
        return view(try await store(record, path: path, in: try destinationStore(terms.store), variants: nil))
    }

    /// Stores a new upload that came whole where that was agreed, or takes it back: its client does not know its id yet.
    func storeAsAgreedOrForget(_ upload: Upload, by uploader: Uploader) async throws(UploadError) -> Upload {
        guard uploader.terms?.path != nil else { return upload }
        // It is on record by now. A client that goes away takes its task with it, which must not leave the upload behind,
        // counted and not stored.
        return try await Task { () async -> Result<Upload, UploadError> in
            do throws(UploadError) {
                return .success(try await self.storedOrForgotten(upload, by: uploader))
            } catch {
                return .failure(error)
            }
        }.value.get()
    }

    private func storedOrForgotten(_ upload: Upload, by uploader: Uploader) async throws(UploadError) -> Upload {
        try await gates.enter(upload.id, UploadGates.Pass())
        defer { gates.leave(upload.id) }
        do throws(UploadError) {
            return try await storeAsAgreed(upload, uploader.terms)
        } catch {
            guard let stored = await forget(upload.id, countedIn: uploader.allowance?.count) else { throw error }
            return stored
        }
    }

    /// Takes an upload back that could not be stored, whatever has become of its bytes. What a store that does not answer
    /// has of it goes later.
    /// - Returns: the upload, if it is stored after all.
    private func forget(_ id: UploadID, countedIn count: UploadCount?) async -> Upload? {
        do throws(UploadError) {
            guard var record = try await record(id) else { return nil }
            if record.state == .storing, let settled = try? await settle(record) { record = settled }
            if record.state == .stored { return view(record) }
            _ = try await remove(id, from: [.complete, .storing], because: .notStored)
            if let count {
                try await translatingCatalogError { () async throws(CatalogError) in
                    try await catalog.uncount(count.name)
                }
            }
        } catch {
            complain(of: id, "it could be neither stored nor taken back", error.detail ?? error.message)
        }
        return nil
    }
}
