import ArgumentParser
import FPCatalog
import FPConfig
import FPStorage
import FPUploads
import Logging

/// `fphost stores`
struct StoresCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stores", abstract: "Look at the configured stores, and settle whose staging store one is.",
        discussion: """
            The host that has the same catalog must be stopped for "claim". Nothing in a store is changed but the mark \
            of its catalog.
            """,
        subcommands: [List.self, Claim.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the stores, their plugins, and whose mark the staging store has.")

        @OptionGroup var configuration: ConfigurationOption

        func run() async throws {
            try await reportingRefusals {
                let accepted = try Acceptance(configuration)
                let settings = accepted.settings
                let logger = Logger(label: "fphost") { LineLogHandler(label: $0, settings: settings.log) }
                let stores = try accepted.plugins.open(settings, logger: logger)
                for store in stores.sorted(by: { $0.name < $1.name }) {
                    print("\(store.name)\t\(store.library.name)\t\(await use(of: store, settings))")
                    await store.shutdown()
                }
            }
        }

        private func use(of store: FPStorage.Store, _ settings: Settings) async -> String {
            var uses = settings.storagesBackend == store.name ? ["default"] : []
            if settings.uploads.staging == store.name {
                let mark: String
                do throws(StoreError) {
                    let found = try await CatalogMark.find(in: store)
                    mark = found.map { "of the catalog at \($0.place)" } ?? "of nobody yet"
                } catch {
                    mark = "cannot be asked: \(error.message)"
                }
                uses.append("staging, \(mark)")
            }
            return uses.isEmpty ? "-" : uses.joined(separator: "; ")
        }
    }

    struct Claim: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a staging store this catalog's, whoever had it.",
            discussion: """
                For a host that takes over from one that is gone for good, or whose catalog was lost. The host that \
                had the store writes nothing there from its next search on. What is in the store stays: only what this \
                catalog has made is ever removed.
                """)

        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "The store; by default uploads.staging.") var store: String?

        func run() async throws {
            try await reportingRefusals {
                let settings = try configuration.load()
                let name = store ?? settings.uploads.staging
                guard settings.stores[name] != nil else {
                    throw Refusal(
                        .configuration,
                        "there is no store \"\(name)\" in \(configuration.file); there are: "
                            + settings.stores.keys.sorted().joined(separator: ", "))
                }
                let logger = Logger(label: "fphost") { LineLogHandler(label: $0, settings: settings.log) }
                let plugins = try Acceptance(configuration).plugins
                let catalog = try await Host.openCatalog(settings, logger: logger)
                do {
                    try await claim(name, for: catalog.identity, plugins, settings, logger)
                } catch {
                    await catalog.close()
                    throw error
                }
                await catalog.close()
            }
        }

        private func claim(
            _ name: String, for identity: CatalogIdentity, _ plugins: StorePlugins, _ settings: Settings,
            _ logger: Logger
        ) async throws {
            let stores = try plugins.open(settings, logger: logger)
            guard let store = stores.first(where: { $0.name == name }) else { return }
            let ours = CatalogMark(identity)
            var failure: StoreError?
            do throws(StoreError) {
                let before = try await CatalogMark.find(in: store)
                if before != ours { try await ours.take(store) }
                let had =
                    switch before {
                    case ours: "was this catalog's already"
                    case let other?: "is this catalog's now; it had been that of the catalog at \(other.place)"
                    case nil: "is this catalog's now; it had been nobody's"
                    }
                print("store \"\(name)\" \(had)")
            } catch {
                failure = error
            }
            for store in stores { await store.shutdown() }
            if let failure { throw Refusal(.failure, "store \"\(name)\": \(failure.message)") }
        }
    }
}
