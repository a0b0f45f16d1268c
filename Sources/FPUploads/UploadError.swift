import FPCatalog
import FPStorage

/// Why something could not be done with an upload, in words that may be shown to the client.
public struct UploadError: Error, Sendable {
    /// What went wrong, as far as a protocol needs to tell cases apart.
    public enum Kind: Sendable, Equatable {
        /// There is no such upload, or not in a state in which it can be used that way.
        case notFound
        /// The request contradicts itself, the upload or the limits of the format.
        case invalid
        /// The chunk starts beyond the bytes that have arrived.
        case offsetAhead
        /// The upload is in a state that forbids this.
        case conflict
        /// Another file is at that path, or on its way there.
        case pathTaken
        /// More bytes or files than the settings allow.
        case tooLarge
        /// More bytes or uploads than their owner may have.
        case overQuota
        /// More uploads at once than their owner may send, or than may come from one address.
        case tooManyAtOnce
        /// The file is not one of those that the settings take.
        case unsupportedType
        /// As many uploads have begun as may.
        case usedUp
        /// The body ended early.
        case truncated
        /// The bytes are not those of which a digest was stated.
        case digestMismatch
        /// A newer request took over.
        case interrupted
        /// The body came too slowly.
        case tooSlow
        /// The range lies outside the file.
        case rangeNotSatisfiable
        /// The store is full.
        case noSpace
        /// The store does not answer at the moment, or has too much to do.
        case unavailable
        /// The store did not answer in time.
        case timeout
        /// The store refuses the host.
        case badGateway
        /// The store cannot do this.
        case unsupported
        /// The upload is somebody else's.
        case foreign
        /// The store forbids this path.
        case denied
        /// A fault of the host or of the store.
        case internalFault
    }

    /// The kind of failure.
    public var kind: Kind
    /// One sentence for the client, without anything that only the operator may know.
    public var message: String
    /// What only the operator may know.
    public var detail: String?
    /// How long the client should wait before it tries again.
    public var retryAfter: Duration?
    /// Where the upload's next chunk has to begin, if the one that failed began elsewhere.
    public var expectedOffset: UInt64?
    /// What the store had said, if it was one that failed.
    var storeCode: StoreError.Code?

    /// Makes an error as given.
    public init(_ kind: Kind, _ message: String, detail: String? = nil, retryAfter: Duration? = nil) {
        self.kind = kind
        self.message = message
        self.detail = detail
        self.retryAfter = retryAfter
    }
}

extension UploadError {
    static func notFound(_ id: UploadID) -> UploadError {
        UploadError(.notFound, "There is no upload \(id).")
    }

    /// What a chunk that has to begin exactly at an offset gets if it begins elsewhere.
    static func otherOffset(_ offset: UInt64, expected: UInt64) -> UploadError {
        var error = UploadError(
            .conflict, "The chunk starts at \(offset), but the upload goes on at \(expected).")
        error.expectedOffset = expected
        return error
    }

    /// What a failure of a store means for a client. The store's own words go to the operator only.
    /// - Parameter path: where the file was to go, if the client named the path.
    init(_ error: StoreError, at path: String? = nil) {
        let (kind, message): (Kind, String) =
            switch error.code {
            case _ where error.isHostExhausted:
                (.unavailable, "The server has too much to do at the moment; try again.")
            case .notFound: (.notFound, "The file is not in its store.")
            case .exists: (.pathTaken, Self.taken(path))
            case .range: (.rangeNotSatisfiable, "The range lies outside the file.")
            case .precondition: (.conflict, "The file was replaced meanwhile.")
            // Requests for an upload take turns, so the other writer is a call of an earlier one that hangs in the store.
            case .conflict:
                (.unavailable, "The store is still busy with an earlier request for this upload; try again.")
            // Of a path that the host chose, or that the store has taken before; see `init(storing:in:at:)` for others.
            case .denied: (.unavailable, "The store refuses this server's access; its operator has been told.")
            case .tooLarge: (.tooLarge, "The file is larger than the store takes.")
            case .readOnly: (.unavailable, "The store takes no writes at the moment; its operator has been told.")
            case .noSpace: (.noSpace, "The store is full; try again when there is room.")
            case .unsupported: (.unsupported, "The store cannot do that.")
            case .timeout: (.timeout, "The store did not answer in time; try again.")
            case .transient, .throttled, .unavailable, .noMemory, .cancelled:
                (.unavailable, "The store does not answer at the moment; try again.")
            case .auth: (.badGateway, "The store refuses this server; its operator has been told.")
            default: (.internalFault, "The store failed; its operator has been told.")
            }
        self.init(
            kind, message, detail: "store \(error.store), \(error.operation): \(error.message)",
            retryAfter: error.retryAfter ?? ([.unavailable, .timeout].contains(kind) ? .seconds(5) : nil))
        storeCode = error.code
    }

    static func taken(_ path: String?) -> String {
        "There is already a file at \(path.map { "the path \"\($0)\"" } ?? "that path")."
    }

    /// What a failure to store means for the application that chose the path: a store that could be written may forbid
    /// that path.
    init(storing error: StoreError, in stores: StoreMap, at destination: Destination?) async {
        self.init(error, at: destination?.key)
        guard error.code == .denied, error.store == destination?.store, let store = stores[error.store] else { return }
        _ = try? await store.health()
        if store.condition.limits.contains(.cannotWrite) { return }
        kind = .denied
        message = "The store does not allow \(destination.map { "the path \"\($0.key)\"" } ?? "that path")."
        retryAfter = nil
    }

    init(_ error: CatalogError) {
        switch error {
        case .pathTaken(_, let key):
            self.init(.pathTaken, Self.taken(key))
        case .beingReplaced:
            self.init(
                .unavailable, "Another upload is taking this one's place at the moment; try again.",
                retryAfter: .seconds(5))
        case .ownerExcess(let excess): self.init(excess)
        case .sourceExcess(let most): self = .tooManyFromAddress(most)
        case .usedUp:
            self.init(.usedUp, "As many uploads have begun as you may begin.")
        case .badCursor:
            self.init(.invalid, "The cursor is not one that this listing returned.")
        case .full(let detail):
            self.init(.noSpace, "The server has no room to keep track of uploads; try again later.", detail: detail)
        case .unavailable(let detail):
            self.init(
                .unavailable, "The server cannot reach its database at the moment; try again.", detail: detail,
                retryAfter: .seconds(5))
        case .inUse(let detail), .tooNew(let detail), .failed(let detail):
            self.init(.internalFault, "The server could not reach its database.", detail: detail)
        }
    }

    init(_ error: ByteSourceError) {
        switch error {
        case .truncated: self.init(.truncated, "The body ended before all of it had arrived.")
        case .tooSlow: self.init(.tooSlow, "The body came too slowly.")
        case .stopped: self.init(.interrupted, "A newer request for this upload took over.")
        case .failed(let error): self = error
        }
    }
}

/// Runs `body`, with a store's failure turned into what it means for a client.
func translatingStoreError<Value>(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws(StoreError) -> Value
) async throws(UploadError) -> Value {
    do throws(StoreError) { return try await body() } catch { throw UploadError(error) }
}

/// Runs `body`, with a failure of the catalog turned into what it means for a client.
func translatingCatalogError<Value>(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws(CatalogError) -> Value
) async throws(UploadError) -> Value {
    do throws(CatalogError) { return try await body() } catch { throw UploadError(error) }
}
