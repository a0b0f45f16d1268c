import FPCatalog
import FPFormats
import FPStorage

extension Uploads {
    /// Claims an upload for good: its files go to the paths given, in the store given.
    ///
    /// What is at a path is written over only if that is asked for, also when two calls race for it. After a crash at any point the upload is
    /// either complete or stored when the host has started again. Asking for what has been done already succeeds.
    /// - Parameters:
    ///   - path: the object's path; one that ends in `/` is a directory, and the file keeps its own name there.
    ///   - store: the name of a configured store; `nil` for the default one.
    ///   - variants: the paths of the other files, in their order; `nil` puts each beside the main file under its
    ///     own name.
    ///   - keepsFolders: whether the directories that the client had the file in are kept below `path`, which then ends
    ///     in `/`; where they cannot be used there, the file has its bare name.
    ///   - ifExists: what becomes of the upload if a path is taken.
    ///   - reach: whose uploads may be replaced.
    /// - Returns: the upload with the paths that its files have.
    public func store(
        _ id: UploadID, path: String, in store: String? = nil, variants: [String]? = nil, keepsFolders: Bool = false,
        ifExists: IfExists = .fail, within reach: Reach = .everybodys
    ) async throws(UploadError) -> Upload {
        let target = try destinationStore(store)
        try await gates.enter(id, UploadGates.Pass())
        defer { gates.leave(id) }
        guard let record = try await record(id) else { throw .notFound(id) }
        return view(
            try await self.store(
                record, path: path, in: target, variants: variants, keepsFolders: keepsFolders, ifExists: ifExists,
                within: reach))
    }

    /// As above, for somebody who has passed the upload's gate.
    func store(
        _ record: UploadRecord, path: String, in target: Store, variants: [String]?, keepsFolders: Bool = false,
        ifExists: IfExists = .fail, within reach: Reach = .everybodys
    ) async throws(UploadError) -> UploadRecord {
        var record = record
        if record.state == .storing {
            guard let settled = try await settle(record) else { throw .notFound(record.id) }
            record = settled
        }
        let destinations = try self.destinations(
            of: record, path: path, in: target, variants: variants, keepsFolders: keepsFolders)
        let numbered = NumberedDestinations(destinations, in: target)
        switch record.state {
        case .complete: break
        case .stored where record.files.are(at: destinations),
            .stored where ifExists == .rename && numbered.include(record.files):
            return record
        case .stored:
            throw UploadError(.conflict, "The upload is stored already, at \"\(record.files[0].key)\".")
        default:
            throw UploadError(.conflict, "The upload is not whole yet.")
        }
        switch ifExists {
        case .rename: return try await storeNumbered(record, numbered)
        case .replace: return try await storeReplacing(record, at: destinations[0], in: target, within: reach)
        case .fail:
            let begun = try await translatingCatalogError { () async throws(CatalogError) in
                try await catalog.beginStoring(record.id, destinations: destinations)
            }
            guard begun else { throw .notFound(record.id) }
            return try await carryOut(record, to: destinations)
        }
    }

    func destinationStore(_ name: String?) throws(UploadError) -> Store {
        guard let name else { return stores.default }
        guard let store = stores[name] else {
            throw UploadError(.invalid, "There is no store \"\(name)\".")
        }
        return store
    }

    private func destinations(
        of record: UploadRecord, path: String, in store: Store, variants: [String]?, keepsFolders: Bool
    ) throws(UploadError) -> [Destination] {
        var main = try ObjectPath.key(path: path, name: record.files[0].name)
        if keepsFolders {
            guard path.ends(with: "/") else {
                throw UploadError(.invalid, "A relative path is kept below a path that ends in \"/\".")
            }
            if let kept = keyWithFolders(of: record, below: path, in: store) { main = kept }
        }
        var keys = [main]
        if let variants, variants.count != record.files.count - 1 {
            throw UploadError(
                .invalid, "The upload has \(record.files.count - 1) variants, but \(variants.count) paths are given.")
        }
        for (index, file) in record.files.dropFirst().enumerated() {
            let path = variants?[index] ?? ObjectPath.directory(of: main) + FileName.sanitised(file.name)
            keys.append(try ObjectPath.key(path: path, name: file.name))
        }
        for key in keys { try check(key, in: store) }
        return keys.map { Destination(store: store.name, key: $0) }
    }

