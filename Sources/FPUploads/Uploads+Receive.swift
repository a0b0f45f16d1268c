import FPCatalog
import FPFormats
import FPStorage
import NIOCore

extension Uploads {
    /// Gives out the id of an upload whose bytes will come in chunks.
    /// - Parameters:
    ///   - length: the size of the file in bytes; `nil` if the first chunk will tell.
    ///   - metadata: the client's JSON text.
    ///   - name: the client's name for the file; `nil` if a chunk will tell.
    ///   - owner: who uploads.
    public func create(
        length: UInt64?, metadata: String?, name: String? = nil, owner: String? = nil
    ) async throws(UploadError) -> Upload {
        if let length { try checkSize(length) }
        let id = UploadID.random()
        let arrival = arrivals.hold(id)
        defer { withExtendedLifetime(arrival) {} }
        let (key, writer) = try await beginSession(for: id, length: length)
        let now = Timestamp.now
        let record = UploadRecord(
            id: id, state: .receiving, createdAt: now, touchedAt: now, metadata: metadata, owner: owner,
            files: [
                FileRecord(
                    name: name.map(FileName.sanitised) ?? "", size: length, store: stores.staging.name, key: key)
            ],
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
        guard var record = try await record(id) else { throw .notFound(id) }
        if record.session == nil {
            try checkReplayOfWhole(record, chunk)
            record = try await confirmed(record)
        }
        guard var session = record.session, record.state == .receiving else {
            return try await receiveReplayOfWhole(record, chunk, body)
        }
        var file = try announcedFile(record, by: chunk)
        if chunk.offset < session.committed, let known = try await knownChunk(record.id, chunk) {
            record = try await confirmed(record)
            guard record.session?.committed != session.committed else {
                return try await receiveReplay(record, of: known, body)
            }
            // What it repeats is not there any more.
            session.committed = record.session?.committed ?? 0
            file = try announcedFile(record, by: chunk)
        }
        guard chunk.offset <= session.committed else {
            throw UploadError(
                .offsetAhead, "The chunk starts at \(chunk.offset), but only \(session.committed) bytes have arrived.")
        }
        if chunk.offset < session.committed { try await takeBack(record, to: chunk.offset) }
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
    private func announcedFile(_ record: UploadRecord, by chunk: Chunk) throws(UploadError) -> FileRecord {
        var file = record.files[0]
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
            // The name that came with the announcement counts as long as there is no other.
            guard file.name.isEmpty || file.name.isSame(as: name) || record.session?.committed == 0 else {
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

    // MARK: - New bytes

    private func receive(
        _ record: UploadRecord, file: FileRecord, chunk: Chunk, body: some ByteSource
    ) async throws(UploadError) -> Upload {
        var (record, file) = (record, file)
        let writer: StoreWriter
        switch try await self.writer(for: record, file: file, at: chunk.offset) {
        case .open(let resumed): writer = resumed
        case .committed:
            // The commit had succeeded, but its outcome never reached the catalog.
            _ = try await readThrough(body, atMost: (file.size ?? 0) - chunk.offset)
            return try await completeCommitted(record, file: file)
        case .short(let reason):
            logger.error("upload \(record.id): \(reason); it starts again")
            try await takeBack(record, to: 0)
            throw Self.lostBytes
        case .lost(let reason):
            let (again, fresh) = try await beginAgain(record, file: file, because: reason)
            guard chunk.offset == 0 else {
                await writers.put(fresh, for: record.id)
                throw Self.lostBytes
            }
            (record, file, writer) = (again, again.files[0], fresh)
        }
        do throws(UploadError) {
            return try await receive(record, file: file, writer: writer, chunk: chunk, body: body)
        } catch {
            await writer.close()
            guard let code = error.storeCode, [.gone, .notFound, .invalid, .range].contains(code) else { throw error }
            // The session may have gone from under the writer.
            guard try await confirmed(record).session != record.session else { throw error }
            throw Self.lostBytes
        }
    }

    static let lostBytes = UploadError(
        .conflict, "The server lost bytes of this upload; send it again from the start.")

    private func receive(
        _ record: UploadRecord, file: FileRecord, writer: StoreWriter, chunk: Chunk, body: some ByteSource
    ) async throws(UploadError) -> Upload {
        let arrival = try await write(body, to: writer, file: file, chunk: chunk)
        let known = ChunkRecord(offset: chunk.offset, length: arrival.length, fingerprint: arrival.fingerprint)
        guard chunk.offset + arrival.length == file.size else {
            return try await advance(record, file: file, writer: writer, chunk: known, token: arrival.token)
        }
        let info = try await translatingStoreError { () async throws(StoreError) in
            try await writer.commit(size: file.size ?? 0, power: settings.isPowerDurable)
        }
        await writer.close()
        return try await complete(record, file: file, info: info, chunk: known, signature: arrival.signature)
    }

    /// The upload's writer, positioned at `offset`, or what has become of its session.
    private func writer(
        for record: UploadRecord, file: FileRecord, at offset: UInt64
    ) async throws(UploadError) -> Resumption {
        if let writer = writers.take(record.id) {
            if writer.offset == offset { return .open(writer) }
            await writer.close()
        }
        return try await resumption(of: record, file: file, at: offset)
    }

    private func write(
        _ body: some ByteSource, to writer: StoreWriter, file: FileRecord, chunk: Chunk
    ) async throws(UploadError) -> (length: UInt64, fingerprint: UInt64, token: [UInt8]?, signature: [UInt8]?) {
        let fingerprint = ChunkFingerprint()
        // The first bytes are seen here only if all of them come in this chunk.
        var signature: [UInt8]? = chunk.offset == 0 ? [] : nil
        let limit = chunk.bodyLength ?? (file.size ?? 0) - chunk.offset
        var length: UInt64 = 0
        while let buffers = try await nextBytes(of: body) {
            length += buffers.reduce(UInt64(0)) { $0 + UInt64($1.readableBytes) }
            guard length <= limit else {
                throw UploadError(.invalid, "The body is longer than the chunk may be.")
            }
            if let seen = signature, seen.count < MediaType.signatureLength {
                signature = MediaType.head(seen, buffers)
            }
            try await translatingStoreError { () async throws(StoreError) in
                try await writer.write(buffers) { fingerprint.update($0) }
            }
        }
        guard length > 0 || chunk.offset == file.size else {
            throw UploadError(.invalid, "The chunk is empty, but the file is not whole yet.")
        }
        guard chunk.offset + length < file.size ?? 0 else {
            return (length, fingerprint.value, nil, signature)
        }
        let progress = try await translatingStoreError { () async throws(StoreError) in
            try await writer.sync(power: settings.isPowerDurable)
        }
        guard progress.durableOffset >= chunk.offset + length else {
            throw UploadError(
                .internalFault, "The store could not make the chunk safe; send it again.",
                detail: "the staging store holds \(progress.durableOffset) bytes after a sync")
        }
        return (length, fingerprint.value, progress.token, nil)
    }

    private func advance(
        _ record: UploadRecord, file: FileRecord, writer: StoreWriter, chunk: ChunkRecord, token: [UInt8]?
    ) async throws(UploadError) -> Upload {
        let arrival = ChunkArrival(chunk: chunk, size: file.size, name: file.name, token: token, arrivedAt: .now)
        let wasReceiving = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.advance(record.id, by: arrival)
        }
        guard wasReceiving else { throw .notFound(record.id) }
        await writers.put(writer, for: record.id)
        var record = record
        record.files[0] = file
        record.session?.committed = chunk.offset + chunk.length
        record.touchedAt = arrival.arrivedAt
        return view(record)
    }

    // MARK: - The end

    /// Catches up with a commit whose outcome never reached the catalog.
    private func completeCommitted(_ record: UploadRecord, file: FileRecord) async throws(UploadError) -> Upload {
        let info = try await translatingStoreError { () async throws(StoreError) in
            try await stores.staging.stat(file.key)
        }
        guard file.size == nil || file.size == info.size else {
            let reason = "its file in staging has \(info.size) bytes and not the \(file.size ?? 0) that were sent"
            let (_, writer) = try await beginAgain(record, file: file, because: reason)
            await writers.put(writer, for: record.id)
            throw Self.lostBytes
        }
        return try await complete(record, file: file, info: info, chunk: nil, signature: nil)
    }

    private func complete(
        _ record: UploadRecord, file: FileRecord, info: ObjectInfo, chunk: ChunkRecord?, signature: [UInt8]?
    ) async throws(UploadError) -> Upload {
        var file = file
        file.size = info.size
        file.etag = info.etag
        if file.name.isEmpty { file.name = "file" }
        let head: [UInt8]
        if let signature { head = signature } else { head = try await readSignature(of: file) }
        file.contentType = MediaType.of(signature: head, name: file.name, declared: nil)
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

    private func readSignature(of file: FileRecord) async throws(UploadError) -> [UInt8] {
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
