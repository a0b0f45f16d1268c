import FPCatalog
public import FPFormats
import FPStorage
public import NIOCore
import Synchronization

extension Uploads {
    /// Begins to receive an upload whose files come whole, one after the other.
    /// - Parameters:
    ///   - uploader: who uploads.
    ///   - length: about how many bytes all of them have, if that is known.
    ///   - admission: what the upload was let in with; without it, that is asked for with the first file.
    public func beginReception(
        by uploader: Uploader = Uploader(), length: UInt64? = nil, under admission: Admission? = nil
    ) -> Reception {
        Reception(uploads: self, uploader: uploader, length: length, admission: admission)
    }
}

/// An upload whose files come whole, in one request. Nothing of it is visible before ``finish(metadata:)``, and
/// nothing stays without it.
///
/// One call at a time.
public final class Reception: Sendable {
    /// A file up to this size is put into the store in one go.
    static let smallFile = 256 << 10

    private struct State {
        var files: [FileRecord] = []
        var received: UInt64 = 0
        var current: Incoming?
        var isOver = false
        var isLetIn = false
        var admission: Admission?
    }

    private struct Incoming {
        let name: String
        let declaredType: String?
        let key: String
        var head: [ByteBuffer] = []
        var size: UInt64 = 0
        var writer: StoreWriter?
        var signature: [UInt8] = []
        let check: DigestCheck?
        let digest: RunningDigest
    }

    private let uploads: Uploads
    private let id: UploadID
    private let arrival: Arrivals.Arrival
    private let uploader: Uploader
    private let length: UInt64?
    // One call at a time by contract; the lock makes a breach of it harmless.
    private let state: Mutex<State>

    init(uploads: Uploads, uploader: Uploader, length: UInt64?, admission: Admission?) {
        state = Mutex(State(admission: admission))
        self.uploads = uploads
        self.uploader = uploader
        self.length = length
        id = UploadID.random()
        arrival = uploads.arrivals.hold(id)
    }

    deinit {
        let (uploads, id, leftovers) = (self.uploads, self.id, state.withLock { Self.takeLeftovers(&$0) })
        guard !leftovers.isEmpty else { return }
        let arrival = arrival
        Task {
            await Self.remove(leftovers, of: id, uploads: uploads)
            withExtendedLifetime(arrival) {}
        }
    }

    /// Begins the next file. The first one is the main file, the others are its variants.
    /// - Parameter digests: what is stated of its bytes; without those, it does not end.
    public func beginFile(
        name: String, declaredType: String?, digests: DigestSet = DigestSet()
    ) async throws(UploadError) {
        let count = state.withLock { $0.files.count }
        let most = uploads.maxFiles(uploader.allowance)
        guard count < most else {
            throw UploadError(.tooLarge, "An upload may hold \(most) files at most.")
        }
        let name = FileName.sanitised(name)
        try uploads.checkType(name: name, uploader.terms)
        if count == 0 {
            try uploads.checkDestination(of: id, name: name, uploader.terms)
            try await letIn()
        }
        try await uploads.claim.require()
        let incoming = Incoming(
            name: name, declaredType: declaredType, key: uploads.stagingKeys.make(for: id),
            check: DigestCheck(digests), digest: RunningDigest(uploads.settings.digest))
        state.withLock { $0.current = incoming }
    }

    private func letIn() async throws(UploadError) {
        let (isLetIn, known) = state.withLock { ($0.isLetIn, $0.admission) }
        guard !isLetIn else { return }
        let admission = if let known { known } else { try await uploads.admit(uploader) }
        try await uploads.space.admit(length ?? 0)
        state.withLock { state in
            state.admission = admission
            state.isLetIn = true
        }
    }

    /// Adds bytes to the file.
    /// - Parameter following: gives more of the file's bytes, if they are there already; asked on a thread of the store,
    ///   after those before have been written.
    public func write(
        _ buffers: [ByteBuffer], following: @escaping @Sendable () -> [ByteBuffer]? = { nil }
    ) async throws(UploadError) {
        guard var incoming = state.withLock({ $0.current }) else { return }
        let count = Self.count(buffers)
        guard mayReceive(count) else { throw tooLarge }
        if incoming.signature.count < FileContent.headLength {
            incoming.signature = MediaType.head(incoming.signature, buffers)
            if incoming.signature.count == FileContent.headLength { _ = try type(of: incoming) }
        }
        incoming.size += count
        incoming.check?.note(buffers)
        if let writer = incoming.writer {
            let (followers, digest) = (Followers(), incoming.digest)
            _ = try await translatingStoreError { () async throws(StoreError) in
                try await writer.write(
                    buffers, thenSync: nil, each: { digest.update($0) },
                    following: { [self, check = incoming.check] in
                        check?.catchUp()
                        guard let more = following() else { return nil }
                        let count = Self.count(more)
                        guard mayReceive(count) else {
                            followers.areTooMany.store(true, ordering: .relaxed)
                            return nil
                        }
                        followers.size.add(count, ordering: .relaxed)
                        check?.note(more)
                        return more
                    })
            }
            guard !followers.areTooMany.load(ordering: .relaxed) else { throw tooLarge }
            incoming.size += followers.size.load(ordering: .relaxed)
        } else {
            incoming.head.append(contentsOf: buffers)
            if incoming.size > Self.smallFile {
                let request = Self.request(key: incoming.key, size: nil)
                let writer = try await translatingStoreError { () async throws(StoreError) in
                    try await uploads.stores.staging.beginWrite(request)
                }
                let (head, digest) = (incoming.head, incoming.digest)
                incoming.head = []
                incoming.writer = writer
                let begun = incoming
                state.withLock { $0.current = begun }
                try await translatingStoreError { () async throws(StoreError) in
                    try await writer.write(head, each: { digest.update($0) })
                }
            }
        }
        let written = incoming
        state.withLock { $0.current = written }
    }

