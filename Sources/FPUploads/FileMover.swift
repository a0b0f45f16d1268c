import FPCatalog
import FPStorage

/// Takes one file of a storing upload to its destination, by the cheapest way that the stores offer, and finds out
/// after an interruption how far that had come.
struct FileMover {
    /// What the catalog keeps in place of a write session's token before a server-side copy. The target was absent
    /// then, or of another version, so what is there after a crash is this copy.
    static let copyMarker: [UInt8] = [0]

    /// What became of the file.
    struct Outcome {
        let etag: String?
        /// Whether the move took the original away.
        let isSourceGone: Bool
    }

    /// How far an interrupted move had come.
    enum Progress {
        /// The destination has the file; whether the original is still there too.
        case done(etag: String?, isSourceGone: Bool)
        /// The original is where it was, and the destination has nothing of ours.
        case notDone
        /// The file is in neither place.
        case lost
        /// The destination refuses for good to say what it has.
        case refused(StoreError)
    }

    let uploads: Uploads
    let upload: UploadID
    let index: Int

    func move(_ file: inout FileRecord) async throws(StoreError) -> Outcome {
        let (source, target, destination) = try places(of: file)
        let replaces = destination.replaced != nil
        // What gives way is gone for good, so nothing may turn out to be wrong afterwards.
        if replaces { try file.check(try await source.stat(file.key), in: source) }
        let place: CopyOptions = replaces ? [] : .ifNotExists
        let atomic = place.union([.move, .requireAtomic])
        if let result = try await offered({ () async throws(StoreError) in
            try await copy(
                file.key, from: source, to: destination.key, in: target, options: atomic, type: file.contentType)
        }) {
            do throws(StoreError) {
                try file.check(result.info, in: target)
            } catch {
                if !replaces { try await moveBack(file) }
                throw error
            }
            return Outcome(etag: result.info.etag, isSourceGone: true)
        }
        if !replaces, try await exists(destination.key, in: target) {
            throw StoreError(
                .exists, store: target.name, operation: "store", message: "\(destination.key) exists")
        }
        file.destination?.token = Self.copyMarker
        try await record(Self.copyMarker)
        do throws(StoreError) {
            if let result = try await offered({ () async throws(StoreError) in
                try await copy(
                    file.key, from: source, to: destination.key, in: target, options: place,
                    type: file.contentType)
            }) {
                do throws(StoreError) {
                    try file.check(result.info, in: target)
                } catch {
                    if !replaces { try await target.remove(destination.key) }
                    throw error
                }
                return Outcome(etag: result.info.etag, isSourceGone: false)
            }
        } catch {
            // Somebody else's object, whatever its size: not what this copy made.
            if error.code == .exists, !error.outcomeUnknown { file.destination?.token = nil }
            throw error
        }
        var token: [UInt8]?
        defer { if let token { file.destination?.token = token } }
        let stream = FileStream(
            file: file, source: source, target: target, key: destination.key,
            isPowerDurable: uploads.settings.isPowerDurable, replaces: replaces
        ) { (session) async throws(StoreError) in
            token = session
            try await record(session)
        }
        return Outcome(etag: try await stream.run().etag, isSourceGone: false)
    }

    /// Finds out from the stores alone what an interrupted ``move(_:)`` achieved.
    func progress(of file: FileRecord) async throws(StoreError) -> Progress {
        let (source, target, destination) = try places(of: file)
        let isSourceThere = try await exists(file.key, in: source)
        let arrived: ObjectInfo?
        do throws(StoreError) {
            arrived = try await info(of: destination.key, in: target)
        } catch  where error.isForGood {
            return .refused(error)
        }
        // What was to give way is there still.
        let isAsBefore = destination.replaced?.etag.map { $0 == arrived?.etag } ?? false
        guard isSourceThere else {
            guard let arrived, !isAsBefore, arrived.size == file.size ?? arrived.size else { return .lost }
            return .done(etag: arrived.etag, isSourceGone: true)
        }
        guard let token = destination.token, let arrived, !isAsBefore else { return .notDone }
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

    /// Takes back what ``progress(of:)`` found. What the destination refuses for good to take back stays there, and the
    /// operator is told.
    func undo(_ file: FileRecord, _ progress: Progress) async throws(StoreError) {
        if case .done(_, isSourceGone: true) = progress { return try await moveBack(file) }
        try await removeCopy(of: file, progress)
    }

    /// Removes what ``progress(of:)`` found at the destination, as far as it is provably this upload's.
    func removeArrival(of file: FileRecord, _ progress: Progress) async throws(StoreError) {
        guard case .done(_, isSourceGone: true) = progress else { return try await removeCopy(of: file, progress) }
        let (_, target, destination) = try places(of: file)
        try await target.remove(destination.key)
    }

    private func removeCopy(of file: FileRecord, _ progress: Progress) async throws(StoreError) {
        let (_, target, destination) = try places(of: file)
        let session = destination.token == Self.copyMarker ? nil : destination.token
        do throws(StoreError) {
            switch progress {
            case .done: try await target.remove(destination.key)
            case .notDone: if let session { try await target.discardWrite(token: session) }
            case .refused(let error):
                if let session { try? await target.discardWrite(token: session) }
                throw error
            case .lost: return
            }
        } catch  where error.isForGood {
            uploads.complain(
                of: upload, "what there may be of it at \(destination.key) in store \(target.name) stays there",
                "\(error)")
        }
    }

    private func moveBack(_ file: FileRecord) async throws(StoreError) {
        let (source, target, destination) = try places(of: file)
        for options in [[.move, .ifNotExists, .requireAtomic], [.move, .ifNotExists]] as [CopyOptions] {
            if try await offered({ () async throws(StoreError) in
                try await copy(destination.key, from: target, to: file.key, in: source, options: options)
            }) != nil {
                return
            }
        }
        throw StoreError(
            .unsupported, store: target.name, operation: "store", message: "\(destination.key) cannot be moved back")
    }

    // MARK: - Ways

    private func copy(
        _ key: String, from source: Store, to targetKey: String, in target: Store, options: CopyOptions,
        type: String? = nil
    ) async throws(StoreError) -> CopyResult {
        // Else the catalog would survive a loss of power that the file's new name does not.
        let options = uploads.settings.isPowerDurable ? options.union(.power) : options
        guard source.name != target.name else {
            return try await source.copy(key, to: targetKey, options: options, contentType: type)
        }
        return try await target.transfer(
            key, from: source, to: targetKey, options: options, contentType: type)
    }

    // MARK: - Helpers

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

extension StoreError {
    /// Whether the store would say the same of this key or these bytes to any other try. A store that is unreachable,
    /// full or misconfigured may say something else later.
    var isForGood: Bool {
        switch code {
        case .invalid, .unsupported, .notFound, .exists, .precondition, .range, .gone, .denied, .tooLarge, .checksum,
            .corrupt, .internalError:
            !outcomeUnknown
        // A status of a newer plugin: of the class of permanent ones in fp_plugin.h.
        case .other(let status): status / 100 == 1 && !outcomeUnknown
        default: false
        }
    }
}
