import FPCatalog
import FPStorage
import NIOCore
import Synchronization

extension Uploads {
    /// The digests of a whole file, from its bytes as its store has them now. It is read once, a few buffers at a time.
    /// - Throws: ``UploadError``, also if the store has another number of bytes than arrived.
    func digest(of file: FileRecord) async throws(UploadError) -> FileDigests {
        let store = try stores.holding(file.store)
        let digest = RunningDigest(settings.digest)
        try await translatingStoreError { () async throws(StoreError) in
            let reader = try await store.read(file.key)
            defer { reader.close() }
            try file.check(reader.info, in: store)
            guard file.etag == nil || reader.info.etag == nil || file.etag == reader.info.etag else {
                throw StoreError(
                    .precondition, store: store.name, operation: "read",
                    message: "\(file.key) is another version than the one that arrived")
            }
            while let buffer = try await reader.next() { buffer.withUnsafeReadableBytes { digest.update($0) } }
        }
        return digest.file?.digests ?? FileDigests()
    }

    /// Computes the digests of an upload's files that nobody knows, and puts them on record.
    fileprivate func catchUp(_ id: UploadID) async {
        // Between a look into the catalog and the read, a file may be taken to another place, once.
        for isLast in [false, true] {
            do throws(UploadError) {
                guard let record = try await record(id), record.state != .receiving else { return }
                for (index, file) in record.files.enumerated() where file.digests == FileDigests() {
                    let digests = try await digest(of: file)
                    try await translatingCatalogError { () async throws(CatalogError) in
                        try await catalog.recordDigests(digests, of: id, file: index)
                    }
                }
                return
            } catch {
                guard isLast else { continue }
                logger.info("upload \(id): its digests stay unknown: \(error.detail ?? error.message)")
            }
        }
    }
}

/// Whole uploads whose digests could not be computed while they arrived: taken back to the middle of a chunk, begun by an
/// older release, completed by looking into the store. They are read one after the other, beside everything else.
final class DigestBacklog: Sendable {
    /// The most that wait; the digests of any more stay unknown.
    private static let most = 1000

    private struct State {
        var waiting: [UploadID] = []
        var work: Task<Void, Never>?
        var isOver = false
    }

    private let state = Mutex(State())

    func add(_ id: UploadID, of uploads: Uploads) {
        state.withLock { state in
            guard !state.isOver, state.waiting.count < Self.most else { return }
            state.waiting.append(id)
            guard state.work == nil else { return }
            state.work = Task(priority: .background) {
                while let id = next() { await uploads.catchUp(id) }
            }
        }
    }

    /// Stops in the middle of what is being read.
    func end() async {
        let work = state.withLock { state in
            state.isOver = true
            state.waiting = []
            return state.work
        }
        work?.cancel()
        await work?.value
    }

    private func next() -> UploadID? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.work = nil
                return nil
            }
            return state.waiting.removeFirst()
        }
    }
}
