import FPFormats

/// Decodes `stores`, a map whose keys the operator chooses.
struct StoresDecoder {
    struct Decoded {
        var store: Settings.Store
        var values: DecodedValues
    }

    let decoder: SettingsDecoder

    private var problems: ProblemLog { decoder.problems }

    /// The stores in the order of the file.
    func decode(_ given: SchemaCheck.Given?, root: ConfigNode) -> [Decoded] {
        let advice = "name at least one, such as \"media\" with \"plugin: LocalStore\""
        guard let given else {
            // A root that is no map has its own complaint.
            if root.members != nil {
                problems.error(at: root.position, "the file lacks the key \"stores\"; \(advice)")
            }
            return []
        }
        guard !given.node.isRefused else { return [] }
        switch given.node.content {
        case .map(let members) where !members.isEmpty:
            return members.compactMap(store)
        case .map, .null:
            problems.error(at: given.keyPosition, "\"stores\" is empty; \(advice)")
        case .scalar, .list:
            problems.error(
                at: given.node.position, "\"stores\" must be a map of stores, not \(given.node.shape); \(advice)")
        }
        return []
    }

    private func store(_ member: ConfigNode.Member) -> Decoded? {
        let name = member.key
        if !Self.isName(name) {
            problems.error(
                at: member.keyPosition,
                "\(quoted(name)) cannot be the name of a store; use up to 63 lower-case letters, digits, _ and -, "
                    + "beginning with a letter"
            )
        }
        guard !member.value.isRefused else { return nil }
        var map = member.value
        if case .null = map.content {
            // Missing keys are reported at the store's name: an empty value has its position after the colon.
            map.position = member.keyPosition
        }
        let check = SchemaCheck(
            schema: Settings.storeKeys,
            scope: "stores.\(name)",
            reader: ValueReader(source: decoder.source, problems: problems),
            synonyms: Settings.synonyms,
            trees: ["options"]
        )
        let outcome = check.run(map)
        let values = DecodedValues(outcome.values)
        let store = Settings.Store(
            name: name,
            position: member.keyPosition,
            plugin: values["plugin"].flatMap { plugin($0, store: name) } ?? .name(""),
            options: options(outcome.trees["options"], store: name, at: member.keyPosition),
            sha256: values["sha256"].flatMap { digest($0, store: name) },
            threads: values["threads"].map { Int($0.i64) },
            queue: values["queue"].map { Int($0.i64) },
            deadline: values.duration("deadline"),
            longDeadline: longDeadline(values, store: name),
            downloads: values.choice("downloads")
        )
        return Decoded(store: store, values: values)
    }

    /// At least `deadline`: a smaller value of the file is refused, a smaller default is raised.
    private func longDeadline(_ values: DecodedValues, store: String) -> Duration {
        let deadline = values.duration("deadline")
        let long = values.duration("long_deadline")
        if let node = values["long_deadline"], let other = values["deadline"], long < deadline, !node.isDefaulted {
            decoder.complain(
                node,
                "\"stores.\(store).long_deadline\" is \(Quantity.duration.text(node.i64)), less than "
                    + "\"stores.\(store).deadline\" (\(Quantity.duration.text(other.i64))); make it larger, or the other smaller"
            )
        }
        return max(long, deadline)
    }

    private func options(_ given: SchemaCheck.Given?, store: String, at position: ConfigPosition) -> ConfigNode {
        guard let given else { return ConfigNode(content: .map([]), position: position) }
        switch given.node.content {
        case .map: return given.node
        case .null: break
        case .scalar, .list:
            problems.error(
                at: given.node.position,
                "\"stores.\(store).options\" must be a map of options, not \(given.node.shape)"
            )
        }
        return ConfigNode(content: .map([]), position: given.keyPosition)
    }

    private func plugin(_ node: CheckedNode, store: String) -> Settings.PluginReference? {
        let key = quoted("stores.\(store).plugin")
        guard node.text.has("/") else {
            if PluginName.isValid(node.text) { return .name(node.text) }
            decoder.complain(
                node,
                "\(key) must be a plugin's name, such as LocalStore, or the absolute path of a library, "
                    + "not \(quoted(node.text))"
            )
            return nil
        }
        switch decoder.source.absolutePath(node.text) {
        case .failure(let complaint):
            decoder.complain(node, "\(key) \(complaint.text)")
        case .success(let path):
            // A relative path would load other code once the settings file is moved.
            if !node.text.begins(with: "/"), !node.text.begins(with: "~/") {
                decoder.complain(node, "\(key) must be absolute if it is a path; did you mean \(quoted(path))?")
            } else if FileAccess.kind(of: path) == .file {
                return .path(path)
            } else {
                decoder.complain(node, "\(key) names \(path), which is not a file; correct the path")
            }
        }
        return nil
    }

    private func digest(_ node: CheckedNode, store: String) -> String? {
        let text = node.text.asciiLowercased()
        let digits = "0123456789abcdef".utf8
        guard text.utf8.count == 64, text.utf8.allSatisfy({ digits.contains($0) }) else {
            decoder.complain(
                node,
                "\"stores.\(store).sha256\" must be 64 hexadecimal digits, as sha256sum prints them, not \(quoted(node.text))"
            )
            return nil
        }
        return text
    }

    private static func isName(_ text: String) -> Bool {
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        guard let first = text.utf8.first, letters.contains(first), text.utf8.count <= 63 else { return false }
        return text.utf8.allSatisfy { letters.contains($0) || $0.isASCIIDigit || "_-".utf8.contains($0) }
    }
}
