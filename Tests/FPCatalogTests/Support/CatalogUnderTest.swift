import FPCatalog
import Logging
import Support
import Testing

/// A kind of catalog that the behaviour tests run against.
///
/// A catalog on another database joins with one entry in ``databases``, and has to pass everything in Behaviour/.
struct CatalogUnderTest: Sendable, CustomTestStringConvertible {
    let testDescription: String
    private let make: @Sendable () async throws -> (catalog: any Catalog, directory: TemporaryDirectory?)

    /// Those that keep their uploads: what only a real one has to do is asked of these.
    static let databases = [sqlite]

    static let all = databases + [model]

    static let sqlite = CatalogUnderTest(testDescription: "SQLite") {
        let directory = try TemporaryDirectory()
        return (try await directory.openCatalog(), directory)
    }

    /// Each of them, telling what happens to these receivers.
    static func telling(_ receivers: [EventReceiver]) -> [CatalogUnderTest] {
        [
            CatalogUnderTest(testDescription: "SQLite") {
                let directory = try TemporaryDirectory()
                return (try await directory.openCatalog(receivers: receivers), directory)
            }
        ]
    }

    /// The model too, or a test that it fails would mean nothing.
    static let model = CatalogUnderTest(testDescription: "model") { (ModelCatalog(), nil) }

    /// Runs a test on an empty catalog of its own.
    func callAsFunction(_ test: (any Catalog) async throws -> Void) async throws {
        let (catalog, directory) = try await make()
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await test(catalog))
        } catch {
            outcome = .failure(error)
        }
        await catalog.close()
        withExtendedLifetime(directory) {}
        try outcome.get()
    }
}

extension TemporaryDirectory {
    var catalogPath: String { url.resolvingSymlinksInPath().path + "/catalog.db" }

    func openCatalog(
        _ durability: CatalogDurability = .process, receivers: [EventReceiver] = []
    ) async throws(CatalogError) -> SQLiteCatalog {
        try await SQLiteCatalog.open(
            path: catalogPath, durability: durability, receivers: receivers,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}
