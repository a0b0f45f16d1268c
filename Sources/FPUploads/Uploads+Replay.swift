import FPCatalog
import FPStorage
import NIOCore

extension Uploads {
    func knownChunk(_ id: UploadID, _ chunk: Chunk) async throws(UploadError) -> ChunkRecord? {
        let known = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.chunk(of: id, at: chunk.offset)
        }
        return known?.length == chunk.bodyLength ? known : nil
    }

    func receiveReplay(
        _ record: UploadRecord, of known: ChunkRecord, _ body: some ByteSource
    ) async throws(UploadError) -> Upload {
        let (_, fingerprint) = try await readThrough(body, atMost: known.length)
        guard fingerprint == known.fingerprint else {
            // The new bytes are gone, so the client has to send them once more; it does that by itself.
            _ = try await takeBack(record, to: known.offset)
            throw UploadError(
                .conflict,
                "Other bytes had arrived at \(known.offset) before; the upload was taken back to there: send them again."
            )
        }
        return view(record)
    }

    /// Whether a chunk can be one of an upload that is whole already.
    func checkReplayOfWhole(_ record: UploadRecord, _ chunk: Chunk) throws(UploadError) {
        guard record.files.count == 1, let size = record.files[0].size else {
            throw UploadError(.conflict, "The upload was not sent in chunks.")
        }
        guard chunk.uploadLength ?? size == size else {
            throw UploadError(
                .invalid, "The upload is whole with \(size) bytes, but this chunk says \(chunk.uploadLength ?? 0).")
        }
        guard chunk.offset <= size, chunk.end ?? chunk.offset <= size else {
            throw UploadError(.invalid, "The chunk goes beyond the \(size) bytes of the file.")
        }
    }

    /// A chunk of an upload that is whole already: its client never saw the answer.
    func receiveReplayOfWhole(
        _ record: UploadRecord, _ chunk: Chunk, _ body: some ByteSource
    ) async throws(UploadError) -> Upload {
        let size = record.files[0].size ?? 0
        let known = try await knownChunk(record.id, chunk)
        let (length, fingerprint) = try await readThrough(body, atMost: size - chunk.offset)
        let expected: UInt64
        if let known {
            expected = known.fingerprint
        } else {
            // No chunk on record has this offset and length, so the bytes in the file are compared.
            expected = try await self.fingerprint(of: record.id, offset: chunk.offset, length: length)
        }
        guard fingerprint == expected else {
            throw UploadError(.conflict, "The upload is whole, and other bytes had arrived at \(chunk.offset).")
        }
        try await compareWhole(record, with: chunk, length: length)
        return view(record)
    }

    private func fingerprint(of id: UploadID, offset: UInt64, length: UInt64) async throws(UploadError) -> UInt64 {
        let digest = RunningDigest(behind: nil)
        guard length > 0 else { return digest.fingerprint }
        let reader = try await open(id).read(offset: offset, length: length)
        defer { reader.close() }
        while let buffer = try await reader.next() {
            buffer.withUnsafeReadableBytes { digest.update($0) }
        }
        return digest.fingerprint
    }

    func readThrough(
        _ body: some ByteSource, atMost limit: UInt64
    ) async throws(UploadError) -> (count: UInt64, fingerprint: UInt64) {
        let digest = RunningDigest(behind: nil)
        while let buffers = try await nextBytes(of: body) {
            for buffer in buffers { buffer.withUnsafeReadableBytes { digest.update($0) } }
            guard digest.length <= limit else { throw Self.longBody }
        }
        return (digest.length, digest.fingerprint)
    }

    func nextBytes(of body: some ByteSource) async throws(UploadError) -> [ByteBuffer]? {
        do throws(ByteSourceError) { return try await body.next() } catch { throw UploadError(error) }
    }
}
