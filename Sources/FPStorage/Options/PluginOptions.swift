/// Something in a store's options that does not fit the plugin's option table.
public struct PluginOptionError: Error, Sendable, Equatable {
    /// The dotted path of the option, empty for the whole.
    public var key: String
    /// The 1-based line in the configuration file, 0 if none.
    public var line: Int
    /// One sentence that says what is wrong and what would be right.
    public var message: String
}

extension PluginConfigNode {
    /// Checks a store's options against a plugin's table and completes them: scalars get their numbers, secrets their
    /// flag, relative paths become absolute, missing options their default.
    /// - Parameters:
    ///   - options: the plugin's table.
    ///   - directory: the absolute directory that relative paths are meant from.
    /// - Returns: the complete tree, and every complaint there is; the tree is of use only if there is none.
    public func completed(
        by options: [PluginOption], directory: String
    ) -> (tree: PluginConfigNode, complaints: [PluginOptionError]) {
        var completion = OptionCompletion(options: options, directory: directory)
        let tree = completion.complete(self)
        return (tree, completion.complaints)
    }
}

private struct OptionCompletion {
    let options: [PluginOption]
    let directory: String
    var complaints: [PluginOptionError] = []

    mutating func complete(_ root: PluginConfigNode) -> PluginConfigNode {
        switch root.kind {
        case .null: return .map(missing(from: [], under: "", root: root), line: root.line)
        case .map(let members):
            var tree = root
            tree.kind = .map(completeMembers(members, under: "", root: root))
            return tree
        case .scalar, .list:
            complain("", root.line, "options must be a mapping of option names to values")
            return root
        }
    }

    private mutating func completeMembers(
        _ members: [PluginConfigNode], under prefix: String, root: PluginConfigNode
    ) -> [PluginConfigNode] {
        var seen: Set<String> = []
        var completed: [PluginConfigNode] = []
        for member in members {
            let path = prefix + (member.key ?? "")
            if !seen.insert(path).inserted { complain(path, member.line, "\"\(path)\" is there twice") }
            completed.append(completeMember(member, path: path, root: root))
        }
        return completed + missing(from: members, under: prefix, root: root)
    }

    private mutating func completeMember(
        _ member: PluginConfigNode, path: String, root: PluginConfigNode
    ) -> PluginConfigNode {
        var node = member
        if let option = options.first(where: { $0.key == path }) {
            node.isSecret = member.isSecret || option.isSecret
            if let kind = convert(member, to: option, path: path) { node.kind = kind }
            if case .null = node.kind, option.isRequired {
                complain(path, member.line, "option \"\(path)\" must have a value")
            }
        } else if options.contains(where: { $0.key.hasPrefix(path + ".") }) {
            switch member.kind {
            case .map(let members):
                node.kind = .map(completeMembers(members, under: path + ".", root: root))
            case .null:
                node.kind = .map(missing(from: [], under: path + ".", root: root))
            case .scalar, .list:
                complain(path, member.line, "\"\(path)\" must be a mapping of options")
            }
        } else {
            let near = Nearest.name(to: path, among: options.map(\.key)).map { "; did you mean \"\($0)\"?" } ?? ""
            complain(path, member.line, "the plugin has no option \"\(path)\"\(near)")
        }
        return node
    }

    private mutating func convert(
        _ node: PluginConfigNode, to option: PluginOption, path: String
    ) -> PluginConfigNode.Kind? {
        switch (option.type, node.kind) {
        case (_, .null): return nil
        case (.stringList, .list(let items)):
            if !items.allSatisfy({ $0.text != nil }) { complain(path, node.line, "\"\(path)\" must list plain values") }
            return nil
        case (.stringMap, .map(let members)):
            if !members.allSatisfy({ $0.text != nil }) { complain(path, node.line, "\"\(path)\" must map to values") }
            return nil
        case (.stringList, .scalar(let text, _, _)):
            return .list([.scalar(text, line: node.line)])
        case (.stringMap, _):
            complain(path, node.line, "\"\(path)\" must be a mapping")
            return nil
        case (_, .scalar(let text, _, _)):
            switch option.value(of: text) {
            case .success(let value):
                let text = option.type == .path ? absolute(value.text) : value.text
                return .scalar(text: text, i64: value.i64, f64: value.f64)
            case .failure(let complaint):
                complain(path, node.line, "\"\(path)\" \(complaint.message)")
                return nil
            }
        case (.unknown, _): return nil
        case (_, .list), (_, .map):
            complain(path, node.line, "\"\(path)\" must be a single value")
            return nil
        }
    }

    /// The defaults, and complaints about required options, for what lies under `prefix` and is not among `members`.
    private mutating func missing(
        from members: [PluginConfigNode], under prefix: String, root: PluginConfigNode
    ) -> [PluginConfigNode] {
        var added: [PluginConfigNode] = []
        var groups: Set<String> = []
        let present = Set(members.compactMap(\.key))
        for option in options where option.key.hasPrefix(prefix) {
            let rest = option.key.dropFirst(prefix.count)
            let name = String(rest.prefix { $0 != "." })
            if present.contains(name) { continue }
            if name.count < rest.count {
                if groups.insert(name).inserted {
                    let inner = missing(from: [], under: prefix + name + ".", root: root)
                    if !inner.isEmpty { added.append(.map(inner, key: name, line: root.line)) }
                }
            } else if let node = defaultNode(for: option, named: name) {
                added.append(node)
            } else if option.isRequired {
                let article = option.help.isEmpty ? "" : ": \(option.summary)"
                complain(option.key, root.line, "option \"\(option.key)\" is required\(article)")
            }
        }
        return added
    }

    private func defaultNode(for option: PluginOption, named name: String) -> PluginConfigNode? {
        guard let text = option.defaultText else { return nil }
        let kind: PluginConfigNode.Kind
        switch option.type {
        case .stringList:
            kind = .list(text.split(separator: ",").map { .scalar(String($0)) })
        case .stringMap:
            kind = .map([])
        default:
            guard case .success(let value) = option.value(of: text) else { return nil }
            let text = option.type == .path ? absolute(value.text) : value.text
            kind = .scalar(text: text, i64: value.i64, f64: value.f64)
        }
        return PluginConfigNode(key: name, kind: kind, isSecret: option.isSecret, isDefaulted: true)
    }

    private func absolute(_ path: String) -> String {
        if path.hasPrefix("/") || path.isEmpty { return path }
        let trimmed = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
        return directory.hasSuffix("/") ? directory + trimmed : directory + "/" + trimmed
    }

    private mutating func complain(_ key: String, _ line: Int, _ message: String) {
        complaints.append(PluginOptionError(key: key, line: line, message: message))
    }
}

extension PluginOption {
    /// The first sentence of the help, without its full stop.
    var summary: String {
        let end = help.firstRange(of: ". ")?.lowerBound ?? help.endIndex
        let sentence = help[..<end]
        return String(sentence.hasSuffix(".") ? sentence.dropLast() : sentence)
    }
}
