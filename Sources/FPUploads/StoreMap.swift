public import FPStorage

/// The configured stores by name, with the two that have a part to play.
public struct StoreMap: Sendable {
    /// The store of temporary uploads.
    public let staging: Store
    /// The store that takes what the application stores, unless it names another.
    public let `default`: Store
    let all: [String: Store]

    /// Checks that the staging store can do what temporary uploads need.
    /// - Parameters:
    ///   - all: every configured store.
    ///   - staging: the name of the one for temporary uploads.
    ///   - default: the name of the one for stored uploads.
    public init(_ all: [Store], staging: String, default: String) throws(StoreMapError) {
        var byName: [String: Store] = [:]
        for store in all { byName[store.name] = store }
        guard let stagingStore = byName[staging] else { throw .unknown(staging) }
        guard let defaultStore = byName[`default`] else { throw .unknown(`default`) }
        let missing = StoreCapabilities([.resumable, .rewind]).subtracting(stagingStore.capabilities)
        guard missing.isEmpty else {
            throw .cannotStage(store: staging, plugin: stagingStore.library.name)
        }
        self.all = byName
        self.staging = stagingStore
        self.default = defaultStore
    }

    subscript(name: String) -> Store? { all[name] }

    /// The store that holds a file. One that is no longer configured is a mistake of the operator, not of the client.
    func holding(_ name: String) throws(UploadError) -> Store {
        guard let store = all[name] else {
            throw UploadError(
                .internalFault, "The file is in a store that this server no longer has.",
                detail: "store \(name) holds uploads but is not in the configuration; add it to stores again")
        }
        return store
    }
}

/// Why a set of stores cannot serve.
public enum StoreMapError: Error, CustomStringConvertible {
    /// No store of that name is configured.
    case unknown(String)
    /// The store's plugin cannot hold temporary uploads.
    case cannotStage(store: String, plugin: String)

    /// What is wrong and what would be right.
    public var description: String {
        switch self {
        case .unknown(let name):
            "there is no store \"\(name)\"; add it to stores, or name one that is there"
        case .cannotStage(let store, let plugin):
            """
            store "\(store)" cannot hold temporary uploads: its plugin \(plugin) does not offer resumable writes that \
            can be taken back (FP_CAP_RESUMABLE and FP_CAP_REWIND); name a store of another plugin as uploads.staging
            """
        }
    }
}
