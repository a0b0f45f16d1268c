import FPCatalog
import FPStorage
import Logging

/// What has become of a receiving upload's write session.
enum Resumption {
    /// It is there, and its writer stands where it was asked for.
    case open(StoreWriter)
    /// It was committed, and the whole file is there.
    case committed
    /// It is there, but cannot stand where it was asked for.
    case short(String)
    /// It is gone, with its bytes.
    case lost(String)
}

extension Uploads {
    /// How far an upload has come, for a client that wants to go on: what its store still has, not only what is on
    /// record. The next chunk finds the session open.
    /// - Returns: `nil` if the upload is unknown or being deleted.
    public func progress(of id: UploadID) async throws(UploadError) -> Upload? {
        guard let record = try await record(id) else { return nil }
        try await touch(view(record))
        // With an open writer, or while somebody is at work, what is on record was in the store a moment ago.
        guard !writers.has(id), gates.enterIfFree(id) else { return view(record) }
        defer { gates.leave(id) }
        guard let record = try await self.record(id) else { return nil }
        return view(try await confirmed(record))
    }

    /// Makes sure that the store has the bytes that an upload of one file counts as arrived. One whose bytes are gone
    /// begins again at 0. A failure that may pass changes nothing.
    /// - Returns: the upload as it is afterwards.
    func confirmed(_ record: UploadRecord) async throws(UploadError) -> UploadRecord {
        guard record.files.count == 1 else { return record }
        let file = record.files[0]
        switch record.state {
        case .receiving:
            guard !writers.has(record.id) else { return record }
            switch try await resumption(of: record, file: file, at: record.session?.received ?? 0) {
            case .open(let writer):
                await writers.put(writer, for: record)
                return record
            case .committed: return record
            case .short(let reason):
                logger.error("upload \(record.id): \(reason); it starts again")
                return try await takeBack(record, to: 0)
            case .lost(let reason):
                let (again, writer) = try await beginAgain(record, file: file, because: reason)
                await writers.put(writer, for: again)
                return again
            }
        case .complete:
            guard let reason = try await missing(file) else { return record }
            let (again, writer) = try await beginAgain(record, file: file, because: reason)
            await writers.put(writer, for: again)
            return again
        case .storing, .stored:
            _ = try await open(record.id)
            return record
        case .deleting: return record
        }
    }

    /// Takes a session up again at an offset, or finds out why that cannot be.
    func resumption(
        of record: UploadRecord, file: FileRecord, at offset: UInt64
    ) async throws(UploadError) -> Resumption {
        guard let session = record.session else { throw .notFound(record.id) }
        let store = try stores.holding(file.store)
        do throws(StoreError) {
            switch try await store.resumeWrite(
                token: session.token, offset: offset, expectedSize: file.size, key: file.key)
            {
            case .open(let writer): return .open(writer)
            case .committed: return .committed
            }
        } catch  where error.code == .range {
            // After a loss of power that `durability` did not promise to survive.
            return .short("the staging store lost bytes before \(offset)")
        } catch  where error.code == .unsupported {
            // A store that keeps parts goes back only to where it was synced last. Any other place that it might offer
            // lies inside one of the client's chunks, which the client would then take for sent.
            return .short("its store cannot go back to \(offset)")
        } catch  where error.code == .gone || error.code == .notFound {
            let reason = "the staging store has lost its write session: \(error.message)"
            // A store forgets a session once it is committed, and the answer to the commit may have been lost.
            guard file.size != nil, try await missing(file) == nil else { return .lost(reason) }
            return .committed
        } catch {
            throw UploadError(error)
        }
    }

    /// Why a whole file in staging is not the one that arrived; `nil` if it is.
    private func missing(_ file: FileRecord) async throws(UploadError) -> String? {
        let store = try stores.holding(file.store)
        do throws(StoreError) {
            let size = try await store.stat(file.key).size
            return size == file.size ? nil : "its file has \(size) bytes and not the \(file.size ?? 0) that arrived"
        } catch  where error.code == .notFound {
            return "its file is not in staging any more"
        } catch {
            throw UploadError(error)
        }
    }

    /// Gives an upload whose staged bytes are gone, or do not count, a new session under a new key, at 0. The session is the
    /// caller's.
    func beginAgain(
        _ record: UploadRecord, file: FileRecord, because reason: String, _ level: Logger.Level = .error
    ) async throws(UploadError) -> (UploadRecord, StoreWriter) {
        if let writer = writers.take(record.id) { await writer.close() }
        // Nothing is gone from a store that is not there.
        try await claim.require(lookingAnew: true)
        let arrival = arrivals.hold(record.id)
        defer { withExtendedLifetime(arrival) {} }
        let (key, writer) = try await beginSession(for: record.id, length: file.size)
        var again = record
        again.state = .receiving
        again.touchedAt = .now
        again.completedAt = nil
        again.files[0] = FileRecord(name: file.name, size: file.size, store: stores.staging.name, key: key)
        again.session = WriteSession(token: writer.token, committed: 0)
        let wasTemporary: Bool
        do throws(CatalogError) {
            wasTemporary = try await catalog.beginAgain(
                record.id, file: again.files[0], token: writer.token, at: again.touchedAt)
        } catch {
            try? await writer.abort()
            await writer.close()
            throw UploadError(error)
        }
        guard wasTemporary else {
            try? await writer.abort()
            await writer.close()
            throw .notFound(record.id)
        }
        logger.log(level: level, "upload \(record.id): \(reason); it begins again at 0")
        await removeRemains(of: record)
        return (again, writer)
    }

    /// What may be left of a session and a file that count as lost.
    private func removeRemains(of record: UploadRecord) async {
        guard let store = stores[record.files[0].store] else { return }
        do throws(StoreError) {
            if let session = record.session { try await store.discardWrite(token: session.token) }
            try await store.remove(record.files[0].key)
        } catch {
            logger.debug("could not remove what is left of upload \(record.id): \(error)")
        }
    }

    /// Drops everything from `offset` on, in the catalog first: what it says must be in the store.
    /// - Returns: the upload as it is afterwards.
    func takeBack(_ record: UploadRecord, to offset: UInt64) async throws(UploadError) -> UploadRecord {
        if let writer = writers.take(record.id) { await writer.close() }
        let now = Timestamp.now
        let wasReceiving = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.rewind(record.id, to: offset, at: now)
        }
        guard wasReceiving, let record = try await self.record(record.id) else { throw .notFound(record.id) }
        return record
    }
}
