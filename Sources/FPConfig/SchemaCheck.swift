import FPFormats

/// Checks one map of the file against a table of keys.
struct SchemaCheck {
    let schema: [OptionSchema]
    /// The full name of the map, empty for the root of the file.
    let scope: String
    let reader: ValueReader
    /// Keys of other programs, and the key with the same meaning here.
    var synonyms: [String: String] = [:]
    /// Keys whose values are handed back as they are: they have tables of their own.
    var trees: [String] = []
    /// Groups that may be given as one value or list, and the key of the group whose value that is.
    var shorthands: [String: String] = [:]
    /// Keys whose `file:` and `env:` values are kept as references.
    var unfollowed: Set<String> = []

    struct Given {
        var keyPosition: ConfigPosition
        var node: ConfigNode
    }

    struct Outcome {
        /// By dotted name. A key that is neither given nor has a default is absent.
        var values: [String: CheckedNode] = [:]
        var trees: [String: Given] = [:]
    }

    private var problems: ProblemLog { reader.problems }

    /// Complains about everything in the map that the table does not accept.
    func run(_ map: ConfigNode) -> Outcome {
        var given: [String: Given] = [:]
        // That it is no map is reported already; its missing keys would only add noise.
        let isMap = collect(map, prefix: "", into: &given)
        var outcome = Outcome()
        for tree in trees {
            outcome.trees[tree] = given[tree]
        }
        for option in schema {
            let name = fullName(option.key)
            if let found = given[option.key] {
                if option.flags.contains(.deprecated) {
                    problems.warning(at: found.keyPosition, "\(quoted(name)) is deprecated. \(option.help)")
                }
                let following = !unfollowed.contains(option.key)
                outcome.values[option.key] = reader.read(found.node, as: option, name: name, following: following)
            } else if option.flags.contains(.required), isMap {
                let summary = option.help.prefix { $0 != "." }
                let help = summary.isEmpty ? "" : "; it says: \(summary)"
                problems.error(at: map.position, "\(place("")) lacks the key \(quoted(option.key))\(help)")
            }
            if outcome.values[option.key] == nil {
                outcome.values[option.key] = reader.fallback(for: option, name: name, at: map.position)
            }
        }
        return outcome
    }

    /// Finds the keys of the table in nested maps, and complains about all others.
    ///
    /// - Returns: whether there is a map; nothing at all, as when every key is commented out, is one without keys.
    @discardableResult
    private func collect(_ map: ConfigNode, prefix: String, into given: inout [String: Given]) -> Bool {
        guard let members = map.members else {
            if case .null = map.content { return !map.isRefused }
            let names = children(of: prefix).joined(separator: ", ")
            problems.error(at: map.position, "\(place(prefix)) must be a map with keys (\(names)), not \(map.shape)")
            return false
        }
        for member in members {
            let key = prefix.isEmpty ? member.key : prefix + "." + member.key
            if isKey(key) {
                if let first = given[key] {
                    problems.error(
                        at: member.keyPosition,
                        "duplicate key \(quoted(fullName(key))): line \(first.keyPosition.line) has it already, "
                            + "keep one of them"
                    )
                } else {
                    given[key] = Given(keyPosition: member.keyPosition, node: member.value)
                }
            } else if isGroup(key) {
                if let whole = shorthands[key], member.value.isValue {
                    given[whole] = Given(keyPosition: member.keyPosition, node: member.value)
                } else if !member.value.isRefused {
                    collect(member.value, prefix: key, into: &given)
                }
            } else {
                problems.error(at: member.keyPosition, unknown(member.key, in: prefix))
            }
        }
        return true
    }

    private func isKey(_ key: String) -> Bool {
        trees.contains(key) || schema.contains { $0.key == key }
    }

    private func isGroup(_ key: String) -> Bool {
        schema.contains { $0.key.begins(with: key + ".") }
    }

    private func unknown(_ key: String, in prefix: String) -> String {
        let complaint =
            "unknown key \(quoted(key)) \(prefix.isEmpty && scope.isEmpty ? "at the top level" : "in \(place(prefix))")"
        let here = children(of: prefix)
        // A synonym is a better guess than a similar name, and a similar key better than a similar synonym.
        let known = synonyms[key].flatMap { here.contains($0) ? $0 : nil }
        let likeness = { NearestName.match(key, among: synonyms.filter { here.contains($0.value) }.keys.sorted()) }
        if let meant = known ?? NearestName.match(key, among: here) ?? likeness().flatMap({ synonyms[$0] }) {
            return "\(complaint); did you mean \(quoted(meant))?"
        }
        let elsewhere = schema.map(\.key).filter { $0.ends(with: "." + key) }
        if !elsewhere.isEmpty {
            return "\(complaint); did you mean \(alternatives(elsewhere.map { quoted(fullName($0)) }))?"
        }
        return here.isEmpty
            ? "\(complaint); no key is known here" : "\(complaint); known here: \(here.joined(separator: ", "))"
    }

    /// The names that may stand directly below a prefix, in the table's order.
    private func children(of prefix: String) -> [String] {
        let start = prefix.isEmpty ? "" : prefix + "."
        var names: [String] = []
        for key in schema.map(\.key) + trees where key.begins(with: start) {
            let name = String((key.without(prefix: start) ?? "").parts(at: ".")[0])
            if !names.contains(name) {
                names.append(name)
            }
        }
        return names
    }

    private func fullName(_ key: String) -> String {
        scope.isEmpty ? key : scope + "." + key
    }

    /// A map's name, as a part of a complaint.
    private func place(_ prefix: String) -> String {
        let name = [scope, prefix].filter { !$0.isEmpty }.joined(separator: ".")
        return name.isEmpty ? "the file" : quoted(name)
    }
}
