import FPCatalog
import Testing

extension Timestamp: ExpressibleByIntegerLiteral {
    /// Milliseconds since the Unix epoch.
    public init(integerLiteral milliseconds: Int64) { self.init(milliseconds: milliseconds) }
}

extension UploadRecord {
    static func receiving(
        _ id: UploadID = .random(), at time: Timestamp = 1, owner: String? = nil, name: String = "", size: UInt64? = nil
    ) -> UploadRecord {
        UploadRecord(
            id: id, state: .receiving, createdAt: time, touchedAt: time, owner: owner,
            files: [FileRecord(name: name, size: size, store: "staging", key: "tmp/\(id)/0")],
            session: WriteSession(token: Array("session of \(id)".utf8), committed: 0)
        )
    }

    static func complete(
        _ id: UploadID = .random(), at time: Timestamp = 1, owner: String? = nil, names: [String] = ["a.txt"]
    ) -> UploadRecord {
        UploadRecord(
            id: id, state: .complete, createdAt: time, touchedAt: time, completedAt: time, owner: owner,
            files: names.enumerated().map { number, name in
                FileRecord(
                    name: name, size: 3, contentType: "text/plain", etag: "\"staged \(number)\"", store: "staging",
                    key: "tmp/\(id)/\(number)"
                )
            }
        )
    }

    static func stored(
        _ id: UploadID = .random(), at time: Timestamp = 1, owner: String? = nil, store: String = "media",
        keys: [String]
    ) -> UploadRecord {
        var upload = complete(id, at: time, owner: owner, names: keys.map { "name of \($0)" })
        upload.state = .stored
        upload.storedAt = time
        for (number, key) in keys.enumerated() {
            upload.files[number].store = store
            upload.files[number].key = key
        }
        return upload
    }
}

extension ChunkArrival {
    init(_ offset: UInt64, _ length: UInt64, at time: Timestamp = 2, token: [UInt8]? = nil, digest: [UInt8]? = nil) {
        self.init(
            .whole(ChunkRecord(offset: offset, length: length, fingerprint: offset &* 0x9E37_79B9_7F4A_7C15)),
            size: nil,
            name: "", token: token, digest: digest, arrivedAt: time
        )
    }

    /// A chunk that was cut.
    init(
        upTo end: UInt64, at time: Timestamp = 2, size: UInt64? = nil, name: String = "", token: [UInt8]? = nil,
        digest: [UInt8]? = nil
    ) {
        self.init(.part(upTo: end), size: size, name: name, token: token, digest: digest, arrivedAt: time)
    }

    /// The chunk, if it arrived whole.
    var chunk: ChunkRecord? {
        if case .whole(let chunk) = extent { chunk } else { nil }
    }
}

extension Catalog {
    /// Begins to delete an upload, where it does not matter why and when.
    func beginDeleting(_ id: UploadID, from states: Set<UploadState>) async throws(CatalogError) -> UploadRecord? {
        try await beginDeleting(id, from: states, because: .deleted, at: 1)
    }
}

extension WriteSession {
    /// Sets both of the offsets.
    mutating func reach(_ offset: UInt64) {
        committed = offset
        received = offset
    }
}

/// Which case of ``CatalogError``; the sentences are not for programs.
enum Refusal: Equatable {
    case pathTaken(String, String), beingReplaced, ownerExcess(OwnerExcess), usedUp, sourceExcess(Int), badCursor,
        inUse, tooNew, full,
        unavailable, failed

    init(_ error: CatalogError) {
        self =
            switch error {
            case .pathTaken(let store, let key): .pathTaken(store, key)
            case .beingReplaced: .beingReplaced
            case .ownerExcess(let excess): .ownerExcess(excess)
            case .usedUp: .usedUp
            case .sourceExcess(let most): .sourceExcess(most)
            case .badCursor: .badCursor
            case .inUse: .inUse
            case .tooNew: .tooNew
            case .full: .full
            case .unavailable: .unavailable
            case .failed: .failed
            }
    }
}

/// What a call refused, or `nil` if it succeeded.
func refusal<Value>(isolation: isolated (any Actor)? = #isolation, _ call: () async throws -> Value) async -> Refusal? {
    do {
        _ = try await call()
        return nil
    } catch let error as CatalogError {
        return Refusal(error)
    } catch {
        Issue.record(error, "a catalog throws CatalogError only")
        return .failed
    }
}
