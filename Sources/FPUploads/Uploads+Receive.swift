import FPCatalog
import FPFormats
import FPStorage

extension Uploads {
    /// Receives one chunk, and completes the upload with the last one.
    ///
    /// What becomes of a chunk that is cut, and where a chunk may begin, is for its ``Chunk/keeping`` to say.
    /// - Returns: the upload after the chunk.
    /// - Throws: ``UploadError``; for a chunk that begins at the wrong place with ``UploadError/expectedOffset``, where
    ///   every safe byte is kept.
    public func append(_ id: UploadID, _ chunk: Chunk, body: some ByteSource) async throws(UploadError) -> Upload {
        let pass = UploadGates.Pass(for: chunk) { body.stop() }
        try await gates.enter(id, pass)
        defer { gates.leave(id) }
        guard let record = try await record(id) else { throw .notFound(id) }
        _ = try statedDigests(of: record, chunk)
        do throws(UploadError) {
            return try await storeAsAgreed(try await append(record, chunk, body), record.terms)
        } catch  where error.kind == .unsupportedType {
            // It will never be taken, so nothing of it stays.
            _ = try await remove(id, from: [.receiving], because: .refused)
            throw error
        }
    }

    private func append(
        _ record: UploadRecord, _ chunk: Chunk, _ body: some ByteSource
    ) async throws(UploadError) -> Upload {
        switch chunk.keeping {
        case .whole: return try await appendWhole(record, chunk, body)
        case .everySafeByte:
            // A request whose client is gone may be cancelled, and then still has to put down what it received.
            let work = Task { () async -> Result<Upload, UploadError> in
                do throws(UploadError) {
                    return .success(try await self.appendInOrder(record, chunk, body))
                } catch {
                    return .failure(error)
                }
            }
            return try await withTaskCancellationHandler {
                await work.value
            } onCancel: {
                body.stop()
            }.get()
        }
    }

    /// A chunk that counts once all of it is safe. One that arrived before is recognised by its bytes and succeeds again
    /// without a change; other bytes at a lower offset take the upload back to there.
    private func appendWhole(
        _ record: UploadRecord, _ chunk: Chunk, _ body: some ByteSource
    ) async throws(UploadError) -> Upload {
        var record = record
        if record.session == nil {
            try checkReplayOfWhole(record, chunk)
            record = try await confirmed(record)
        }
        guard let session = record.session, record.state == .receiving else {
            return try await receiveReplayOfWhole(record, chunk, body)
        }
        var committed = session.committed
        var file = try announcedFile(record, by: chunk)
        if chunk.offset < committed, let known = try await knownChunk(record.id, chunk) {
            record = try await confirmed(record)
            guard record.session?.committed != committed else {
                return try await receiveReplay(record, of: known, body)
            }
            // What it repeats is not there any more.
            committed = record.session?.committed ?? 0
            file = try announcedFile(record, by: chunk)
        }
        guard chunk.offset <= committed else {
            throw UploadError(
                .offsetAhead, "The chunk starts at \(chunk.offset), but only \(committed) bytes have arrived.")
        }
        // Also from within a chunk of another dialect that was cut.
        if chunk.offset < record.session?.received ?? 0 { record = try await takeBack(record, to: chunk.offset) }
        return try await receive(record, file: file, chunk: chunk, body: body)
    }

    /// A chunk that goes on exactly where the upload stands, and counts as far as it comes.
    private func appendInOrder(
        _ record: UploadRecord, _ chunk: Chunk, _ body: some ByteSource
    ) async throws(UploadError) -> Upload {
        let record = record.session == nil ? try await confirmed(record) : record
        let received = record.session?.received ?? record.files[0].size ?? 0
        guard record.files.count > 1 || chunk.offset == received else {
            throw .otherOffset(chunk.offset, expected: received)
        }
        guard record.session != nil, record.state == .receiving else {
            // The upload is whole: only an empty chunk at its end is still right.
            try checkReplayOfWhole(record, chunk)
            _ = try await readThrough(body, atMost: 0)
            try await compareWhole(record, with: chunk, length: 0)
            return view(record)
        }
        let file = try announcedFile(record, by: chunk)
        return try await receive(record, file: file, chunk: chunk, body: body)
    }

