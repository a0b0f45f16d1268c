import FPCatalog
import FPStorage
import NIOCore

/// What came of a chunk's body into a write session.
private struct Arrival {
    /// The number of bytes.
    var length: UInt64 = 0
    var fingerprint: UInt64 = 0
    /// The file's digests up to the chunk's end; `nil` if they are not known.
    var digest: FileDigest?
    /// The first bytes of the file, if they are known.
    var signature: [UInt8]?
    /// How far the session was safe when the chunk's last bytes had been written, if they were synced with them.
    var progress: WriteProgress?
    /// Why no more came, if that was before the end of a chunk that is kept as far as it came.
    var failure: UploadError?
}

extension Uploads {
    /// Takes a chunk's body into its session, and puts on record what counts of it.
    /// - Parameter beginning: the bytes in front of the chunk, if they are few and known.
    /// - Throws: ``UploadError``; the writer is then of no more use.
    func receive(
        _ body: some ByteSource, of chunk: Chunk, behind beginning: [UInt8]?, into writer: StoreWriter,
        _ record: UploadRecord, file: FileRecord
    ) async throws(UploadError) -> Upload {
        let beginning = beginning.flatMap { UInt64($0.count) == chunk.offset ? $0 : nil }
        let arrival = try await write(body, of: chunk, behind: beginning, to: writer, record, file: file)
        if let failure = arrival.failure {
            await keep(arrival, of: chunk, in: writer, record, file: file)
            throw failure
        }
        let end = chunk.offset + arrival.length
        guard endsFile(chunk, arrival.length, file) else {
            let record = try await count(arrival, of: chunk, in: writer, record, file: file)
            let isEnough = arrival.signature.map { $0.count == FileContent.headLength } ?? true
            await writers.put(writer, for: record, beginning: isEnough ? nil : arrival.signature)
            return view(record)
        }
        var (record, file) = (record, file)
        if file.size == nil {
            // A commit whose answer is lost can be recognised by the size alone, so that is on record before.
            file.size = end
            record = try await count(arrival, of: chunk, in: writer, record, file: file)
        }
        let info = try await translatingStoreError { () async throws(StoreError) in
            try await writer.commit(size: end, power: settings.isPowerDurable)
        }
        await writer.close()
        let known = ChunkRecord(offset: chunk.offset, length: arrival.length, fingerprint: arrival.fingerprint)
        return try await complete(
            record, file: file, info: info, chunk: known, signature: arrival.signature, digest: arrival.digest,
            stated: try statedDigests(of: record, chunk))
    }

    private func write(
        _ body: some ByteSource, of chunk: Chunk, behind beginning: [UInt8]?, to writer: StoreWriter,
        _ record: UploadRecord, file: FileRecord
    ) async throws(UploadError) -> Arrival {
        let terms = record.terms
        let digest = RunningDigest(
            behind: FileDigest(upTo: chunk.offset, kept: record.session?.digest, wanted: settings.digest))
        let limit = chunk.bodyLength ?? (file.size ?? maxSize(terms)) - chunk.offset
        let tooLong = BodyFailure(
            file.size == nil && chunk.bodyLength == nil ? beyondTheEnd(of: file, terms) : Self.longBody)
        var arrival = Arrival(signature: beginning)
        do throws(BodyFailure) {
            while let buffers = try await next(of: body) {
                guard arrival.length + buffers.readableBytes <= limit else { throw tooLong }
                if let seen = arrival.signature, seen.count < FileContent.headLength {
                    let head = MediaType.head(seen, buffers)
                    arrival.signature = head
                    if head.count == FileContent.headLength { try checkType(of: file, head, terms) }
                }
                let rest = BodyRest(
                    of: body, behind: arrival.length + buffers.readableBytes, atMost: limit,
                    isFollowed: arrival.signature.map { $0.count == FileContent.headLength } ?? true)
                let isSynced = chunk.keeping == .whole && !(chunk.bodyLength.map { endsFile(chunk, $0, file) } ?? true)
                do throws(StoreError) {
                    arrival.progress = try await writer.write(
                        buffers, thenSync: isSynced ? settings.isPowerDurable : nil,
                        each: { digest.update($0) },
                        following: {
                            guard let more = rest.next() else { return nil }
                            // Nothing is synced of a chunk that might still fail: some stores cannot go back behind a sync.
                            return !more.isEmpty || rest.length == chunk.bodyLength ? more : nil
                        })
                } catch {
                    throw BodyFailure(UploadError(error), leavesBytes: false)
                }
                arrival.length = rest.length
                if rest.isTooLong { throw tooLong }
                if arrival.progress != nil { break }
            }
            try checkEnd(chunk.offset + arrival.length, of: chunk, file: file)
        } catch {
            guard error.leavesBytes, chunk.keeping == .everySafeByte else { throw error.reason }
            arrival.failure = error.reason
        }
        arrival.fingerprint = digest.fingerprint
        if digest.length == arrival.length { arrival.digest = digest.file }
        return arrival
    }

