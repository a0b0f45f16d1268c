import FPCatalog
import FPStorage
import NIOCore

extension Uploads {
    /// Gives out the id of an upload whose bytes will come in chunks.
    /// - Parameters:
    ///   - length: the size of the file in bytes; `nil` if the first chunk will tell.
    ///   - metadata: the client's JSON text.
    ///   - owner: who uploads.
    public func create(length: UInt64?, metadata: String?, owner: String? = nil) async throws(UploadError) -> Upload {
        if let length { try checkSize(length) }
        let id = UploadID.random()
        let request = WriteRequest(
            key: StagingKey.make(for: id), size: length, resumable: true, ifNotExists: true, contentType: nil)
        let writer = try await translatingStoreError { () async throws(StoreError) in
            try await stores.staging.beginWrite(request)
        }
        let now = Timestamp.now
        let record = UploadRecord(
            id: id, state: .receiving, createdAt: now, touchedAt: now, metadata: metadata, owner: owner,
            files: [FileRecord(name: "", size: length, store: stores.staging.name, key: request.key)],
            session: WriteSession(token: writer.token, committed: 0))
        do throws(CatalogError) {
            try await catalog.insert(record)
        } catch {
            try? await writer.abort()
            await writer.close()
            throw UploadError(error)
        }
        await writers.put(writer, for: id)
        return view(record)
    }

    /// Receives one chunk.
    ///
    /// The chunk counts once all of it is safe; one that is cut short leaves the upload where it was. A chunk that
    /// arrived before is recognised by its bytes and succeeds again without a change; other bytes at a lower offset
    /// take the upload back to there. The chunk that reaches the end completes the upload.
    /// - Returns: the upload after the chunk.
    public func append(_ id: UploadID, _ chunk: Chunk, body: some ByteSource) async throws(UploadError) -> Upload {
        let range: (start: UInt64, end: UInt64?) = (chunk.offset, chunk.end)
        let pass = UploadGates.Pass(range: range) { body.stop() }
        try await gates.enter(id, pass)
        defer { gates.leave(id) }
        guard let record = try await record(id) else { throw .notFound(id) }
        guard let session = record.session, record.state == .receiving else {
            return try await receiveReplayOfWhole(record, chunk, body)
        }
        let file = try announcedFile(record.files[0], by: chunk)
        guard chunk.offset <= session.committed else {
            throw UploadError(
                .offsetAhead, "The chunk starts at \(chunk.offset), but only \(session.committed) bytes have arrived.")
        }
        if chunk.offset < session.committed {
            if let known = try await knownChunk(record.id, chunk) {
                return try await receiveReplay(record, of: known, body)
            }
            try await takeBack(record, to: chunk.offset)
        }
        return try await receive(record, file: file, chunk: chunk, body: body)
    }

    // MARK: - Checks before the first byte

    private func checkSize(_ size: UInt64) throws(UploadError) {
        guard size <= settings.maxSize else {
            throw UploadError(
                .tooLarge, "The file has \(size) bytes; an upload may hold \(settings.maxSize) at most.")
        }
    }

    /// The file with what the chunk's request tells of it, checked against what is known and against itself.
    private func announcedFile(_ file: FileRecord, by chunk: Chunk) throws(UploadError) -> FileRecord {
        var file = file
        if let announced = chunk.uploadLength {
            guard file.size ?? announced == announced else {
                throw UploadError(
                    .invalid, "The upload was created with \(file.size ?? 0) bytes, but this chunk says \(announced).")
            }
            try checkSize(announced)
            file.size = announced
        }
        guard let size = file.size else {
            throw UploadError(.invalid, "The size of the file is not known yet; send Upload-Length.")
        }
        if let name = chunk.name {
            let name = FileName.sanitised(name)
            guard file.name.isEmpty || file.name == name else {
                throw UploadError(.invalid, "The chunk has another file name than the chunks before it.")
            }
            file.name = name
        }
        guard chunk.offset <= size, chunk.bodyLength == nil || chunk.end.map({ $0 <= size }) ?? false else {
            throw UploadError(.invalid, "The chunk goes beyond the \(size) bytes of the file.")
        }
        guard chunk.bodyLength != 0 || chunk.offset == size else {
            throw UploadError(.invalid, "The chunk is empty, but the file is not whole yet.")
        }
        return file
    }

    // MARK: - Replays

