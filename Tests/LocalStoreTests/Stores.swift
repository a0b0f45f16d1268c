import PluginTestKit
import StoreUnderTest

/// The plugin under test, loaded once as a host loads it.
let localStore: PluginLibrary = {
    do { return try PluginLibrary(named: "LocalStore") } catch { fatalError("\(error)") }
}()

/// A store in a directory of its own.
struct Fixture: StorePlace {
    let directory: TemporaryDirectory
    let store: TestStore
    private let options: [String: String]

    init(_ options: [String: String] = [:], in parent: String = "/tmp") throws {
        directory = try TemporaryDirectory(in: parent)
        self.options = options.merging(["location": directory.path]) { given, _ in given }
        store = try TestStore(localStore, self.options)
    }

    var path: String { directory.path }

    func another(_ more: [String: String]) throws -> TestStore {
        try TestStore(localStore, options.merging(more) { _, given in given })
    }

    func process(_ more: [String: String]) throws -> StoreProcess {
        try StoreProcess(plugin: "LocalStore", options: options.merging(more) { _, given in given })
    }

    func tree() -> [String] { directory.tree() }

    func staged() -> [String] { directory.tree(withPrivate: true).filter { $0.hasPrefix(".fp/w/") } }
}
