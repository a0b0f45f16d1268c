import FPConfig
import FPStorage
import Logging

/// Opens the store that a command's `-o key=value` describe.
struct PluginStoreOptions {
    private let options: AssignedOptions

    /// - Throws: ``Refusal`` for what is not `key=value`.
    init(_ texts: [String]) throws {
        options = try AssignedOptions(texts)
    }

    /// Opens a store of a plugin with these options.
    /// - Throws: ``Refusal`` with every complaint about them.
    func open(_ library: PluginLibrary, logger: Logger) throws -> Store {
        let checked: CheckedOptions
        do throws(ConfigErrors) {
            checked = try options.checked(against: library.options)
        } catch {
            throw Refusal(.configuration, error.problems.map { "-o: \($0.message)" }.joined(separator: "\n"))
        }
        let config = PluginConfigNode(checked.root)
        do throws(StoreError) {
            try Store.validate(name: library.name, library: library, config: config, logger: logger)
            return try Store.open(
                name: library.name, library: library, config: config, settings: StoreSettings(), logger: logger)
        } catch {
            throw Refusal(.configuration, "plugin \(library.path): \(error.message)")
        }
    }
}
