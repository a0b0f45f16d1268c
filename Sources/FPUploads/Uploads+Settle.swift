import FPCatalog
import FPStorage
import Logging

extension Uploads {
    /// Finishes or undoes what a crash or a failing store left half way. Comes before the first request.
    public func recover() async {
        await forEach(in: [.storing, .deleting]) { record in
            await self.settleQuietly(record)
        }
    }

    /// Settles a storing or deleting upload, unless somebody works on it at the moment.
    func settleIfFree(_ id: UploadID) async {
        guard gates.enterIfFree(id) else { return }
        defer { gates.leave(id) }
        guard let record = try? await catalog.upload(id) else { return }
        await settleQuietly(record)
    }

    private func settleQuietly(_ record: UploadRecord) async {
        do throws(UploadError) {
            switch record.state {
            case .storing: _ = try await settle(record)
            case .deleting: try await finishDeleting(record)
            default: return
            }
            complaints.forget(record.id)
        } catch {
            complain(of: record.id, "it stays \(record.state)", error.detail ?? error.message)
        }
    }

    /// Tells the operator once what the next sweep would find again, whatever the reason may be then.
    func complain(of id: UploadID, _ complaint: String, _ reason: String) {
        let level: Logger.Level = complaints.isNew(complaint, of: id) ? .error : .debug
        logger.log(level: level, "upload \(id): \(complaint): \(reason)")
    }

    /// Decides a storing upload by what its stores hold: stored if every file arrived, else complete again; also if a
    /// destination refuses for good to be asked. A failure that may pass leaves it storing.
    /// - Returns: the upload as it is afterwards; `nil` if it is gone.
    func settle(_ record: UploadRecord) async throws(UploadError) -> UploadRecord? {
        let now = Timestamp.now
        var progress: [FileMover.Progress] = []
        for (index, file) in record.files.enumerated() {
            progress.append(
                try await translatingStoreError { () async throws(StoreError) in
                    try await FileMover(uploads: self, upload: record.id, index: index).progress(of: file)
                })
        }
        var etags: [String?] = []
        var originals: [FileRecord] = []
        for (file, progress) in zip(record.files, progress) {
            guard case .done(let etag, let isSourceGone) = progress else { break }
            etags.append(etag)
            if !isSourceGone { originals.append(file) }
        }
        if etags.count == record.files.count {
            let finished = etags
            let won = try await translatingCatalogError { () async throws(CatalogError) in
                try await catalog.finishStoring(record.id, etags: finished, at: now)
            }
            guard won else { return nil }
            for file in originals { await removeStaged(file) }
            return asStored(record, etags: etags, at: now)
        }
        for (index, file) in record.files.enumerated() {
            if case .lost = progress[index] {
                logger.critical("upload \(record.id): \(file.key) is neither in its store nor at its destination")
            }
            try await translatingStoreError { () async throws(StoreError) in
                try await FileMover(uploads: self, upload: record.id, index: index).undo(file, progress[index])
            }
        }
        let won = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.abandonStoring(record.id, at: now)
        }
        guard won else { return nil }
        var complete = record
        complete.state = .complete
        complete.touchedAt = now
        for index in complete.files.indices { complete.files[index].destination = nil }
        return complete
    }

    func forEach(in states: Set<UploadState>, _ body: (UploadRecord) async -> Void) async {
        var last: UploadID?
        do throws(CatalogError) {
            repeat {
                let batch = try await catalog.uploads(in: states, after: last, limit: 100)
                for record in batch { await body(record) }
                last = batch.last?.id
            } while last != nil
        } catch {
            logger.error("could not look for interrupted uploads: \(error)")
        }
    }
}
