import FPFormats

/// Turns the tree of a settings file into ``Settings``. Every complaint goes into the log; what is wrong is replaced by
/// its default, so that the rest can be judged as well.
struct SettingsDecoder {
    let source: ConfigSource
    let problems: ProblemLog
    let values: DecodedValues
    private let storesGiven: SchemaCheck.Given?
    private let root: ConfigNode

    static func decode(_ root: ConfigNode, source: ConfigSource, problems: ProblemLog) -> Settings {
        SettingsDecoder(root, source: source, problems: problems).settings()
    }

    private init(_ root: ConfigNode, source: ConfigSource, problems: ProblemLog) {
        self.root = root
        self.source = source
        self.problems = problems
        let check = SchemaCheck(
            schema: Settings.hostKeys,
            scope: "",
            reader: ValueReader(source: source, problems: problems),
            synonyms: Settings.synonyms,
            trees: ["stores"],
            shorthands: ["permissions": "permissions.default"],
            unfollowed: ["api.tokens", Settings.policyKeysName]
        )
        let outcome = check.run(root)
        values = DecodedValues(outcome.values)
        storesGiven = outcome.trees["stores"]
    }

    private func settings() -> Settings {
        let stores = StoresDecoder(decoder: self).decode(storesGiven, root: root)
        let roles = StoreRoles(
            decoder: self, names: stores.map(\.store.name), at: storesGiven?.keyPosition ?? root.position)
        let server = server()
        let uploads = uploads(staging: roles.staging)
        let catalog = catalog()
        let api = Settings.API(tokens: tokens())
        let authentication = authentication()
        let permissions = permissions()
        let fetch = fetch(uploads)
        let events = events()
        let log = Settings.Log(level: values.choice("log.level"), format: values.choice("log.format"))
        let plugins = Settings.Plugins(directory: location("plugins.directory"))
        var shown = EffectiveList(values: values)
        shown.replace("server.listen", server.listen.map(\.description))
        shown.replace("server.base_path", server.basePath)
        shown.replace("storages_backend", roles.backend)
        shown.replace("uploads.staging", uploads.staging)
        shown.replace("catalog", catalog?.description ?? "")
        shown.replace("api.tokens", api.tokens.map(\.description))
        shown.replace("fetch.max_size", Quantity.size.text(fetch.maxSize))
        return Settings(
            server: server,
            plugins: plugins,
            storagesBackend: roles.backend,
            stores: Dictionary(uniqueKeysWithValues: stores.map { ($0.store.name, $0.store) }),
            uploads: uploads,
            catalog: catalog,
            api: api,
            authentication: authentication,
            permissions: permissions,
            fetch: fetch,
            events: events,
            log: log,
            source: source,
            warnings: problems.warnings,
            effective: shown.list(stores: stores)
        )
    }

    /// What a parser makes of each item of a list; a complaint about those that it refuses.
    func parsed<Value>(_ key: String, _ parse: (String) -> Result<Value, Complaint>) -> [Value] {
        values.items(key).compactMap { parsed($0, in: key, parse) }
    }

    /// What a parser makes of a text, or nil after a complaint.
    func parsed<Value>(
        _ node: CheckedNode,
        in key: String,
        _ parse: (String) -> Result<Value, Complaint>
    ) -> Value? {
        switch parse(node.text) {
        case .success(let value): return value
        case .failure(let complaint):
            complain(node, "\(quoted(node.text)) in \(quoted(key)) \(complaint.text)")
            return nil
        }
    }

    /// A directory that exists, or `auto`.
    func location(_ key: String) -> Settings.Location {
        guard let node = values[key], node.text != "auto" else { return .automatic }
        switch source.absolutePath(node.text) {
        case .failure(let complaint):
            complain(node, "\(quoted(key)) \(complaint.text)")
        case .success(let path):
            if FileAccess.kind(of: path) == .directory { return .path(path) }
            complain(node, "\(quoted(key)) names \(path), which is not a directory; create it, or write auto")
        }
        return .automatic
    }

    /// Whether the file gives a value for a key of the top level that was refused, so that a default stands in for it.
    func isReplaced(_ key: String) -> Bool {
        guard values[key]?.isDefaulted == true, let member = root.members?.first(where: { $0.key == key }) else {
            return false
        }
        if case .null = member.value.content { return member.value.isRefused }
        return true
    }

    /// A value that must not exceed another: a larger value of the file is refused, a larger default is lowered.
    func capped(_ key: String, by other: String, _ spell: (Int64) -> String) -> Int64 {
        guard let node = values[key], let limit = values[other] else { return 0 }
        if node.i64 > limit.i64, !node.isDefaulted {
            complain(
                node,
                "\(quoted(key)) is \(spell(node.i64)), more than \(quoted(other)) allows (\(spell(limit.i64))); "
                    + "make it smaller, or the other larger"
            )
        }
        return min(node.i64, limit.i64)
    }

    func complain(_ node: CheckedNode, _ message: @autoclosure () -> String) {
        problems.error(at: node.position ?? root.position, message())
    }
}

/// The accepted values by key, as the types that the settings want.
struct DecodedValues {
    private let nodes: [String: CheckedNode]

    init(_ nodes: [String: CheckedNode]) {
        self.nodes = nodes
    }

    subscript(key: String) -> CheckedNode? { nodes[key] }

    func bool(_ key: String) -> Bool { nodes[key]?.i64 == 1 }
    func int(_ key: String) -> Int { Int(nodes[key]?.i64 ?? 0) }
    func size(_ key: String) -> Int64 { nodes[key]?.i64 ?? 0 }
    func duration(_ key: String) -> Duration { .milliseconds(nodes[key]?.i64 ?? 0) }
    func text(_ key: String) -> String { nodes[key]?.text ?? "" }
    func items(_ key: String) -> [CheckedNode] { nodes[key]?.children ?? [] }

    /// The case that the table's default names must exist: the table takes its choices from the type.
    func choice<Choice: CaseIterable & RawRepresentable>(_ key: String) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: text(key)) else {
            preconditionFailure("the table of \(key) and its type disagree")
        }
        return choice
    }
}
