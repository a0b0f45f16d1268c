import FPCatalog
public import FPFormats
import FPStorage

extension Uploads {
    /// Gives out the id of an upload whose bytes will come in chunks.
    /// - Parameters:
    ///   - length: the size of the file in bytes; `nil` if the first chunk will tell.
    ///   - metadata: the client's JSON text.
    ///   - name: the client's name for the file; `nil` if a chunk will tell.
    ///   - digests: what is stated of the file; without those, the upload is never complete.
    ///   - uploader: who uploads.
    public func create(
        length: UInt64?, metadata: String?, name: String? = nil, digests: DigestSet = DigestSet(),
        by uploader: Uploader = Uploader()
    ) async throws(UploadError) -> Upload {
        var terms = uploader.terms
        if !digests.isEmpty {
            terms = terms ?? UploadTerms()
            terms?.digests = digests
        }
        if let length { try checkSize(length, terms) }
        let name = name.map(FileName.sanitised) ?? ""
        if !name.isEmpty { try checkType(name: name, terms) }
        let admission = try await admit(uploader, .creation, length: length ?? 0)
        defer { withExtendedLifetime(admission) {} }
        try await space.admit(length ?? 0)
        let id = UploadID.random()
        try checkDestination(of: id, name: name, terms)
        let arrival = arrivals.hold(id)
        defer { withExtendedLifetime(arrival) {} }
        let (key, writer) = try await beginSession(for: id, length: length)
        let now = Timestamp.now
        let record = UploadRecord(
            id: id, state: .receiving, createdAt: now, touchedAt: now, metadata: metadata, owner: uploader.owner,
            files: [FileRecord(name: name, size: length, store: stores.staging.name, key: key)],
            session: WriteSession(token: writer.token, committed: 0), terms: terms)
        do throws(CatalogError) {
            try await catalog.insert(
                record, within: admission.limits, countedIn: uploader.allowance?.count, from: admission.source)
        } catch {
            try? await writer.abort()
            await writer.close()
            throw refusal(error)
        }
        await writers.put(writer, for: record)
        return view(record)
    }

    /// A new write session in staging under a new key.
    func beginSession(
        for id: UploadID, length: UInt64?
    ) async throws(UploadError) -> (key: String, writer: StoreWriter) {
        try await claim.require()
        let request = WriteRequest(
            key: stagingKeys.make(for: id), size: length, resumable: true, ifNotExists: true, hasOwnKey: true,
            contentType: nil)
        let writer = try await translatingStoreError { () async throws(StoreError) in
            try await stores.staging.beginWrite(request)
        }
        return (request.key, writer)
    }
}
