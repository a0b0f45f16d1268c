public import FPCatalog
import FPFormats
import FPStorage
public import Logging

/// The life of an upload: create, append, complete, revert, restore, store, load, delete, expire, recover.
///
/// The only place that combines the catalog and the stores. It knows no HTTP.
public final class Uploads: Sendable {
    let catalog: any Catalog
    let stores: StoreMap
    let settings: UploadSettings
    let logger: Logger
    let gates = UploadGates()
    let writers: OpenWriters
    let arrivals = Arrivals()
    let complaints = Complaints()
    let foreignObjects = ForeignObjects()
    let stagingKeys: StagingKeys
    let ownersAtWork = AtWork<TextKey>()
    let addressesAtWork = AtWork<ClientNetwork>()
    let claim: StagingClaim
    let space: StagingSpace
    let backlog = DigestBacklog()

    /// Call ``recover()`` before the first request, and run a ``Sweeper`` from then on.
    public init(catalog: any Catalog, stores: StoreMap, settings: UploadSettings, logger: Logger) {
        self.catalog = catalog
        self.stores = stores
        self.settings = settings
        writers = OpenWriters(capacity: settings.openWriters)
        self.logger = logger
        stagingKeys = StagingKeys(identity: catalog.identity)
        space = StagingSpace(stores.staging, reserve: settings.reserve, logger: logger)
        claim = StagingClaim(
            stores.staging, for: catalog, isPowerDurable: settings.isPowerDurable, logger: logger)
    }

    /// What a dialect checks before it reads a body.
    public var limits: UploadLimits {
        UploadLimits(
            maxSize: settings.maxSize, maxMetadata: settings.maxMetadata, maxFiles: settings.maxFiles,
            field: settings.field)
    }

    /// The upload, unless it is unknown or being deleted.
    public func upload(_ id: UploadID) async throws(UploadError) -> Upload? {
        guard let record = try await record(id) else { return nil }
        return view(record)
    }

    /// The stored upload that has a file at that path; in the default store first, then in any, unless a store is
    /// named.
    public func upload(path: String, store: String? = nil) async throws(UploadError) -> Upload? {
        guard let (record, _) = try await record(path: path, store: store) else { return nil }
        return view(record)
    }

    /// One page of uploads, and what continues the listing.
    public func uploads(matching query: UploadQuery) async throws(UploadError) -> (uploads: [Upload], next: String?) {
        let page = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.uploads(matching: query)
        }
        return (page.uploads.map(view), page.next)
    }

    /// Renews the life of a temporary upload that somebody asked about.
    public func touch(_ upload: Upload) async throws(UploadError) {
        let now = Timestamp.now
        try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.touch(upload.id, at: now)
        }
        writers.touch(upload.id, at: now)
    }

    /// Closes open write sessions, to be resumed later. Requests must have ended before.
    public func shutdown() async {
        await backlog.end()
        await writers.closeAll()
    }

    func view(_ record: UploadRecord) -> Upload {
        Upload(record, expireAfter: settings.expireAfter)
    }

    func record(_ id: UploadID) async throws(UploadError) -> UploadRecord? {
        if let record = writers.record(id) { return record }
        let record = try await translatingCatalogError { () async throws(CatalogError) in
            try await catalog.upload(id)
        }
        return record?.state == .deleting ? nil : record
    }

    func record(path: String, store: String?) async throws(UploadError) -> (UploadRecord, file: Int)? {
        let key = ObjectPath.lookupKey(for: path)
        guard !key.utf8.contains(0) else { return nil }
        let others = store == nil ? stores.all.keys.filter { $0 != stores.default.name }.sorted() : []
        for name in [store ?? stores.default.name] + others {
            let record = try await translatingCatalogError { () async throws(CatalogError) in
                try await catalog.upload(store: name, key: key)
            }
            guard let record, record.state == .stored else { continue }
            guard let file = record.files.firstIndex(where: { $0.store == name && $0.key.isSame(as: key) }) else {
                continue
            }
            return (record, file)
        }
        return nil
    }
}