    /// The file with what the chunk's request tells of it, checked against what is known and against itself.
    private func announcedFile(_ record: UploadRecord, by chunk: Chunk) throws(UploadError) -> FileRecord {
        var file = record.files[0]
        if let announced = chunk.uploadLength {
            guard file.size ?? announced == announced else {
                throw UploadError(
                    .invalid, "The upload was created with \(file.size ?? 0) bytes, but this chunk says \(announced).")
            }
            try checkSize(announced, record.terms)
            file.size = announced
        }
        if file.size == nil, chunk.keeping == .whole {
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
        let most = file.size ?? maxSize(record.terms)
        guard chunk.offset <= most, chunk.bodyLength == nil || chunk.end.map({ $0 <= most }) ?? false else {
            throw beyondTheEnd(of: file, record.terms)
        }
        guard chunk.bodyLength != 0 || chunk.keeping == .everySafeByte || chunk.offset == file.size else {
            throw Self.emptyChunk
        }
        if chunk.isLast == true, let end = chunk.end, let size = file.size, end != size {
            throw Self.earlyEnd(end, of: size)
        }
        return file
    }

    static let emptyChunk = UploadError(.invalid, "The chunk is empty, but the file is not whole yet.")
    static let longBody = UploadError(.invalid, "The body is longer than the chunk may be.")

    /// What a chunk gets that goes beyond the file, or beyond what any file may have.
    func beyondTheEnd(of file: FileRecord, _ terms: UploadTerms?) -> UploadError {
        guard let size = file.size else {
            return UploadError(
                .tooLarge, "The file has more than the \(maxSize(terms)) bytes that an upload may hold.")
        }
        return UploadError(.invalid, "The chunk goes beyond the \(size) bytes of the file.")
    }

    /// What a chunk gets that is called the last and does not reach the end.
    static func earlyEnd(_ end: UInt64, of size: UInt64) -> UploadError {
        UploadError(.invalid, "The chunk is said to be the last, but ends at \(end) of the file's \(size) bytes.")
    }

    // MARK: - New bytes

    private func receive(
        _ record: UploadRecord, file: FileRecord, chunk: Chunk, body: some ByteSource
    ) async throws(UploadError) -> Upload {
        var (record, file) = (record, file)
        if !file.name.isEmpty { try checkType(name: file.name, record.terms) }
        record = try await reserve(record, file)
        // Taking the writer out forgets it.
        let beginning = chunk.offset == 0 ? [] : writers.beginning(record.id)
        let writer: StoreWriter
        switch try await self.writer(for: record, file: file, at: chunk.offset) {
        case .open(let resumed): writer = resumed
        case .committed:
            // The commit had succeeded, but its outcome never reached the catalog.
            _ = try await readThrough(body, atMost: (file.size ?? maxSize(record.terms)) - chunk.offset)
            return try await completeCommitted(
                record, file: file, stated: try statedDigests(of: record, chunk))
        case .short(let reason):
            logger.error("upload \(record.id): \(reason); it starts again")
            _ = try await takeBack(record, to: 0)
            throw Self.lostBytes
        case .lost(let reason):
            let (again, fresh) = try await beginAgain(record, file: file, because: reason)
            guard chunk.offset == 0 else {
                await writers.put(fresh, for: again)
                throw Self.lostBytes
            }
            (record, file, writer) = (again, again.files[0], fresh)
        }
        do throws(UploadError) {
            return try await receive(body, of: chunk, behind: beginning, into: writer, record, file: file)
        } catch {
            await writer.close()
            guard let code = error.storeCode, [.gone, .notFound, .invalid, .range].contains(code) else { throw error }
            // The session may have gone from under the writer.
            guard try await confirmed(record).session != record.session else { throw error }
            throw Self.lostBytes
        }
    }

    static let lostBytes = {
        var error = UploadError(.conflict, "The server lost bytes of this upload; send it again from the start.")
        error.expectedOffset = 0
        return error
    }()

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
}