    private func knownChunk(_ id: UploadID, _ chunk: Chunk) async throws(UploadError) -> ChunkRecord? {
        let known = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.chunk(of: id, at: chunk.offset)
        }
        return known?.length == chunk.bodyLength ? known : nil
    }

    private func receiveReplay(
        _ record: UploadRecord, of known: ChunkRecord, _ body: some ByteSource
    ) async throws(UploadError) -> Upload {
        let (_, fingerprint) = try await readThrough(body, atMost: known.length)
        guard fingerprint == known.fingerprint else {
            // The new bytes are gone, so the client has to send them once more; it does that by itself.
            try await takeBack(record, to: known.offset)
            throw UploadError(
                .conflict,
                "Other bytes had arrived at \(known.offset) before; the upload was taken back to there: send them again."
            )
        }
        return view(record)
    }

    /// A chunk of an upload that is whole already: its client never saw the answer.
    private func receiveReplayOfWhole(
        _ record: UploadRecord, _ chunk: Chunk, _ body: some ByteSource
    ) async throws(UploadError) -> Upload {
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
        let known = try await knownChunk(record.id, chunk)
        let (length, fingerprint) = try await readThrough(body, atMost: size - chunk.offset)
        let expected: UInt64
        if let known {
            expected = known.fingerprint
        } else {
            // No chunk was cut like that, so only the file itself can tell.
            expected = try await self.fingerprint(of: record.id, offset: chunk.offset, length: length)
        }
        guard fingerprint == expected else {
            throw UploadError(.conflict, "The upload is whole, and other bytes had arrived at \(chunk.offset).")
        }
        return view(record)
    }

    private func fingerprint(of id: UploadID, offset: UInt64, length: UInt64) async throws(UploadError) -> UInt64 {
        let fingerprint = ChunkFingerprint()
        guard length > 0 else { return fingerprint.value }
        let reader = try await open(id).read(offset: offset, length: length)
        defer { reader.close() }
        while let buffer = try await reader.next() {
            buffer.withUnsafeReadableBytes { fingerprint.update($0) }
        }
        return fingerprint.value
    }

    private func readThrough(
        _ body: some ByteSource, atMost limit: UInt64
    ) async throws(UploadError) -> (count: UInt64, fingerprint: UInt64) {
        let fingerprint = ChunkFingerprint()
        var count: UInt64 = 0
        while let buffers = try await nextBytes(of: body) {
            for buffer in buffers {
                count += UInt64(buffer.readableBytes)
                buffer.withUnsafeReadableBytes { fingerprint.update($0) }
            }
            guard count <= limit else {
                throw UploadError(.invalid, "The body is longer than the chunk may be.")
            }
        }
        return (count, fingerprint.value)
    }

    private func nextBytes(of body: some ByteSource) async throws(UploadError) -> [ByteBuffer]? {
        do throws(ByteSourceError) { return try await body.next() } catch { throw UploadError(error) }
    }

    /// Drops everything from `offset` on, in the catalog first: what it says must be in the store.
    private func takeBack(_ record: UploadRecord, to offset: UInt64) async throws(UploadError) {
        if let writer = writers.take(record.id) { await writer.close() }
        let wasReceiving = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.rewind(record.id, to: offset, at: .now)
        }
        guard wasReceiving else { throw .notFound(record.id) }
    }

    // MARK: - New bytes

    private func receive(
        _ record: UploadRecord, file: FileRecord, chunk: Chunk, body: some ByteSource
    ) async throws(UploadError) -> Upload {
        guard let writer = try await writer(for: record, file: file, at: chunk.offset) else {
            // The commit had succeeded, but its outcome never reached the catalog.
            _ = try await readThrough(body, atMost: (file.size ?? 0) - chunk.offset)
            return try await completeCommitted(record, file: file)
        }
        let arrival: (length: UInt64, fingerprint: UInt64, token: [UInt8]?)
        do throws(UploadError) {
            arrival = try await write(body, to: writer, file: file, chunk: chunk)
        } catch {
            await writer.close()
            throw error
        }
        let known = ChunkRecord(offset: chunk.offset, length: arrival.length, fingerprint: arrival.fingerprint)
        guard chunk.offset + arrival.length == file.size else {
            return try await advance(record, file: file, writer: writer, chunk: known, token: arrival.token)
        }
        return try await complete(record, file: file, writer: writer, chunk: known)
    }

    /// The upload's writer, positioned at `offset`; `nil` if the whole file is committed already.
    private func writer(
        for record: UploadRecord, file: FileRecord, at offset: UInt64
    ) async throws(UploadError) -> StoreWriter? {
        if let writer = writers.take(record.id) {
            if writer.offset == offset { return writer }
            await writer.close()
        }
        guard let session = record.session else { throw .notFound(record.id) }
        do throws(StoreError) {
            switch try await stores.staging.resumeWrite(
                token: session.token, offset: offset, expectedSize: file.size)
            {
            case .open(let writer): return writer
            case .committed: return nil
            }
        } catch  where error.code == .range {
            // After a loss of power that `durability` did not promise to survive.
            logger.error("upload \(record.id): the staging store lost bytes before \(offset); it starts again")
            try await takeBack(record, to: 0)
            throw UploadError(.conflict, "The server lost bytes of this upload; send it again from the start.")
        } catch  where error.code == .unsupported {
            // A store that keeps parts goes back only to where it was synced last. Any other place that it might offer
            // lies inside one of the client's chunks, which the client would then take for sent.
            logger.warning("upload \(record.id): its store cannot go back to \(offset); it starts again")
            try await takeBack(record, to: 0)
            throw UploadError(
                .conflict, "Bytes that came before are no longer kept; send the file again from the start.")
        } catch  where error.code == .conflict {
            // Nobody else is at this upload: a call of an earlier request still hangs in the store.
            throw UploadError(
                .unavailable, "The store is still busy with an earlier request for this upload; try again.",
                detail: "store \(error.store), \(error.operation): \(error.message)", retryAfter: .seconds(2))
        } catch  where error.code == .gone || error.code == .notFound {
            logger.error("upload \(record.id): the staging store has lost its write session: \(error.message)")
            throw UploadError(.internalFault, "The bytes of this upload were lost; upload the file again.")
        } catch {
            throw UploadError(error)
        }
    }

    private func write(
        _ body: some ByteSource, to writer: StoreWriter, file: FileRecord, chunk: Chunk
    ) async throws(UploadError) -> (length: UInt64, fingerprint: UInt64, token: [UInt8]?) {
        let fingerprint = ChunkFingerprint()
        let limit = chunk.bodyLength ?? (file.size ?? 0) - chunk.offset
        var length: UInt64 = 0
        while let buffers = try await nextBytes(of: body) {
            length += buffers.reduce(UInt64(0)) { $0 + UInt64($1.readableBytes) }
            guard length <= limit else {
                throw UploadError(.invalid, "The body is longer than the chunk may be.")
            }
            try await translatingStoreError { () async throws(StoreError) in
                try await writer.write(buffers) { fingerprint.update($0) }
            }
        }
        guard length > 0 || chunk.offset == file.size else {
            throw UploadError(.invalid, "The chunk is empty, but the file is not whole yet.")
        }
        guard chunk.offset + length < file.size ?? 0 else { return (length, fingerprint.value, nil) }
        let progress = try await translatingStoreError { () async throws(StoreError) in
            try await writer.sync(power: settings.isPowerDurable)
        }
        guard progress.durableOffset >= chunk.offset + length else {
            throw UploadError(
                .internalFault, "The store could not make the chunk safe; send it again.",
                detail: "the staging store holds \(progress.durableOffset) bytes after a sync")
        }
        return (length, fingerprint.value, progress.token)
    }

    private func advance(
        _ record: UploadRecord, file: FileRecord, writer: StoreWriter, chunk: ChunkRecord, token: [UInt8]?
    ) async throws(UploadError) -> Upload {
        let arrival = ChunkArrival(chunk: chunk, size: file.size, name: file.name, token: token, arrivedAt: .now)
        let wasReceiving: Bool
        do throws(CatalogError) {
            wasReceiving = try await catalog.advance(record.id, by: arrival)
        } catch {
            await writer.close()
            throw UploadError(error)
        }
        guard wasReceiving else {
            await writer.close()
            throw .notFound(record.id)
        }
        await writers.put(writer, for: record.id)
        var record = record
        record.files[0] = file
        record.session?.committed = chunk.offset + chunk.length
        record.touchedAt = arrival.arrivedAt
        return view(record)
    }

    // MARK: - The end

    private func complete(
        _ record: UploadRecord, file: FileRecord, writer: StoreWriter, chunk: ChunkRecord
    ) async throws(UploadError) -> Upload {
        let info: ObjectInfo
        do throws(StoreError) {
            info = try await writer.commit(size: file.size ?? 0, power: settings.isPowerDurable)
            await writer.close()
        } catch {
            await writer.close()
            throw UploadError(error)
        }
        return try await complete(record, file: file, info: info, chunk: chunk)
    }

    /// Catches up with a commit whose outcome never reached the catalog.
    private func completeCommitted(_ record: UploadRecord, file: FileRecord) async throws(UploadError) -> Upload {
        let info = try await translatingStoreError { () async throws(StoreError) in
            try await stores.staging.stat(file.key)
        }
        return try await complete(record, file: file, info: info, chunk: nil)
    }

    private func complete(
        _ record: UploadRecord, file: FileRecord, info: ObjectInfo, chunk: ChunkRecord?
    ) async throws(UploadError) -> Upload {
        var file = file
        file.size = info.size
        file.etag = info.etag
        if file.name.isEmpty { file.name = "file" }
        file.contentType = MediaType.of(signature: try await signature(of: file), name: file.name, declared: nil)
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
        return view(record)
    }

    private func signature(of file: FileRecord) async throws(UploadError) -> [UInt8] {
        guard file.size != 0 else { return [] }
        return try await translatingStoreError { () async throws(StoreError) in
            let length = UInt64(MediaType.signatureLength)
            let reader = try await stores.staging.read(file.key, length: length)
            defer { reader.close() }
            var signature: [UInt8] = []
            while signature.count < MediaType.signatureLength, let buffer = try await reader.next() {
                signature.append(contentsOf: buffer.readableBytesView)
            }
            return signature
        }
    }
}
