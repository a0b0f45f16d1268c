import ArgumentParser
import FPConfig
import FPConformance
import Foundation

/// Where the options of a plugin under test come from: `-o`, or a store of a configuration file, or both, in which case
/// `-o` wins.
struct PluginOptionSource: ParsableArguments {
    @Option(
        name: [.customShort("o"), .customLong("option")],
        help: ArgumentHelp(
            "An option of the plugin, typed by its own table.", valueName: "key=value"))
    var assignments: [String] = []

    @Option(
        name: [.customShort("c"), .customLong("config")],
        help: ArgumentHelp(
            "A configuration file that has the options.", valueName: "file"))
    var file: String?

    @Option(help: "The store in it; may be left out if it has only one with this plugin.")
    var store: String?

    @Option(
        help: ArgumentHelp(
            "Options that lead to a back-end which is not there, for the cases about that.", valueName: "key=value"))
    var unreachable: [String] = []

    @Option(
        help: ArgumentHelp(
            "Options that lead to 127.0.0.1 and port {port}, where a peer of the kit's never answers.",
            valueName: "key=value"))
    var stalled: [String] = []

    func validate() throws {
        for assignment in assignments + unreachable + stalled where !assignment.contains("=") {
            throw ValidationError("\"\(assignment)\" is no option: write key=value.")
        }
        if store != nil, file == nil { throw ValidationError("--store needs --config.") }
    }

    /// Puts the options, checked and typed, into the plan.
    func fill(_ plan: inout Plan, for plugin: PluginDescription) throws {
        let schema = plugin.options.map { OptionSchema($0) }
        var options: OptionNode
        if let file {
            options = try stored(file, schema, plugin).merging(try typed(assignments, schema, isWhole: false, plugin))
        } else {
            options = try typed(assignments, schema, isWhole: true, plugin)
        }
        options.key = nil
        plan.options = options
        if !unreachable.isEmpty {
            plan.unreachable = options.merging(try typed(unreachable, schema, isWhole: false, plugin))
        }
        if !stalled.isEmpty {
            let texts = stalled.map { $0.replacingOccurrences(of: "{port}", with: Self.portMark) }
            plan.stalled = options.merging(try typed(texts, schema, isWhole: false, plugin))
        }
    }

    /// The options as they were given, secrets left out.
    func spelled(for plugin: PluginDescription) -> [String] {
        let secret = Set(plugin.options.filter { $0.flags & OptionSchema.Flags.secret.rawValue != 0 }.map(\.key))
        func words(_ name: String, _ assignments: [String]) -> [String] {
            assignments.map { assignment in
                let (key, value) = Self.split(assignment)
                let isReference = value.hasPrefix("file:") || value.hasPrefix("env:")
                return "\(name) " + quoted(secret.contains(key) && !isReference ? "\(key)=..." : assignment)
            }
        }
        return (file.map { ["--config \(quoted($0))"] } ?? []) + (store.map { ["--store \(quoted($0))"] } ?? [])
            + words("-o", assignments) + words("--unreachable", unreachable) + words("--stalled", stalled)
    }

    /// A number that stands for the port while options are checked, so that a numeric option takes it too.
    static let portMark = "\(Plan.portMark)"

    private func stored(_ file: String, _ schema: [OptionSchema], _ plugin: PluginDescription) throws -> OptionNode {
        var configuration = ConfigurationOption()
        configuration.file = file
        let settings = try configuration.load()
        let candidates = settings.stores.filter {
            store == nil ? $0.value.plugin.text.contains(plugin.name) : $0.key == store
        }
        guard let name = candidates.keys.first, candidates.count == 1 else {
            throw Refusal(
                .configuration,
                store.map { "\(file) has no store \"\($0)\"" }
                    ?? "\(file) has \(candidates.count) stores with \(plugin.name): name one with --store")
        }
        return try settings.options(ofStore: name, against: schema).map { OptionNode(try Self.checked($0)) }
            ?? OptionNode()
    }

    private func typed(
        _ assignments: [String], _ schema: [OptionSchema], isWhole: Bool, _ plugin: PluginDescription
    ) throws -> OptionNode {
        let rows = isWhole ? schema : schema.map(\.bare)
        let types = Dictionary(schema.map { ($0.key, $0.type) }, uniquingKeysWith: { first, _ in first })
        let members = assignments.map { assignment in
            let (key, value) = Self.split(assignment)
            let isTree = types[key] == .stringList || types[key] == .stringMap
            let isFlow = isTree && (value.hasPrefix("[") || value.hasPrefix("{"))
            return "\(Self.yaml(key)): " + (isFlow ? value : Self.yaml(value))
        }
        let text = "stores: {validate: {plugin: \(plugin.name), options: {\(members.joined(separator: ", "))}}}\n"
        do throws(ConfigErrors) {
            let settings = try Settings.load(
                yaml: text, file: "-o", directory: FileManager.default.currentDirectoryPath,
                environment: ProcessInfo.processInfo.environment)
            guard let result = settings.options(ofStore: "validate", against: rows) else { return OptionNode() }
            switch result {
            case .success(let checked): return OptionNode(checked)
            case .failure(let errors): throw errors
            }
        } catch {
            throw Refusal(.configuration, error.problems.map(\.message).joined(separator: "\n"))
        }
    }

    private static func checked(_ result: Result<CheckedOptions, ConfigErrors>) throws -> CheckedOptions {
        do throws(ConfigErrors) {
            return try result.get()
        } catch {
            throw Refusal(.configuration, error.description)
        }
    }

    private static func split(_ assignment: String) -> (key: String, value: String) {
        let equals = assignment.firstIndex(of: "=") ?? assignment.endIndex
        return (String(assignment[..<equals]), String(assignment[equals...].dropFirst()))
    }

    /// A text in YAML's double quotes, with nothing in it that the settings' reader would replace.
    private static func yaml(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"", "\\": "\\\(scalar)"
            case "$": "$$"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: String(scalar)
            }
        }
        return "\"" + escaped.joined() + "\""
    }
}

extension OptionSchema {
    fileprivate init(_ option: PluginDescription.Option) {
        self.init(
            key: option.key, type: ValueType(rawValue: option.type) ?? .string, flags: Flags(rawValue: option.flags),
            defaultText: option.defaultText,
            choices: option.choices?.split(separator: "|").map(String.init) ?? [], min: option.min, max: option.max,
            help: option.help)
    }

    /// The same, but may be left out.
    fileprivate var bare: OptionSchema {
        var copy = self
        copy.flags.remove(.required)
        copy.defaultText = nil
        return copy
    }
}

extension OptionNode {
    fileprivate init(_ options: CheckedOptions) { self.init(options.root) }

    private init(_ node: CheckedNode) {
        let kind: Kind =
            switch node.type {
            case .scalar: .scalar
            case .list: .list
            case .map: .map
            }
        self.init(
            kind: kind, key: node.key, text: node.text, i64: node.i64, f64: node.f64, isSecret: node.isSecret,
            isDefaulted: node.isDefaulted, line: node.line, children: node.children.map { OptionNode($0) })
    }
}
