import FPFormats
public import FPStorage

/// The configured stores by name, and which of them take temporary and stored uploads.
public struct StoreMap: Sendable {
    /// The store of temporary uploads.
    public let staging: Store
    /// The store that takes what the application stores, unless it names another.
    public let `default`: Store
    let all: [String: Store]
    /// The stores that hand out their own files.
    private let redirecting: Set<String>

    /// Checks that the stores can do what is asked of them.
    /// - Parameters:
    ///   - all: every configured store.
    ///   - staging: the name of the one for temporary uploads.
    ///   - default: the name of the one for stored uploads.
    ///   - redirecting: the names of those whose files clients get from the storage itself.
    public init(
        _ all: [Store], staging: String, default: String, redirecting: Set<String> = []
    ) throws(StoreMapError) {
        var byName: [String: Store] = [:]
        for store in all { byName[store.name] = store }
        for store in all where redirecting.contains(store.name) && !store.capabilities.contains(.presign) {
            throw .cannotRedirect(store: store.name, plugin: store.library.name)
        }
        guard let stagingStore = byName[staging] else { throw .unknown(staging) }
        guard let defaultStore = byName[`default`] else { throw .unknown(`default`) }
        let missing = StoreCapabilities([.resumable, .rewind]).subtracting(stagingStore.capabilities)
        guard missing.isEmpty else {
            // Only the plugin knows which of its options have to do with it, and says so in their help.
            let options = stagingStore.library.options.filter { $0.help.holds("uploads.staging") }
            throw .cannotStage(
                store: staging, plugin: stagingStore.library.name,
                options: options.map { "\($0.key): \($0.help)" })
        }
        self.all = byName
        self.redirecting = redirecting
        self.staging = stagingStore
        self.default = defaultStore
    }

    subscript(name: String) -> Store? { all[name] }

    /// Whether clients get the files of a store from the storage itself.
    func redirects(_ store: Store) -> Bool { redirecting.contains(store.name) }

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
    /// The store's plugin cannot hold temporary uploads; what it says itself of its options that bear on that.
    case cannotStage(store: String, plugin: String, options: [String])
    /// The store's plugin cannot make URLs.
    case cannotRedirect(store: String, plugin: String)

    /// What is wrong and what would be right.
    public var description: String {
        switch self {
        case .unknown(let name):
            "there is no store \"\(name)\"; add it to stores, or name one that is there"
        case .cannotStage(let store, let plugin, let options):
            """
            store "\(store)" cannot hold temporary uploads: its plugin \(plugin) does not offer resumable writes that \
            can be taken back (FP_CAP_RESUMABLE and FP_CAP_REWIND); name a store of another plugin as uploads.staging\
            \(options.isEmpty ? "" : ", or change an option of this one that bears on it. " + options.joined(separator: " "))
            """
        case .cannotRedirect(let store, let plugin):
            """
            store "\(store)" cannot have downloads: redirect: its plugin \(plugin) makes no URLs (FP_CAP_PRESIGN); \
            write downloads: proxy, or leave it out
            """
        }
    }
}
