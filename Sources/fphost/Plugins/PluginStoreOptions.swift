import FPConfig
import FPStorage
import Foundation
import Logging

/// The `-o key=value` of a command, as the options of a store. Secrets may be `file:PATH` and `env:NAME`, as in the
/// configuration, for a command's arguments are seen by everybody.
struct PluginStoreOptions {
    private let texts: [(path: [String], value: String)]

    /// - Throws: ``Refusal`` for what is not `key=value`.
    init(_ texts: [String]) throws {
        var pairs: [(path: [String], value: String)] = []
        for text in texts {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                throw Refusal(.configuration, "-o \(text): key=value is expected, such as -o location=/srv/files.")
            }
            let path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            pairs.append((path, String(text[text.index(after: equals)...])))
        }
        self.texts = pairs
    }

    /// Opens a store of a plugin with these options.
    /// - Throws: ``Refusal`` with every complaint about them.
    func open(_ library: PluginLibrary, logger: Logger) throws -> Store {
        var root = PluginConfigNode.map([])
        for (path, value) in texts {
            let isSecret = library.options.contains { $0.isSecret && $0.key == path.joined(separator: ".") }
            root = Self.adding(isSecret ? try Self.secret(value) : value, at: path[...], to: root)
        }
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

    private static func secret(_ text: String) throws -> String {
        if text.hasPrefix("file:") {
            let path = URL(fileURLWithPath: String(text.dropFirst(5))).path
            do throws(SecretFile.Failure) {
                return try SecretFile.read(path).value
            } catch {
                throw Refusal(.configuration, "-o: \(error)")
            }
        }
        guard text.hasPrefix("env:") else { return text }
        let name = String(text.dropFirst(4))
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else {
            throw Refusal(.configuration, "-o: the environment has no variable \(name); set it.")
        }
        return value
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
