import FPCatalog
import FPFormats

/// What an upload was let in with. It counts for its owner and for its address as long as it is held.
public struct Admission: Sendable {
    var owner: AtWork<TextKey>.Work?
    var address: AtWork<ClientNetwork>.Work?
    /// What the catalog holds it to.
    var limits = OwnerLimits()
    var source: UploadSource?
    /// The most bytes that it may have, as far as that is known before they come.
    var mostBytes = UInt64.max
}

extension Uploads {
    /// Lets one more upload in whose files come whole, before anything of it is read.
    /// - Throws: ``UploadError`` of the kinds ``UploadError/Kind/tooManyAtOnce``, ``UploadError/Kind/overQuota`` and
    ///   ``UploadError/Kind/usedUp``.
    public func admit(_ uploader: Uploader) async throws(UploadError) -> Admission {
        try await admit(uploader, .form, length: 0)
    }

    /// Looks whether somebody may begin one more upload, before a store is asked for anything. Others may begin at the
    /// same time, so the catalog decides once more when it takes the upload down.
    /// - Parameter length: the bytes that are announced; 0 if none are.
    func admit(_ uploader: Uploader, _ kind: WorkKind, length: UInt64) async throws(UploadError) -> Admission {
        var admission = Admission()
        if let network = uploader.address.flatMap(ClientNetwork.init(client:)) {
            try await admit(from: network, kind, &admission)
        }
        if let owner = uploader.owner { try await admit(owner, kind, length: length, &admission) }
        if let count = uploader.allowance?.count {
            let counted = try await translatingCatalogError { () async throws(CatalogError) in
                try await catalog.counted(in: count.name)
            }
            guard counted < count.limit else { throw UploadError(CatalogError.usedUp) }
        }
        return admission
    }

    private func admit(
        from network: ClientNetwork, _ kind: WorkKind, _ admission: inout Admission
    ) async throws(UploadError) {
        guard let most = settings.inProgressPerAddress else { return }
        let work = addressesAtWork.begin(kind, of: network)
        let name = network.description
        let room = most - work.others.uncounted(for: kind)
        guard room > 0 else { throw .tooManyFromAddress(most) }
        let arriving = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.inProgress(from: name, countingTo: room)
        }
        guard arriving < room else { throw .tooManyFromAddress(most) }
        admission.address = work
        admission.source = UploadSource(name: name, inProgress: most - work.others.forms)
    }

    private func admit(
        _ owner: String, _ kind: WorkKind, length: UInt64, _ admission: inout Admission
    ) async throws(UploadError) {
        var limits = settings.perOwner
        guard limits.isSet else { return }
        let work = ownersAtWork.begin(kind, of: TextKey(owner))
        let usage = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.usage(of: owner)
        }
        let others = work.others.uncounted(for: kind)
        let after = OwnerUsage(
            uploads: usage.uploads + 1, inProgress: usage.inProgress + others + 1, bytes: usage.bytes + length)
        if let excess = limits.exceeded(by: after) { throw UploadError(excess) }
        limits.inProgress = limits.inProgress.map { $0 - work.others.forms }
        admission.owner = work
        admission.limits = limits
        if let bytes = limits.bytes { admission.mostBytes = bytes - usage.bytes }
    }

    /// What somebody is told whose upload the catalog did not take: with the limits as they are set, whatever else was
    /// under way.
    func refusal(_ error: CatalogError) -> UploadError {
        switch error {
        case .ownerExcess(.inProgress): UploadError(.inProgress(most: settings.perOwner.inProgress ?? 0))
        case .sourceExcess: .tooManyFromAddress(settings.inProgressPerAddress ?? 0)
        default: UploadError(error)
        }
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

    /// What somebody is told from whose address as many uploads come as may.
    static func tooManyFromAddress(_ most: Int) -> UploadError {
        UploadError(
            .tooManyAtOnce, "From your address, \(most) uploads may come at once; finish or revert one first.",
            retryAfter: .seconds(30))
    }
}
