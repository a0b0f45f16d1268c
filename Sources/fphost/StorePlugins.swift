import FPConfig
import FPStorage
import Logging

/// The plugins that the configured stores name, loaded, with each store's options checked against its plugin's table.
struct StorePlugins {
    /// A store that is ready to be opened.
    struct Prepared {
        let settings: Settings.Store
        let library: PluginLibrary
        let options: PluginConfigNode
    }

    /// The stores by name.
    let byStore: [String: Prepared]
    /// The stores whose plugins are not called, each with the reason.
    let held: [String: String]

    /// Loads what the settings name and nothing else.
    /// - Parameter problems: takes all complaints, each with its place in the file.
    static func load(
        _ settings: Settings, crashes: CrashHistory?, logger: Logger, problems: inout [ConfigProblem]
    ) throws -> StorePlugins {
        var held: [String: String] = [:]
        for name in settings.stores.keys { held[name] = crashes?.reason(toHold: name) }
        let directory =
            switch settings.plugins.directory {
            case .automatic: PluginDirectory(explicit: nil)
            case .path(let path): PluginDirectory(explicit: path)
            }
        var byStore: [String: Prepared] = [:]
        let failures = try PluginTrial.failures(of: trialPaths(settings, from: directory, except: held))
        for (name, store) in settings.stores.sorted(by: { $0.value.position < $1.value.position }) {
            // That a store has no plugin is reported already.
            if store.plugin.text.isEmpty || held[name] != nil { continue }
            let library: PluginLibrary
            do throws(PluginLoadError) {
                library = try load(store, from: directory, except: failures, logger: logger)
            } catch {
                problems.append(ConfigProblem(at: settings.position(of: "stores.\(name).plugin"), "\(error)"))
                continue
            }
            switch settings.options(ofStore: name, against: library.options) {
            case .success(let checked):
                for warning in checked.warnings { printError("\(warning)") }
                byStore[name] = Prepared(
                    settings: store, library: library, options: PluginConfigNode(checked.root))
            case .failure(let errors): problems += errors.problems
            case nil: continue
            }
        }
        return StorePlugins(byStore: byStore, held: held)
    }

    /// The files that pass all checks which run none of their code, each once.
    private static func trialPaths(
        _ settings: Settings, from directory: PluginDirectory, except held: [String: String]
    ) -> [String] {
        var paths: Set<String> = []
        for (name, store) in settings.stores where held[name] == nil {
            guard let location = try? directory.locate(PluginReference(store.plugin.text)),
                (try? PluginLibrary.examine(path: location.path, sha256: store.sha256)) != nil
            else { continue }
            paths.insert(location.path)
        }
        return paths.sorted()
    }

    private static func load(
        _ store: Settings.Store, from directory: PluginDirectory, except failures: [String: PluginLoadError],
        logger: Logger
    ) throws(PluginLoadError) -> PluginLibrary {
        let location = try directory.locate(PluginReference(store.plugin.text))
        if let failure = failures[location.path] { throw failure }
        return try PluginLibrary.load(
            path: location.path, expectedName: location.name, sha256: store.sha256,
            host: PluginHostInfo(version: Version.current), logger: logger)
    }

    /// Lets each plugin check the rules between its options, without any side effect.
    func validate(_ settings: Settings, logger: Logger, problems: inout [ConfigProblem]) {
        _ = collecting(&problems) { name, prepared throws(StoreError) in
            try Store.validate(name: name, library: prepared.library, config: prepared.options, logger: logger)
        }
    }

    /// Opens every store.
    func open(_ settings: Settings, logger: Logger) throws -> [Store] {
        var problems: [ConfigProblem] = []
        let stores = collecting(&problems) { name, prepared throws(StoreError) in
            try Store.open(
                name: name, library: prepared.library, config: prepared.options,
                settings: StoreSettings(
                    threads: prepared.settings.threads, queue: prepared.settings.queue,
                    deadline: prepared.settings.deadline, longDeadline: prepared.settings.longDeadline), logger: logger)
        }
        guard problems.isEmpty else { throw Refusal(.configuration, ConfigErrors(problems).description) }
        return stores
            + held.map { name, reason in
                let plugin = settings.stores[name]?.plugin.text ?? ""
                return Store.held(
                    name: name, plugin: plugin, path: plugin, reason: reason,
                    host: PluginHostInfo(version: Version.current), logger: logger)
            }
    }

    private func collecting<Value>(
        _ problems: inout [ConfigProblem], _ body: (String, Prepared) throws(StoreError) -> Value
    ) -> [Value] {
        var values: [Value] = []
        for (name, prepared) in byStore.sorted(by: { $0.key < $1.key }) {
            do throws(StoreError) {
                values.append(try body(name, prepared))
            } catch {
                problems.append(ConfigProblem(at: prepared.settings.position, "store \"\(name)\": \(error.message)"))
            }
        }
        return values
    }
}

extension Settings.PluginReference {
    var text: String {
        switch self {
        case .name(let name): name
        case .path(let path): path
        }
    }
}

extension PluginConfigNode {
    /// A checked option in the terms of the contract with plugins.
    init(_ node: CheckedNode) {
        let children = node.children.map { PluginConfigNode($0) }
        let kind: Kind =
            switch node.type {
            case .scalar: .scalar(text: node.text, i64: node.i64, f64: node.f64)
            case .list: .list(children)
            case .map: .map(children)
            }
        self.init(
            key: node.key, kind: kind, line: node.line, isSecret: node.isSecret, isDefaulted: node.isDefaulted)
    }
}
