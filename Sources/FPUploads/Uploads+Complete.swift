import FPCatalog
import FPFormats
import FPStorage

extension Uploads {
    /// Catches up with a commit whose outcome never reached the catalog.
    /// - Parameter stated: digests of the file, without which the upload is not complete.
    func completeCommitted(
        _ record: UploadRecord, file: FileRecord, stated: DigestSet
    ) async throws(UploadError) -> Upload {
        let info = try await translatingStoreError { () async throws(StoreError) in
            try await stores.staging.stat(file.key)
        }
        guard file.size == nil || file.size == info.size else {
            let reason = "its file in staging has \(info.size) bytes and not the \(file.size ?? 0) that were sent"
            let (again, writer) = try await beginAgain(record, file: file, because: reason)
            await writers.put(writer, for: again)
            throw Self.lostBytes
        }
        return try await complete(
            record, file: file, info: info, chunk: nil, signature: nil, digest: nil, stated: stated)
    }

    /// Puts an upload on record as complete, whose file is committed in staging.
    /// - Parameters:
    ///   - digest: of the whole file; `nil` if it is not known yet.
    ///   - stated: digests of the file, without which the upload is not complete.
    func complete(
        _ record: UploadRecord, file: FileRecord, info: ObjectInfo, chunk: ChunkRecord?, signature: [UInt8]?,
        digest: FileDigest?, stated: DigestSet
    ) async throws(UploadError) -> Upload {
        var file = file
        file.size = info.size
        file.etag = info.etag
        if let digest, digest.length == info.size { file.digests = digest.digests }
        if file.name.isEmpty { file.name = "file" }
        let head: [UInt8]
        if let signature { head = signature } else { head = try await readSignature(of: file) }
        file.contentType = try checkType(name: file.name, head: head, record.terms)
        try await compare(file, of: record, with: stated)
        let now = Timestamp.now
        let whole = file
        let wasReceiving = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.complete(record.id, file: whole, chunk: chunk, at: now)
        }
        guard wasReceiving else { throw .notFound(record.id) }
        var record = record
        record.state = .complete
        record.completedAt = now
        record.touchedAt = now
        record.session = nil
        record.files[0] = file
        if file.digests == FileDigests() { backlog.add(record.id, of: self) }
        return view(record)
    }

    private func readSignature(of file: FileRecord) async throws(UploadError) -> [UInt8] {
        guard file.size != 0 else { return [] }
        return try await translatingStoreError { () async throws(StoreError) in
            let length = UInt64(FileContent.headLength)
            let reader = try await stores.staging.read(file.key, length: length)
            defer { reader.close() }
            var signature: [UInt8] = []
            while signature.count < FileContent.headLength, let buffer = try await reader.next() {
                signature.append(contentsOf: buffer.readableBytesView)
            }
            return signature
        }
    }
}
