import FPFormats

extension ConfigSource {
    /// Checks the options of a store against its plugin's table of options.
    ///
    /// Fills defaults in, makes relative paths absolute and follows `file:` and `env:` references. An option whose name
    /// has dots may be written nested, with dots, or both in turn.
    ///
    /// - Parameters:
    ///   - options: the store's `options`, as ``Settings/Store/options`` has them.
    ///   - schema: the plugin's table.
    ///   - store: the store's name, for complaints.
    /// - Returns: the tree that the plugin is created with, or every complaint, each with its place in the file.
    public func validate(
        options: ConfigNode,
        against schema: [OptionSchema],
        store: String
    ) -> Result<CheckedOptions, ConfigErrors> {
        validate(options: options, against: schema, scope: "stores.\(store).options")
    }

    /// Checks options that are in no file against a plugin's table, as ``validate(options:against:store:)`` does.
    ///
    /// - Parameter scope: what complaints call the whole of them.
    public func validate(
        options: ConfigNode,
        against schema: [OptionSchema],
        scope: String
    ) -> Result<CheckedOptions, ConfigErrors> {
        let problems = ProblemLog()
        let check = SchemaCheck(
            schema: schema,
            scope: scope,
            reader: ValueReader(source: self, problems: problems)
        )
        let outcome = check.run(options)
        guard problems.isEmpty else { return .failure(problems.thrown) }
        var root = CheckedNode(type: .map, position: options.position, isGroup: true)
        for option in schema {
            if let value = outcome.values[option.key] {
                root.insert(value, at: option.key.parts(at: ".").map(String.init)[...])
            }
        }
        return .success(CheckedOptions(root: root, warnings: problems.warnings))
    }
}

extension CheckedNode {
    /// Inserts a value below the groups that its dotted name asks for, and makes those that are missing.
    fileprivate mutating func insert(_ value: CheckedNode, at path: ArraySlice<String>) {
        guard let name = path.first else { return }
        guard path.count > 1 else {
            var value = value
            value.key = name
            children.append(value)
            return
        }
        if !children.contains(where: { $0.key == name && $0.isGroup }) {
            children.append(CheckedNode(type: .map, key: name, isDefaulted: true, isGroup: true))
        }
        guard let index = children.firstIndex(where: { $0.key == name && $0.isGroup }) else { return }
        if !value.isDefaulted {
            // A group counts as given once one of its members is.
            children[index].isDefaulted = false
            children[index].position = children[index].position ?? value.position
        }
        children[index].insert(value, at: path.dropFirst())
    }
}