    /// What a store's thread took of the bytes that followed.
    private final class Followers: Sendable {
        let size = Atomic<UInt64>(0)
        let areTooMany = Atomic(false)
    }

    private static func count(_ buffers: [ByteBuffer]) -> UInt64 {
        buffers.reduce(0) { $0 + UInt64($1.readableBytes) }
    }

    private func mayReceive(_ count: UInt64) -> Bool {
        state.withLock { state in
            state.received += count
            return state.received <= min(uploads.maxSize(uploader.terms), state.admission?.mostBytes ?? .max)
        }
    }

    private var tooLarge: UploadError {
        let (received, bytes) = state.withLock { ($0.received, uploads.settings.perOwner.bytes) }
        let most = uploads.maxSize(uploader.terms)
        if let bytes, received <= most { return UploadError(.bytes(most: bytes)) }
        return UploadError(.tooLarge, "An upload may hold \(most) bytes at most.")
    }

    /// Ends the file: its bytes are whole, and as safe as the settings promise.
    public func endFile() async throws(UploadError) {
        guard let incoming = state.withLock({ $0.current }) else { return }
        let isPowerDurable = uploads.settings.isPowerDurable
        let type = try type(of: incoming)
        try incoming.check?.verify()
        let digest = incoming.digest
        let info = try await translatingStoreError { () async throws(StoreError) in
            guard let writer = incoming.writer else {
                let request = Self.request(key: incoming.key, size: incoming.size)
                return try await uploads.stores.staging.put(
                    request, incoming.head, power: isPowerDurable,
                    each: {
                        digest.restart()
                        return { digest.update($0) }
                    })
            }
            let info = try await writer.commit(size: incoming.size, power: isPowerDurable)
            await writer.close()
            return info
        }
        // A put that was tried again may turn out to have happened at first, when the second try had hashed less.
        let isWhole = digest.length == incoming.size
        let file = FileRecord(
            name: incoming.name, size: incoming.size, contentType: type, etag: info.etag,
            store: uploads.stores.staging.name, key: incoming.key,
            digests: isWhole ? digest.file?.digests ?? FileDigests() : FileDigests())
        state.withLock { state in
            state.files.append(file)
            state.current = nil
        }
    }

    /// The type that the file is served with.
    /// - Throws: If files like it are not taken.
    private func type(of incoming: Incoming) throws(UploadError) -> String {
        try uploads.checkType(
            name: incoming.name, head: incoming.signature, declared: incoming.declaredType, uploader.terms)
    }

    /// Makes the upload known. From here on its id is good.
    /// - Parameter digests: what is stated of the main file; without those, it does not finish.
    public func finish(metadata: String?, digests: DigestSet = DigestSet()) async throws(UploadError) -> Upload {
        let (files, limits) = state.withLock { ($0.files, $0.admission?.limits ?? OwnerLimits()) }
        guard !files.isEmpty else { throw UploadError(.invalid, "An upload needs at least one file.") }
        try await uploads.compare(files[0], with: digests)
        let now = Timestamp.now
        let record = UploadRecord(
            id: id, state: .complete, createdAt: now, touchedAt: now, completedAt: now, metadata: metadata,
            owner: uploader.owner, files: files, terms: uploader.terms)
        try await translatingCatalogError { () async throws(CatalogError) in
            try await uploads.catalog.insert(
                record, within: limits, countedIn: uploader.allowance?.count, from: nil)
        }
        state.withLock { state in
            state.isOver = true
            state.files = []
            state.admission = nil
        }
        if files.contains(where: { $0.digests == FileDigests() }) { uploads.backlog.add(id, of: uploads) }
        return try await uploads.storeAsAgreedOrForget(uploads.view(record), by: uploader)
    }

    /// Takes back everything that has arrived.
    public func abandon() async {
        let leftovers = state.withLock { Self.takeLeftovers(&$0) }
        await Self.remove(leftovers, of: id, uploads: uploads)
    }

    private struct Leftovers {
        var keys: [String] = []
        var writer: StoreWriter?
        var isEmpty: Bool { keys.isEmpty && writer == nil }
    }

    private static func takeLeftovers(_ state: inout State) -> Leftovers {
        guard !state.isOver else { return Leftovers() }
        state.isOver = true
        state.admission = nil
        // The current file's key too: the reply to its commit may have been lost.
        let keys = state.files.map(\.key) + (state.current.map { [$0.key] } ?? [])
        return Leftovers(keys: keys, writer: state.current?.writer)
    }

    private static func remove(_ leftovers: Leftovers, of id: UploadID, uploads: Uploads) async {
        if let writer = leftovers.writer {
            try? await writer.abort()
            await writer.close()
        }
        for key in leftovers.keys {
            do throws(StoreError) {
                try await uploads.stores.staging.remove(key)
            } catch {
                // The sweeper finds it: no upload owns the key.
                uploads.logger.warning("could not remove \(key) of an abandoned upload: \(error.message)")
            }
        }
    }

    private static func request(key: String, size: UInt64?) -> WriteRequest {
        WriteRequest(
            key: key, size: size, resumable: false, ifNotExists: true, hasOwnKey: true, contentType: nil)
    }
}
