import FPCatalog
import FPStorage
public import NIOCore
import Synchronization

/// What somebody wants of a file. Either takes one request to a store that is far away.
public enum ContentUse: Equatable, Sendable {
    /// What it is.
    case description
    /// What it is, and its bytes from `offset` on: `length` of them, or all that follow.
    case bytes(offset: UInt64, length: UInt64?)
}

/// A whole file that somebody may read.
public struct Content: Sendable {
    /// The file's name, as text.
    public let name: String
    /// The number of bytes.
    public let size: UInt64
    /// The media type.
    public let contentType: String
    /// The version tag, without quotes; it changes whenever the bytes do.
    public let etag: String?
    /// When the bytes last changed.
    public let modified: Timestamp?
    /// What the bytes that arrived are known by.
    public let digests: FileDigests

    /// Whether clients get the bytes from the storage itself.
    public let isDirect: Bool

    private let store: Store
    private let key: String
    private let opened: OpenedContent?

    init(
        _ file: FileRecord, name: String, store: Store, isDirect: Bool, for use: ContentUse
    ) async throws(StoreError) {
        opened = isDirect ? nil : try await OpenedContent(file.key, store, for: use)
        let info: ObjectInfo
        if let opened { info = opened.info } else { info = try await store.stat(file.key) }
        try file.check(info, in: store)
        self.isDirect = isDirect
        self.name = name
        size = info.size
        contentType = file.contentType ?? MediaType.unknown
        etag = info.etag
        modified = info.modifiedNanoseconds.map { Timestamp(milliseconds: $0 / 1_000_000) }
        // Of another version nobody knows what its bytes are.
        digests = file.etag == info.etag || file.etag == nil ? file.digests : FileDigests()
        self.store = store
        key = file.key
    }

    /// How long a client may take to follow a redirect and to come back for ranges of the file.
    private static let directLifetime: Duration = .seconds(3600)

    /// A URL by which a client gets the file from the storage itself: a bearer secret.
    /// - Parameters:
    ///   - headOnly: whether it is for the headers alone.
    ///   - disposition: the `Content-Disposition` that the storage answers with.
    public func directURL(headOnly: Bool, disposition: String) async throws(UploadError) -> String {
        try await translatingStoreError { () async throws(StoreError) in
            try await store.presign(
                PresignRequest(
                    method: headOnly ? .head : .get, key: key, lifetime: Self.directLifetime, contentType: contentType,
                    contentDisposition: disposition, cacheControl: "private, no-cache")
            ).url
        }
    }

    /// Opens the bytes from `offset` on, `length` of them or all that follow. The reader delivers this version of the
    /// file or fails.
    public func read(offset: UInt64 = 0, length: UInt64? = nil) async throws(UploadError) -> ContentReader {
        if let reader = opened?.take(offset: offset, length: length) { return ContentReader(reader) }
        let match = store.capabilities.contains(.ifMatch) ? etag : nil
        return ContentReader(
            try await translatingStoreError { () async throws(StoreError) in
                try await store.read(key, offset: offset, length: length, ifMatch: match, asFile: true)
            })
    }
}

/// A read that was begun to learn what the file is; for whoever is the first to want the bytes.
private final class OpenedContent: Sendable {
    let info: ObjectInfo
    private let bytes: Range<UInt64>
    private let reader: Mutex<StoreReader?>

    /// - Returns: nil if there is nothing to read.
    init?(_ key: String, _ store: Store, for use: ContentUse) async throws(StoreError) {
        guard case .bytes(let offset, let length) = use else { return nil }
        let reader: StoreReader
        do throws(StoreError) {
            reader = try await store.read(key, offset: offset, length: length, asFile: true)
        } catch  where error.code == .range {
            return nil
        }
        info = reader.info
        bytes = offset..<Self.end(of: length, from: offset, size: reader.info.size)
        self.reader = Mutex(reader)
    }

    /// The reader, if it brings just those bytes.
    func take(offset: UInt64, length: UInt64?) -> StoreReader? {
        guard offset == bytes.lowerBound, Self.end(of: length, from: offset, size: info.size) == bytes.upperBound else {
            return nil
        }
        return reader.withLock { reader in
            defer { reader = nil }
            return reader
        }
    }

    private static func end(of length: UInt64?, from offset: UInt64, size: UInt64) -> UInt64 {
        offset + min(length ?? .max, size - offset)
    }
}

/// The bytes of a file, to be asked for.
public final class ContentReader: Sendable {
    private let reader: StoreReader

