import FPFormats

/// Reads single values of the file as the types that tables of keys name, and complains about those that are not.
struct ValueReader {
    /// A value of the file as text.
    struct Text {
        var value: String
        var isSecret = false
        /// The reference, if it was not followed.
        var reference: SecretReference?
    }

    let source: ConfigSource
    let problems: ProblemLog

    /// The value of a key, or nil after a complaint.
    ///
    /// - Parameters:
    ///   - name: the key's full name, for complaints.
    ///   - following: whether `file:` and `env:` references are followed or kept for later.
    func read(_ node: ConfigNode, as option: OptionSchema, name: String, following: Bool = true) -> CheckedNode? {
        guard !node.isRefused else { return nil }
        switch (option.type, node.content) {
        case (_, .null):
            problems.error(
                at: node.position,
                "\(quoted(name)) has no value; it must be \(option.expectation), or leave the key out"
            )
            return nil
        case (.stringList, .list(let items)):
            let children = items.compactMap { text($0, of: option, name: name, following: following) }
            return group(.list, children, of: option, at: node, complete: children.count == items.count)
        case (.stringList, .scalar):
            guard let child = text(node, of: option, name: name, following: following) else { return nil }
            return group(.list, [child], of: option, at: node, complete: true)
        case (.stringMap, .map(let members)):
            let children = members.compactMap { member -> CheckedNode? in
                var child = text(member.value, of: option, name: name + "." + member.key, following: following)
                child?.key = member.key
                return child
            }
            return group(.map, children, of: option, at: node, complete: children.count == members.count)
        case (_, .scalar(let scalar)) where option.type != .stringMap:
            guard let text = resolve(scalar, of: option, at: node.position, name: name, following: following) else {
                return nil
            }
            return convert(text, as: option, subject: quoted(name), at: node.position)
        default:
            problems.error(at: node.position, "\(quoted(name)) must be \(option.expectation), not \(node.shape)")
            return nil
        }
    }

    /// The default of a key, or nil if it has none.
    func fallback(for option: OptionSchema, name: String, at position: ConfigPosition) -> CheckedNode? {
        guard let text = option.defaultText else { return nil }
        var node: CheckedNode?
        switch option.type {
        case .stringList:
            node = CheckedNode(type: .list)
            node?.children = OptionSchema.items(of: text).map {
                CheckedNode(type: .scalar, text: $0, isSecret: option.isSecret)
            }
        case .stringMap:
            node = CheckedNode(type: .map)
            node?.children = OptionSchema.members(of: text).map {
                CheckedNode(type: .scalar, key: $0.name, text: $0.value, isSecret: option.isSecret)
            }
        default:
            node = convert(Text(value: text), as: option, subject: "the default of \(quoted(name))", at: position)
        }
        guard var node else { return nil }
        node.isSecret = option.isSecret
        node.markDefaulted()
        return node
    }

    private func group(
        _ type: CheckedNode.Kind,
        _ children: [CheckedNode],
        of option: OptionSchema,
        at node: ConfigNode,
        complete: Bool
    ) -> CheckedNode? {
        guard complete else { return nil }
        return CheckedNode(type: type, isSecret: option.isSecret, position: node.position, children: children)
    }

    /// An item of a list or a member of a map of texts.
    private func text(_ node: ConfigNode, of option: OptionSchema, name: String, following: Bool) -> CheckedNode? {
        guard !node.isRefused else { return nil }
        guard case .scalar(let scalar) = node.content else {
            problems.error(at: node.position, "each value in \(quoted(name)) must be a text, not \(node.shape)")
            return nil
        }
        return resolve(scalar, of: option, at: node.position, name: name, following: following).map {
            CheckedNode(
                type: .scalar,
                text: $0.value,
                isSecret: $0.isSecret,
                position: node.position,
                reference: $0.reference
            )
        }
    }

    /// Follows a reference where one is allowed: in secrets and in options that take any text. In a URL, `file:` is the
    /// scheme.
    func resolve(
        _ scalar: ConfigNode.Scalar,
        of option: OptionSchema,
        at position: ConfigPosition,
        name: String,
        following: Bool = true
    ) -> Text? {
        if option.type == .path, scalar.reference != nil {
            problems.error(
                at: position,
                "\(quoted(name)) is a path, not what a file or a variable holds; write the path alone, or ${NAME}"
            )
            return nil
        }
        guard let reference = scalar.reference, option.isSecret || option.isText else {
            return Text(value: scalar.text, isSecret: option.isSecret)
        }
        guard following else { return Text(value: scalar.text, isSecret: option.isSecret, reference: reference) }
        return follow(reference, at: position, name: name).map { Text(value: $0, isSecret: true) }
    }

    /// The secret that a reference names, or nil after a complaint.
    func follow(_ reference: SecretReference, at position: ConfigPosition, name: String) -> String? {
        switch reference {
        case .variable(let variable):
            if let value = source.environment[variable], !value.isEmpty { return value }
            problems.error(
                at: position,
                "\(quoted(name)) takes its value from the environment variable \(quoted(variable)), "
                    + "which is not set; set it"
            )
        case .file(let path):
            switch source.absolutePath(path) {
            case .failure(let complaint):
                problems.error(at: position, "the file of \(quoted(name)) \(complaint.text)")
            case .success(let path):
                do throws(SecretFile.Failure) {
                    let secret = try SecretFile.read(path)
                    if let exposure = SecretFile.exposure(of: path) {
                        problems.warning(at: position, exposure)
                    }
                    return secret.value
                } catch {
                    problems.error(at: position, "\(quoted(name)): \(error)")
                }
            }
        }
        return nil
    }
}
