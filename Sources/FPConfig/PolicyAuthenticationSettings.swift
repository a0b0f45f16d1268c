import FPFormats

extension Settings.Authentication {
    /// `authentication.policies`: upload policies that the application signs.
    public struct Policies: Sendable, Equatable {
        /// The keys that policies are signed with, in the order of the file. Never empty.
        public var keys: [Key]

        /// One key.
        public struct Key: Sendable, Equatable {
            /// What policies call it.
            public var id: String
            /// The key itself, or the file that holds it.
            public var secret: Source
        }

        /// Where a key is.
        public enum Source: Sendable, Equatable {
            /// Given in the file or by an environment variable.
            case value(Secret)
            /// Kept in a file, read at the start; an absolute path.
            case file(path: String)
        }
    }
}

extension Settings {
    /// The keys of `authentication.policies`.
    static let policyKeys: [OptionSchema] = [
        OptionSchema(
            policyKeysName, .stringMap, .secret,
            help: "The keys with which the application signs upload policies, by their ids: letters, digits, `-` and "
                + "`_`. Each has at least 32 bytes, and is best given as `file:PATH` or `env:NAME`. Several, so that one "
                + "can take another's place.")
    ]

    /// The key whose `file:` values are read at the start, not with the settings.
    static let policyKeysName = "authentication.policies.keys"
}

extension SettingsDecoder {
    func policies() -> Settings.Authentication.Policies? {
        guard let node = values[Settings.policyKeysName] else { return nil }
        if node.children.isEmpty {
            complain(node, "\(quoted(Settings.policyKeysName)) is empty; name a key, or leave it out")
        }
        let keys = node.children.compactMap(policyKey)
        return keys.isEmpty ? nil : Settings.Authentication.Policies(keys: keys)
    }

    private func policyKey(_ node: CheckedNode) -> Settings.Authentication.Policies.Key? {
        let id = node.key ?? ""
        let name = Settings.policyKeysName + "." + id
        let position = node.position ?? ConfigPosition(file: source.file)
        switch node.reference {
        case nil: return .init(id: id, secret: .value(Secret(node.text)))
        case .variable:
            let reader = ValueReader(source: source, problems: problems)
            return node.reference.flatMap { reader.follow($0, at: position, name: name) }.map {
                .init(id: id, secret: .value(Secret($0)))
            }
        case .file(let path):
            switch source.absolutePath(path) {
            case .success(let path): return .init(id: id, secret: .file(path: path))
            case .failure(let complaint):
                complain(node, "the file of \(quoted(name)) \(complaint.text)")
                return nil
            }
        }
    }
}
