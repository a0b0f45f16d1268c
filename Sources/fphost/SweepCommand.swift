import ArgumentParser
import FPCatalog
import FPConfig
import FPStorage
import FPUploads
import Foundation
import Logging

/// `fphost sweep`
struct SweepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Remove what no upload needs any more, or show what that would be.",
        discussion: """
            A host does this by itself, every uploads.sweep_every. This command does it once while the host is stopped. \
            With --dry-run, which may run beside the host, it lists what would go, a line each: what it is, its store, its \
            key, and by what it is known to be this catalog's. Nothing is changed then: the catalog is looked at in a copy.
            """)

    @OptionGroup var configuration: ConfigurationOption
    @Flag(help: "Only list what would go.") var dryRun = false

    func run() async throws {
        try await reportingRefusals {
            let accepted = try Acceptance(configuration)
            let settings = accepted.settings
            let logger = Logger(label: "fphost") { LineLogHandler(label: $0, settings: settings.log) }
            let copy = try dryRun ? CatalogCopy(of: settings.catalog?.url.value ?? "") : nil
            defer { copy?.remove() }
            let catalog = try await open(settings, copy, logger)
            let isDone = await sweep(catalog, accepted, logger)
            await catalog.close()
            if try !isDone.get() { throw Refusal(.failure, "not everything could be looked at, or removed") }
        }
    }

    private func open(_ settings: Settings, _ copy: CatalogCopy?, _ logger: Logger) async throws -> any Catalog {
        guard let copy else {
            if let user = Catalogs.user(of: settings.catalog?.url.value ?? "") {
                throw Refusal(
                    .failure,
                    """
                    The host is running\(user == 0 ? "" : " (process \(user))"), and sweeps by itself every \
                    \(settings.uploads.sweepEvery). Use --dry-run to see what goes next.
                    """)
            }
            return try await Host.openCatalog(settings, logger: logger)
        }
        // What is said of opening a catalog would be said of the copy.
        let silent = Logger(label: "fphost") { _ in SwiftLogNoOpLogHandler() }
        do throws(CatalogError) {
            return try await Catalogs.open(url: copy.url, durability: .process, countsOwners: false, logger: silent)
        } catch {
            throw Refusal(.failure, error.sentence)
        }
    }

    private func sweep(_ catalog: any Catalog, _ accepted: Acceptance, _ logger: Logger) async -> Result<
        Bool, any Error
    > {
        let settings = accepted.settings
        do {
            let stores = try accepted.plugins.open(settings, logger: logger)
            let outcome: Result<Bool, any Error>
            do {
                let map = try StoreMap(stores, staging: settings.uploads.staging, default: settings.storagesBackend)
                let uploads = Uploads(
                    catalog: catalog, stores: map,
                    settings: UploadSettings(
                        settings.uploads, openWriters: 1, keepEvents: settings.events.keep),
                    logger: logger)
                outcome = .success(
                    await Sweeper(uploads, isPreview: dryRun) { finding in
                        print("\(finding.kind.rawValue)\t\(finding.store)\t\(finding.key)\t\(finding.proof)")
                    }.sweep())
                await uploads.shutdown()
            } catch {
                outcome = .failure(Refusal(.configuration, "\(error)"))
            }
            for store in stores { await store.shutdown() }
            return outcome
        } catch {
            return .failure(error)
        }
    }
}

/// A copy of the catalog, for looking at it without changing it.
private struct CatalogCopy {
    private let directory: URL

    var url: String { "sqlite:" + directory.appendingPathComponent("catalog.db").path }

    init(of catalog: String) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("fphost-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        do throws(CatalogError) {
            _ = try Catalogs.backUp(catalog, to: directory.appendingPathComponent("catalog.db").path)
        } catch {
            remove()
            throw Refusal(.failure, error.sentence)
        }
    }

    func remove() { try? FileManager.default.removeItem(at: directory) }
}
