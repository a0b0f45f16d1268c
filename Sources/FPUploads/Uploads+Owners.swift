import FPCatalog

/// What an upload was let in with.
struct Admission: Sendable {
    /// Counts as long as it is held.
    var work: OwnersAtWork.Work?
    /// What the catalog holds it to.
    var limits = OwnerLimits()
    /// The most bytes that it may have, as far as that is known before they come.
    var mostBytes = UInt64.max
}

extension Uploads {
    /// Looks whether an owner may begin one more upload, before a store is asked for anything. Others may begin at the
    /// same time, so the catalog decides once more when it takes the upload down.
    /// - Parameter length: the bytes that are announced; 0 if none are.
    func admit(
        _ uploader: Uploader, _ kind: OwnersAtWork.Kind, length: UInt64
    ) async throws(UploadError) -> Admission {
        var limits = settings.perOwner
        guard limits.isSet, let owner = uploader.owner else { return Admission() }
        let work = ownersAtWork.begin(kind, of: owner)
        let usage = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.usage(of: owner)
        }
        let others = work.others.forms + (kind == .form ? work.others.creations : 0)
        let after = OwnerUsage(
            uploads: usage.uploads + 1, inProgress: usage.inProgress + others + 1, bytes: usage.bytes + length)
        if let excess = limits.exceeded(by: after) { throw UploadError(excess) }
        limits.inProgress = limits.inProgress.map { $0 - work.others.forms }
        return Admission(work: work, limits: limits, mostBytes: limits.bytes.map { $0 - usage.bytes } ?? .max)
    }

    /// Sets the bytes aside, for the owner, that a chunk's request is the first to announce.
    /// - Returns: the upload as it is on record then.
    func reserve(_ record: UploadRecord, _ file: FileRecord) async throws(UploadError) -> UploadRecord {
        guard settings.perOwner.bytes != nil, record.owner != nil, let session = record.session,
            record.files[0].size == nil, file.size != nil
        else { return record }
        let change = ChunkArrival(
            .part(upTo: session.received), size: file.size, name: file.name, token: nil, arrivedAt: .now)
        let wasReceiving = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.advance(record.id, by: change, within: settings.perOwner)
        }
        guard wasReceiving else { throw .notFound(record.id) }
        var record = record
        record.files[0] = file
        record.touchedAt = change.arrivedAt
        return record
    }
}

extension UploadError {
    /// What an owner is told who would have more than they may.
    init(_ excess: OwnerExcess) {
        switch excess {
        case .bytes(let most):
            self.init(
                .overQuota, "With this upload you would have more than the \(most) bytes that you may keep here.")
        case .uploads(let most):
            self.init(.overQuota, "You have the \(most) uploads already that you may keep here.")
        case .inProgress(let most):
            self.init(
                .tooManyAtOnce, "You may send \(most) uploads at once; finish or revert one first.",
                retryAfter: .seconds(30))
        }
    }
}