    init(_ reader: StoreReader) {
        self.reader = reader
    }

    /// All the bytes, if they are at hand already: then there is nothing more to read.
    public func takeWhole() -> ByteBuffer? {
        reader.takeWhole()
    }

    /// The file that holds all the bytes, if the store has one: then there is nothing to read.
    ///
    /// - Returns: An open descriptor that the caller closes and reads only at offsets of its own, and where in it the
    ///   bytes are. To whoever asks first.
    public func takeFile() -> (descriptor: CInt, offset: Int64, length: Int64)? {
        guard let file = reader.takeFile() else { return nil }
        return (file.take(), Int64(file.offset), Int64(file.length))
    }

    /// The next bytes; `nil` after the last.
    public func next() async throws(UploadError) -> ByteBuffer? {
        try await translatingStoreError { () async throws(StoreError) in try await reader.next() }
    }

    /// Lets go of the file. May be called at any time, more than once.
    public func close() {
        reader.close()
    }
}

extension Uploads {
    /// Opens a file of a whole upload that no application has claimed.
    public func openTemporary(
        _ id: UploadID, file: Int = 0, for use: ContentUse = .description
    ) async throws(UploadError) -> Content {
        let content = try await open(id, file: file, in: [.complete, .storing], for: use)
        try await translatingCatalogError { () async throws(CatalogError) in try await catalog.touch(id, at: .now) }
        return content
    }

    /// Opens a file of a stored upload.
    public func openStored(
        _ id: UploadID, file: Int = 0, for use: ContentUse = .description
    ) async throws(UploadError) -> Content {
        try await open(id, file: file, in: [.stored], for: use)
    }

    /// Opens a stored file by its path; in the default store first, then in any, unless a store is named.
    /// - Parameter reach: whose file it may be. Paths can be guessed, so that of somebody else is unknown, too.
    public func openStored(
        path: String, store: String? = nil, within reach: Reach = .everybodys, for use: ContentUse = .description
    ) async throws(UploadError) -> Content {
        guard let (record, file) = try await record(path: path, store: store), reach.includesByPath(record.owner) else {
            throw UploadError(.notFound, "There is no stored upload at that path.")
        }
        return try await open(record, file: file, for: use)
    }

    /// Opens a file of any upload that is whole.
    public func open(
        _ id: UploadID, file: Int = 0, for use: ContentUse = .description
    ) async throws(UploadError) -> Content {
        try await open(id, file: file, in: [.complete, .storing, .stored], for: use)
    }

    private func open(
        _ id: UploadID, file: Int, in states: Set<UploadState>, for use: ContentUse
    ) async throws(UploadError) -> Content {
        guard let record = try await record(id), states.contains(record.state) else { throw .notFound(id) }
        guard record.files.indices.contains(file) else {
            throw UploadError(.notFound, "The upload has no file number \(file).")
        }
        return try await open(record, file: file, for: use)
    }

    private func open(
        _ record: UploadRecord, file index: Int, for use: ContentUse
    ) async throws(UploadError) -> Content {
        let file = record.files[index]
        // A stored file goes by the name that the application gave it.
        let name = record.state == .stored ? ObjectPath.name(of: file.key) : file.name
        let store = try stores.holding(file.store)
        do throws(StoreError) {
            return try await Content(file, name: name, store: store, isDirect: stores.redirects(store), for: use)
        } catch  where error.code == .notFound && record.state == .storing {
            return try await openMoved(record, file: file, name: name, for: use)
        } catch  where error.code == .corrupt && record.state == .stored {
            // It may be just being replaced: then its path has the new bytes already.
            guard let new = try await replacement(of: record.id) else { throw UploadError(error) }
            return try await openMoved(new, file: new.files[0], name: name, for: use)
        } catch {
            throw UploadError(error)
        }
    }

    private func replacement(of id: UploadID) async throws(UploadError) -> UploadRecord? {
        try await translatingCatalogError { () async throws(CatalogError) in try await catalog.replacement(of: id) }
    }

    /// While an upload is being stored, its file is in one of two places.
    private func openMoved(
        _ record: UploadRecord, file: FileRecord, name: String, for use: ContentUse
    ) async throws(UploadError) -> Content {
        var moved = file
        if let destination = file.destination {
            moved.store = destination.store
            moved.key = destination.key
        }
        let place = moved
        let store = try stores.holding(place.store)
        return try await translatingStoreError { () async throws(StoreError) in
            try await Content(place, name: name, store: store, isDirect: stores.redirects(store), for: use)
        }
    }
}
