import FPCatalog
import FPStorage

/// Takes one file of a storing upload to its destination, by the cheapest way that the stores offer, and finds out
/// after an interruption how far that had come.
struct FileMover {
    /// What the catalog keeps in place of a write session for a server-side copy that had seen its target absent.
    static let copyMarker: [UInt8] = [0]

    /// What became of the file.
    struct Outcome {
        let etag: String?
        /// Whether the move took the original away.
        let isSourceGone: Bool
    }

    /// How far an interrupted move had come.
    enum Progress: Equatable {
        /// The destination has the file; whether the original is still there too.
        case done(etag: String?, isSourceGone: Bool)
        /// The original is where it was, and the destination has nothing of ours.
        case notDone
        /// The file is in neither place.
        case lost
    }

    let uploads: Uploads
    let upload: UploadID
    let index: Int

    func move(_ file: inout FileRecord) async throws(StoreError) -> Outcome {
        let (source, target, destination) = try places(of: file)
        let atomic: CopyOptions = [.move, .ifNotExists, .requireAtomic]
        if let result = try await offered({ () async throws(StoreError) in
            try await copy(
                file.key, from: source, to: destination.key, in: target, options: atomic, type: file.contentType)
        }) {
            return Outcome(etag: result.info.etag, isSourceGone: true)
        }
        if try await exists(destination.key, in: target) {
            throw StoreError(
                .exists, store: target.name, operation: "store", message: "\(destination.key) exists")
        }
        file.destination?.token = Self.copyMarker
        try await record(Self.copyMarker)
        do throws(StoreError) {
            if let result = try await offered({ () async throws(StoreError) in
                try await copy(
                    file.key, from: source, to: destination.key, in: target, options: .ifNotExists, type: file.contentType)
            }) {
                return Outcome(etag: result.info.etag, isSourceGone: false)
            }
        } catch {
            // Somebody else's object, whatever its size: not what this copy made.
            if error.code == .exists, !error.outcomeUnknown { file.destination?.token = nil }
            throw error
        }
        return Outcome(etag: try await stream(&file, from: source, to: target).etag, isSourceGone: false)
    }

    /// Finds out from the stores alone what an interrupted ``move(_:)`` achieved.
    func progress(of file: FileRecord) async throws(StoreError) -> Progress {
        let (source, target, destination) = try places(of: file)
        let isSourceThere = try await exists(file.key, in: source)
        let arrived = try await info(of: destination.key, in: target)
        guard isSourceThere else {
            return arrived.map { .done(etag: $0.etag, isSourceGone: true) } ?? .lost
        }
        guard let token = destination.token, let arrived else { return .notDone }
        if token == Self.copyMarker {
            return arrived.size == file.size ? .done(etag: arrived.etag, isSourceGone: false) : .notDone
        }
        switch try await resumed(token, in: target, size: file.size) {
        case .committed: return .done(etag: arrived.etag, isSourceGone: false)
        case .open(let writer):
            await writer.close()
            return .notDone
        case nil: return .notDone
        }
    }

    /// Takes back what ``progress(of:)`` found.
    func undo(_ file: FileRecord, _ progress: Progress) async throws(StoreError) {
        let (source, target, destination) = try places(of: file)
        switch progress {
        case .done(_, isSourceGone: true):
            if try await offered({ () async throws(StoreError) in
                try await copy(
                    destination.key, from: target, to: file.key, in: source,
                    options: [.move, .ifNotExists, .requireAtomic])
            }) == nil {
                throw StoreError(
                    .unsupported, store: target.name, operation: "store",
                    message: "\(destination.key) cannot be moved back")
            }
        case .done(_, isSourceGone: false):
            try await target.remove(destination.key)
        case .notDone:
            guard let token = destination.token, token != Self.copyMarker else { return }
            try await target.discardWrite(token: token)
        case .lost:
            return
        }
    }

    // MARK: - Ways

    private func copy(
        _ key: String, from source: Store, to targetKey: String, in target: Store, options: CopyOptions,
        type: String? = nil
    ) async throws(StoreError) -> CopyResult {
        guard source.name != target.name else {
            return try await source.copy(key, to: targetKey, options: options, contentType: type)
        }
        return try await target.transfer(
            key, from: source, to: targetKey, options: options, contentType: type)
    }

    private func stream(
        _ file: inout FileRecord, from source: Store, to target: Store
    ) async throws(StoreError) -> ObjectInfo {
        let reader = try await source.read(file.key)
        defer { reader.close() }
        let size = reader.info.size
        let isResumable = target.capabilities.contains(.resumable)
        let request = WriteRequest(
            key: file.destination?.key ?? "", size: size, resumable: isResumable, ifNotExists: true,
            contentType: file.contentType)
        let writer = try await target.beginWrite(request)
        do throws(StoreError) {
            if isResumable {
                file.destination?.token = writer.token
                try await record(writer.token)
            }
            while let buffer = try await reader.next() {
                try await writer.write([buffer])
            }
            let info = try await writer.commit(size: size, power: uploads.settings.isPowerDurable)
            await writer.close()
            return info
        } catch {
            if !error.outcomeUnknown { try? await writer.abort() }
            await writer.close()
            throw error
        }
    }

    // MARK: - Small things

    private func places(of file: FileRecord) throws(StoreError) -> (Store, Store, Destination) {
        guard let destination = file.destination else {
            throw StoreError(
                .internalError, store: file.store, operation: "store", message: "the file has no destination")
        }
        return (try store(file.store), try store(destination.store), destination)
    }

    private func store(_ name: String) throws(StoreError) -> Store {
        guard let store = uploads.stores[name] else {
            throw StoreError(
                .config, store: name, operation: "store",
                message: "the store holds uploads but is not in the configuration; add it to stores again")
        }
        return store
    }

    private func record(_ token: [UInt8]) async throws(StoreError) {
        do throws(CatalogError) {
            try await uploads.catalog.recordStoringSession(upload, file: index, token: token, at: .now)
        } catch {
            throw StoreError(
                .internalError, store: "catalog", operation: "store", message: "\(error)")
        }
    }

    private func exists(_ key: String, in store: Store) async throws(StoreError) -> Bool {
        try await info(of: key, in: store) != nil
    }

    private func info(of key: String, in store: Store) async throws(StoreError) -> ObjectInfo? {
        do throws(StoreError) {
            return try await store.stat(key)
        } catch  where error.code == .notFound {
            return nil
        }
    }

    private func resumed(_ token: [UInt8], in store: Store, size: UInt64?) async throws(StoreError) -> ResumedWrite? {
        do throws(StoreError) {
            return try await store.resumeWrite(token: token, expectedSize: size)
        } catch  where error.code == .gone {
            return nil
        }
    }

    /// `nil` where the store does not offer the operation; that answer has no side effect.
    private func offered<Value>(
        _ operation: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value? {
        do throws(StoreError) {
            return try await operation()
        } catch  where error.code == .unsupported {
            return nil
        }
    }
}
