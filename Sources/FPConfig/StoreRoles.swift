import FPFormats

/// Decides which store takes temporary uploads, and which one what the application stores.
struct StoreRoles {
    /// The store that has this name is for temporary uploads unless the file says otherwise.
    private static let stagingName = "staging"

    let staging: String
    let backend: String

    /// - Parameters:
    ///   - names: the configured stores in the order of the file.
    ///   - position: where `stores` stands, for what is missing.
    init(decoder: SettingsDecoder, names: [String], at position: ConfigPosition) {
        let statedStaging = Self.stated("uploads.staging", names: names, decoder: decoder)
        let statedBackend = Self.stated("storages_backend", names: names, decoder: decoder)
        let supposedStaging = statedStaging ?? (names.contains(Self.stagingName) ? Self.stagingName : nil)
        let only = names.count == 1 ? names.first : nil

        let others = names.filter { $0 != supposedStaging }
        backend = statedBackend ?? only ?? (others.count == 1 ? others.first : nil) ?? ""
        staging = supposedStaging ?? only ?? ""

        // Without stores there is a complaint already, and a name that is wrong has its own.
        guard !names.isEmpty else { return }
        if backend.isEmpty, decoder.values["storages_backend"] == nil {
            decoder.problems.error(
                at: position,
                "the file lacks the key \"storages_backend\": it says which store takes what the application stores, "
                    + alternatives(others.map(quoted))
            )
        }
        if staging.isEmpty, decoder.values["uploads.staging"] == nil {
            decoder.problems.error(
                at: position,
                "the file lacks the key \"uploads.staging\": it says which store takes temporary uploads, "
                    + alternatives(names.map(quoted))
            )
        }
    }

    /// The store that a key names, or nil if it names none; a complaint if there is no such store.
    private static func stated(_ key: String, names: [String], decoder: SettingsDecoder) -> String? {
        guard let node = decoder.values[key] else { return nil }
        if names.contains(node.text) { return node.text }
        if !names.isEmpty {
            let meant = NearestName.match(node.text, among: names)
            let suggestion = meant.map { "did you mean \(quoted($0))?" } ?? "choose \(alternatives(names.map(quoted)))"
            decoder.complain(
                node, "\(quoted(key)) names \(quoted(node.text)), but there is no such store; \(suggestion)")
        }
        return nil
    }
}
