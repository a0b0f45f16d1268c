import ArgumentParser
import FPConfig
import FPConformance
import FPContractDriver
import FPFormats
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
            options = try stored(file, schema, plugin).merging(try typed(assignments, schema, isWhole: false))
        } else {
            options = try typed(assignments, schema, isWhole: true)
        }
        options.key = nil
        plan.options = options
        if !unreachable.isEmpty {
            plan.unreachable = options.merging(try typed(unreachable, schema, isWhole: false))
        }
        if !stalled.isEmpty {
            let texts = stalled.map { $0.replacingOccurrences(of: "{port}", with: Self.portMark) }
            plan.stalled = options.merging(try typed(texts, schema, isWhole: false))
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

    /// A placeholder for the port while options are checked. It is a number, so that a numeric option accepts it.
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

    private func typed(_ assignments: [String], _ schema: [OptionSchema], isWhole: Bool) throws -> OptionNode {
        let options = try AssignedOptions(assignments)
        do throws(ConfigErrors) {
            return OptionNode(try options.checked(against: schema, isWhole: isWhole))
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
}

extension OptionSchema {
    fileprivate init(_ option: PluginDescription.Option) {
        self.init(
            option.key, ValueType(number: option.type), Flags(rawValue: option.flags), default: option.defaultText,
            choices: option.choices.map(Self.choices) ?? [], min: option.min, max: option.max, help: option.help)
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