    /// The key with the client's directories, unless the store would refuse it: the client is not the one who chose `path`.
    private func keyWithFolders(of record: UploadRecord, below path: String, in store: Store) -> String? {
        let name = record.files[0].name
        guard let relative = Upload.relativePath(of: name, metadata: record.metadata) else { return nil }
        do throws(UploadError) {
            let key = try ObjectPath.key(path: path + relative, name: name)
            try check(key, in: store)
            return key
        } catch {
            return nil
        }
    }

    /// What the store would refuse of a key is refused before anything is written down.
    func check(_ key: String, in store: Store) throws(UploadError) {
        if key.utf8.count > store.limits.maxKeyBytes {
            throw UploadError(
                .invalid, "The path is longer than the \(store.limits.maxKeyBytes) bytes that the store takes.")
        }
        do throws(ObjectKey.Violation) {
            try ObjectKey.validate(key, maxBytes: store.limits.maxKeyBytes)
        } catch {
            throw UploadError(.invalid, "The path cannot be stored: \(error.message).")
        }
        if CatalogMark.reserves(key) || stagingKeys.upload(of: key) != nil {
            throw UploadError(.invalid, "The path is one that the server keeps for itself.")
        }
    }

    /// Moves every file of an upload that is storing by now, and makes the catalog say so; or takes everything back.
    func carryOut(_ complete: UploadRecord, to destinations: [Destination]) async throws(UploadError) -> UploadRecord {
        var record = complete
        record.state = .storing
        for index in record.files.indices { record.files[index].destination = destinations[index] }
        var etags: [String?] = []
        var copied: [FileRecord] = []
        for index in record.files.indices {
            do throws(StoreError) {
                let mover = FileMover(uploads: self, upload: record.id, index: index)
                let outcome = try await mover.move(&record.files[index])
                etags.append(outcome.etag)
                if !outcome.isSourceGone { copied.append(record.files[index]) }
            } catch {
                if error.outcomeUnknown || error.isRetryable {
                    logger.warning("upload \(record.id): storing was interrupted: \(error.message)")
                }
                // How far the move came is known only to the stores.
                let destination = record.files[index].destination
                do throws(UploadError) {
                    if let settled = try await settle(record), settled.state == .stored { return settled }
                } catch {
                    complain(of: record.id, "it stays storing", error.detail ?? error.message)
                }
                throw await refusal(error, at: destination)
            }
        }
        let now = Timestamp.now
        let finished = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.finishStoring(record.id, etags: etags, at: now)
        }
        guard finished else { throw .notFound(record.id) }
        for file in copied { await removeStaged(file) }
        return asStored(record, etags: etags, at: now)
    }

    /// Why an upload was not stored, in the words of what the application had asked for.
    private func refusal(_ error: StoreError, at destination: Destination?) async -> UploadError {
        var refusal = await UploadError(storing: error, in: stores, at: destination)
        switch error.code {
        case .invalid where error.operation != "write_commit":
            (refusal.kind, refusal.message) = (.invalid, "The store does not take that path.")
        case .notFound, .range, .gone:
            (refusal.kind, refusal.message) = (
                .internalFault, "The bytes of this upload are not where they were; the operator has been told."
            )
        default: break
        }
        return refusal
    }

    func asStored(_ storing: UploadRecord, etags: [String?], at now: Timestamp) -> UploadRecord {
        var record = storing
        record.state = .stored
        record.storedAt = now
        for index in record.files.indices {
            guard let destination = record.files[index].destination else { continue }
            record.files[index].store = destination.store
            record.files[index].key = destination.key
            record.files[index].etag = etags[index]
            record.files[index].destination = nil
        }
        return record
    }

    /// Removes the staged original of a copied file. What fails here the sweeper finds: no upload owns it.
    func removeStaged(_ file: FileRecord) async {
        guard let store = stores[file.store] else { return }
        do throws(StoreError) {
            try await store.remove(file.key)
        } catch {
            logger.warning("could not remove \(file.key) from store \(file.store): \(error.message)")
        }
    }
}