    /// Why a chunk ends before its time.
    private struct BodyFailure: Error {
        let reason: UploadError
        /// Whether what came before is what the client meant, and is in the session.
        let leavesBytes: Bool

        init(_ reason: UploadError, leavesBytes: Bool = true) {
            self.reason = reason
            self.leavesBytes = leavesBytes
        }
    }

    /// What comes next of a body; `nil` at its end.
    private func next(of body: some ByteSource) async throws(BodyFailure) -> [ByteBuffer]? {
        do throws(ByteSourceError) {
            return try await body.next()
        } catch {
            if case .failed(let reason) = error { throw BodyFailure(reason, leavesBytes: false) }
            throw BodyFailure(UploadError(error))
        }
    }

    /// Refuses a file of which the beginning is there, long before the rest.
    private func checkType(of file: FileRecord, _ head: [UInt8], _ terms: UploadTerms?) throws(BodyFailure) {
        // Without a name nothing can be said of an extension yet.
        guard !file.name.isEmpty else { return }
        do throws(UploadError) {
            _ = try checkType(name: file.name, head: head, terms)
        } catch {
            throw BodyFailure(error, leavesBytes: false)
        }
    }

    /// Whether a chunk of so many bytes is the file's last.
    private func endsFile(_ chunk: Chunk, _ length: UInt64, _ file: FileRecord) -> Bool {
        chunk.isLast ?? (chunk.offset + length == file.size)
    }

    private func checkEnd(_ end: UInt64, of chunk: Chunk, file: FileRecord) throws(BodyFailure) {
        if chunk.keeping == .whole, end == chunk.offset, end != file.size { throw BodyFailure(Self.emptyChunk) }
        if chunk.isLast == true, let size = file.size, end != size { throw BodyFailure(Self.earlyEnd(end, of: size)) }
    }

    // MARK: - What counts

    /// Counts what came of a chunk that was cut. Its request fails whatever becomes of that.
    private func keep(
        _ arrival: Arrival, of chunk: Chunk, in writer: StoreWriter, _ record: UploadRecord, file: FileRecord
    ) async {
        guard arrival.length > 0 else { return }
        do throws(UploadError) {
            _ = try await count(arrival, of: chunk, in: writer, record, file: file)
        } catch {
            logger.info("upload \(record.id): a chunk that was cut does not count: \(error.detail ?? error.message)")
        }
    }

    /// Makes safe what came of a chunk, and puts it on record: all of it or, where every safe byte is kept, as much as
    /// the store has made safe.
    /// - Returns: the upload as it is on record then.
    private func count(
        _ arrival: Arrival, of chunk: Chunk, in writer: StoreWriter, _ record: UploadRecord, file: FileRecord
    ) async throws(UploadError) -> UploadRecord {
        let end = chunk.offset + arrival.length
        var (safe, token): (UInt64, [UInt8]?) = (end, nil)
        if let progress = arrival.progress {
            (safe, token) = (progress.durableOffset, progress.token)
        } else if arrival.length > 0 {
            let progress = try await translatingStoreError { () async throws(StoreError) in
                try await writer.sync(power: settings.isPowerDurable)
            }
            (safe, token) = (progress.durableOffset, progress.token)
        }
        guard safe >= end || chunk.keeping == .everySafeByte else { throw Self.unsafe(safe) }
        let isWhole = safe >= end && arrival.failure == nil && arrival.length > 0
        let known = ChunkRecord(offset: chunk.offset, length: arrival.length, fingerprint: arrival.fingerprint)
        let change = ChunkArrival(
            isWhole ? .whole(known) : .part(upTo: safe), size: file.size, name: file.name, token: token,
            digest: safe == end ? arrival.digest?.kept : nil, arrivedAt: .now)
        let wasReceiving = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.advance(record.id, by: change, within: settings.perOwner)
        }
        guard wasReceiving else { throw .notFound(record.id) }
        guard safe >= end || arrival.failure != nil else { throw Self.unsafe(safe) }
        var record = record
        record.files[0] = file
        if isWhole || safe > record.session?.received ?? 0 { record.session?.digest = change.digest }
        record.session?.received = safe
        if let token { record.session?.token = token }
        if isWhole { record.session?.committed = end }
        record.touchedAt = change.arrivedAt
        return record
    }

    private static func unsafe(_ safe: UInt64) -> UploadError {
        UploadError(
            .internalFault, "The store could not make the chunk safe; send it again.",
            detail: "the staging store holds \(safe) bytes after a sync")
    }
}

extension [ByteBuffer] {
    fileprivate var readableBytes: UInt64 { reduce(0) { $0 + UInt64($1.readableBytes) } }
}
