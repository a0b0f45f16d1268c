import FPCatalog
import FPFormats
import FPStorage

extension Uploads {
    /// What is stated of the file of an upload that a chunk is for.
    /// - Throws: If the chunk's request contradicts what was stated when the upload began.
    func statedDigests(of record: UploadRecord, _ chunk: Chunk) throws(UploadError) -> DigestSet {
        var stated = record.terms?.digests ?? DigestSet()
        do throws(Complaint) {
            try stated.add(chunk.fileDigests)
        } catch {
            throw UploadError(
                .invalid, "The digest of the whole file is another than was stated when the upload began.")
        }
        return stated
    }

    /// Compares a whole file in its store with what is stated of it. It is read if that is more than what is known of it.
    func compare(_ file: FileRecord, with stated: DigestSet) async throws(UploadError) {
        guard let check = DigestCheck(try rest(of: stated, of: file)) else { return }
        // There is nothing to open of a file without bytes.
        guard file.size != 0 else { return try check.verify() }
        let store = try stores.holding(file.store)
        try await translatingStoreError { () async throws(StoreError) in
            let reader = try await store.read(file.key)
            defer { reader.close() }
            while let buffer = try await reader.next() { check.note([buffer]) }
        }
        try check.verify()
    }

    /// What is stated of a file beyond its SHA-256, if that is known.
    /// - Throws: If the file has another SHA-256.
    private func rest(of stated: DigestSet, of file: FileRecord) throws(UploadError) -> DigestSet {
        var stated = stated
        guard let known = file.digests.sha256, let expected = stated[.sha256] else { return stated }
        guard known == expected else { throw DigestCheck.mismatch(.sha256) }
        stated.remove(.sha256)
        return stated
    }

    /// Compares a file that has just become whole, and takes its upload back to 0 if it is not the one that was meant.
    func compare(_ file: FileRecord, of record: UploadRecord, with stated: DigestSet) async throws(UploadError) {
        do throws(UploadError) {
            try await compare(file, with: stated)
        } catch  where error.kind == .digestMismatch {
            let (again, writer) = try await beginAgain(
                record, file: file, because: "its file is not the one of which its client stated a digest", .notice)
            await writers.put(writer, for: again)
            var error = error
            error.expectedOffset = 0
            throw error
        }
    }

    /// Compares the file of an upload that is whole already with what the chunk that ends it states once more.
    func compareWhole(_ record: UploadRecord, with chunk: Chunk, length: UInt64) async throws(UploadError) {
        guard chunk.offset + length == record.files[0].size else { return }
        let rest = try rest(of: chunk.fileDigests, of: record.files[0])
        // Whoever knows the id may send such a chunk again and again: a stored file, which may be large and far away, is not
        // read for that.
        guard record.state != .stored, let check = DigestCheck(rest) else { return }
        if record.files[0].size != 0 {
            let reader = try await open(record.id).read()
            defer { reader.close() }
            while let buffer = try await reader.next() { check.note([buffer]) }
        }
        try check.verify()
    }
}
