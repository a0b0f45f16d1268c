import FPStorage
import Foundation
import Logging

/// The `-o key=value` of a command, as the options of a store.
struct PluginStoreOptions {
    private let root: PluginConfigNode

    /// - Throws: ``Refusal`` for what is not `key=value`.
    init(_ texts: [String]) throws {
        var root = PluginConfigNode.map([])
        for text in texts {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw Refusal(.configuration, "-o \(text): key=value is expected, such as -o location=/srv/files.")
            }
            let path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            root = Self.adding(String(text[text.index(after: equals)...]), at: path[...], to: root)
        }
        self.root = root
    }

    /// Opens a store of a plugin with these options.
    /// - Throws: ``Refusal`` with every complaint about them.
    func open(_ library: PluginLibrary, logger: Logger) throws -> Store {
        let (config, complaints) = root.completed(
            by: library.options, directory: FileManager.default.currentDirectoryPath)
        guard complaints.isEmpty else {
            throw Refusal(.configuration, complaints.map { "-o: \($0.message)" }.joined(separator: "\n"))
        }
        do throws(StoreError) {
            try Store.validate(name: library.name, library: library, config: config, logger: logger)
            return try Store.open(
                name: library.name, library: library, config: config, settings: StoreSettings(), logger: logger)
        } catch {
            throw Refusal(.configuration, "plugin \(library.path): \(error.message)")
        }
    }

    private static func adding(
        _ text: String, at path: ArraySlice<String>, to node: PluginConfigNode
    ) -> PluginConfigNode {
        guard let name = path.first else { return .scalar(text, key: node.key) }
        var members = node.children
        let place = members.firstIndex { $0.key == name } ?? members.endIndex
        if place == members.endIndex { members.append(.map([], key: name)) }
        members[place] = adding(text, at: path.dropFirst(), to: members[place])
        return .map(members, key: node.key)
    }
}
