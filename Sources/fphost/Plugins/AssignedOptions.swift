import FPConfig
import FPFormats
import Foundation

/// The `key=value` arguments of a command as the options of a store. They are read as those of a configuration file are,
/// so that no command takes what the server refuses: secrets may be `file:PATH` and `env:NAME`, since a command's
/// arguments are seen by everybody.
struct AssignedOptions {
    private let assignments: [(key: String, value: String)]

    /// - Throws: ``Refusal`` for what is not `key=value`.
    init(_ texts: [String]) throws {
        assignments = try texts.map { text in
            guard let (key, value) = text.cut(at: "="), !key.isEmpty else {
                throw Refusal(.configuration, "-o \(text): key=value is expected, such as -o location=/srv/files.")
            }
            return (String(key), String(value))
        }
    }

    /// The options as the plugin's table has them, its defaults filled in.
    /// - Parameter isWhole: Whether these are all options; otherwise neither are defaults filled in nor is anything
    ///   required.
    /// - Throws: ``ConfigErrors`` with every complaint.
    func checked(against schema: [OptionSchema], isWhole: Bool = true) throws(ConfigErrors) -> CheckedOptions {
        let name = "options"
        let settings = try Settings.load(
            yaml: "stores: {\(name): {plugin: X, options: \(yaml(for: schema))}}\n", file: "-o",
            directory: FileManager.default.currentDirectoryPath, environment: ProcessInfo.processInfo.environment)
        guard let store = settings.stores[name] else { throw ConfigErrors([]) }
        return try settings.source.validate(
            options: store.options, against: isWhole ? schema : schema.map(\.bare), scope: name
        ).get()
    }

    /// A mapping in YAML's flow style. What is assigned to `labels.x` is a member of the map `labels`.
    private func yaml(for schema: [OptionSchema]) -> String {
        let types = Dictionary(schema.map { ($0.key, $0.type) }, uniquingKeysWith: { first, _ in first })
        var members: [String] = []
        var maps: [(key: String, members: [String])] = []
        for (key, value) in assignments {
            if let map = schema.first(where: { $0.type == .stringMap && key.begins(with: $0.key + ".") }) {
                let member = Self.member(String(key.without(prefix: map.key + ".") ?? ""), Self.quoted(value))
                if let place = maps.firstIndex(where: { $0.key.isSame(as: map.key) }) {
                    maps[place].members.append(member)
                } else {
                    maps.append((map.key, [member]))
                }
                continue
            }
            let isTree = types[key] == .stringList || types[key] == .stringMap
            let isFlow = isTree && (value.begins(with: "[") || value.begins(with: "{"))
            members.append(Self.member(key, isFlow ? value : Self.quoted(value)))
        }
        members += maps.map { Self.member($0.key, "{\($0.members.joined(separator: ", "))}") }
        return "{\(members.joined(separator: ", "))}"
    }

    private static func member(_ key: String, _ value: String) -> String { "\(quoted(key)): \(value)" }

    /// A text in YAML's double quotes, with nothing in it that the settings' reader would replace.
    private static func quoted(_ text: String) -> String {
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
    /// The same, but may be left out.
    fileprivate var bare: OptionSchema {
        var copy = self
        copy.flags.remove(.required)
        copy.defaultText = nil
        return copy
    }
}
