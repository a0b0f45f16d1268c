import FPAccess
import FPCatalog
import FPConfig
import FPEvents
import FPFetch
import FPHTTP
import FPServer
import FPStorage
import FPUploads
import Glibc
import Logging
import NIOCore

/// A running host: stores, catalog, uploads and server, put together as the settings say.
final class Host: Sendable {
    private let stores: [Store]
    private let catalog: any Catalog
    private let uploads: Uploads
    private let fetcher: Fetcher?
    private let server: UploadServer
    private let crashes: CrashHistory?
    private let background: [Task<Void, Never>]
    private let shutdownGrace: Duration
    private let logger: Logger

    private init(
        stores: [Store], catalog: any Catalog, uploads: Uploads, webhooks: Webhooks?, fetcher: Fetcher?,
        server: UploadServer, crashes: CrashHistory?, shutdownGrace: Duration, logger: Logger
    ) {
        self.stores = stores
        self.catalog = catalog
        self.uploads = uploads
        self.fetcher = fetcher
        self.server = server
        self.crashes = crashes
        self.shutdownGrace = shutdownGrace
        self.logger = logger
        let sweeper = Sweeper(uploads)
        background =
            [
                Task { await sweeper.run() }, Task { await webhooks?.run() },
                Task { await crashes?.forgetAfterLongRun() },
            ]
            + stores.map { store in Task { await store.monitor() } }
    }

    /// Starts everything; returns when requests are answered.
    static func start(_ accepted: Acceptance, logger: Logger) async throws -> Host {
        let (settings, plugins) = (accepted.settings, accepted.plugins)
        let catalog = try await openCatalog(settings, logger: logger)
        accepted.crashes?.beginJournal(logger: logger)
        let stores = try plugins.open(settings, logger: logger)
        let map: StoreMap
        do throws(StoreMapError) {
            map = try StoreMap(
                stores, staging: settings.uploads.staging, default: settings.storagesBackend,
                redirecting: Set(settings.stores.filter { $0.value.downloads == .redirect }.keys))
        } catch {
            let key =
                switch error {
                case .cannotRedirect(let store, _): "stores.\(store).downloads"
                case .unknown, .cannotStage: "uploads.staging"
                }
            throw Refusal(.configuration, "\(settings.position(of: key)): \(error)")
        }
        await warnAboutMissingStores(catalog, settings: settings, logger: logger)
        let uploads = Uploads(
            catalog: catalog, stores: map,
            settings: UploadSettings(
                settings.uploads, openWriters: accepted.descriptors.openWriters, keepEvents: settings.events.keep),
            logger: logger)
        try await claimStaging(uploads, settings: settings, logger: logger)
        if let warning = Exposure.warning(about: settings) { logger.warning("\(warning)") }
        let tokens = try bearerTokens(settings, logger: logger)
        let authenticators = try Authenticators.make(settings, logger: logger)
        await uploads.recover()
        if let trouble = await catalog.trouble(), trouble.kind == .damaged {
            throw Refusal(.configuration, "\(settings.position(of: "catalog")): \(trouble.reason)")
        }
        let webhooks = try catalog.events.map { try Self.webhooks(settings, $0, logger: logger) }
        let fetcher = try settings.fetch.enabled ? fetcher(settings, logger: logger) : nil
        let server = UploadServer(
            try ServerSettings(
                settings, tokens: tokens, authenticators: authenticators, connections: accepted.descriptors.connections),
            uploads: uploads, fetcher: fetcher, logger: logger)
        do {
            for (wanted, address) in zip(settings.server.listen, try await server.start()) {
                logger.info("listening on \(Self.url(of: address, isEncrypted: wanted.isEncrypted))")
            }
        } catch {
            throw Refusal(.failure, "\(settings.position(of: "server.listen")): cannot listen: \(error)")
        }
        return Host(
            stores: stores, catalog: catalog, uploads: uploads, webhooks: webhooks, fetcher: fetcher, server: server,
            crashes: accepted.crashes, shutdownGrace: settings.server.timeouts.shutdown, logger: logger)
    }

    /// Refuses to start on a staging store that is another catalog's. One that cannot be reached is asked again before
    /// anything is written to it.
    private static func claimStaging(_ uploads: Uploads, settings: Settings, logger: Logger) async throws {
        let asking = Task { () async throws(UploadError) -> StagingOwner in try await uploads.claimStaging() }
        // A store that cannot be reached must not keep the host from serving the others.
        let patience = Task {
            try await Task.sleep(for: .seconds(10))
            asking.cancel()
        }
        defer { patience.cancel() }
        do {
            guard case .another(let sentence) = try await asking.value else { return }
            throw Refusal(.configuration, "\(settings.position(of: "uploads.staging")): \(sentence)")
        } catch let error as UploadError {
            logger.error(
                """
                the staging store "\(settings.uploads.staging)" cannot be asked whose it is; it takes no uploads until \
                it can: \(error.detail ?? error.message)
                """)
        }
    }

    /// Lets the requests under way finish, then stops everything in the reverse order of its start.
    func stop() async {
        await server.shutdown(grace: shutdownGrace)
        for task in background { task.cancel() }
        for task in background { await task.value }
        await fetcher?.shutdown()
        await uploads.shutdown()
        await catalog.close()
        for store in stores { await store.shutdown() }
        crashes?.end()
    }

    /// What ``start(_:logger:)`` would refuse of the settings themselves, found without any side effect. What is wrong
    /// with the plugins and their options is for ``StorePlugins`` to say.
    static func problems(_ settings: Settings) -> [ConfigProblem] {
        var problems: [ConfigProblem] = []
        func complain(_ key: String, _ text: String) {
            problems.append(ConfigProblem(at: settings.position(of: key), text))
        }
        if let catalog = settings.catalog, let text = Catalogs.objection(to: catalog.url.value) {
            complain("catalog", text)
        }
        for case .file(let path) in settings.api.tokens {
            do throws(TokenFileError) {
                try TokenFile.examine(path)
            } catch {
                complain("api.tokens", "\(error)")
            }
        }
        for (key, text) in Authenticators.problems(settings) { complain(key, text) }
        if let (key, text) = Exposure.objection(to: settings) { complain(key, text) }
        if let files = settings.server.tls {
            do throws(TLSIdentity.Failure) {
                let identity = try TLSIdentity(TLSIdentity.Files(files))
                if let warning = identity.expiryWarning(at: Int64(time(nil))) {
                    let position = settings.position(of: "server.tls.certificate")
                    printError("\(ConfigProblem(at: position, warning, severity: .warning))")
                }
            } catch {
                complain("server.tls", "\(error)")
            }
        }
        do {
            _ = try ServerSettings(settings, tokens: BearerTokens([]), authenticators: [], connections: 1)
        } catch {
            complain("server.base_path", "\(error)")
        }
        return problems
    }

    static func openCatalog(_ settings: Settings, logger: Logger) async throws -> any Catalog {
        do throws(CatalogError) {
            return try await Catalogs.open(
                url: settings.catalog?.url.value ?? "",
                durability: settings.uploads.durability == .power ? .power : .process,
                countsOwners: OwnerLimits(settings.uploads.perOwner).isSet, receivers: settings.events.receivers,
                logger: logger)
        } catch {
            throw Refusal(.configuration, "\(settings.position(of: "catalog")): \(error.sentence)")
        }
    }

    private static func bearerTokens(_ settings: Settings, logger: Logger) throws -> BearerTokens {
        var tokens: [String] = []
        for token in settings.api.tokens {
            switch token {
            case .value(let secret): tokens.append(secret.value)
            case .file(let path):
                let file: TokenFile
                do throws(TokenFileError) {
                    file = try TokenFile.load(at: path)
                } catch {
                    throw Refusal(.configuration, "\(settings.position(of: "api.tokens")): \(error)")
                }
                if file.isNew { logger.notice("made a token for the application API in \(path)") }
                if file.isReadableByOthers { logger.warning("\(path) can be read by others; chmod it to 600") }
                tokens.append(file.token)
            }
        }
        if tokens.isEmpty { logger.warning("api.tokens is empty, so the application API is closed") }
        return BearerTokens(tokens)
    }

    private static func fetcher(_ settings: Settings, logger: Logger) throws -> Fetcher {
        let limits = FetchLimits(settings.fetch)
        do {
            return try Fetcher(
                limits: limits, rules: FetchRules(settings.fetch), version: Version.current, logger: logger)
        } catch {
            throw Refusal(.configuration, "\(settings.position(of: "fetch")): \(error)")
        }
    }

    private static func webhooks(_ settings: Settings, _ log: any EventLog, logger: Logger) throws -> Webhooks {
        do {
            return try Webhooks(
                WebhookSettings(settings.events), log: log, version: Version.current, logger: logger)
        } catch {
            throw Refusal(.configuration, "\(settings.position(of: "events")): \(error)")
        }
    }

    private static func url(of address: SocketAddress, isEncrypted: Bool) -> String {
        guard let port = address.port, let host = address.ipAddress else {
            return "unix:\(address.pathname ?? "")"
        }
        return (isEncrypted ? "https://" : "http://") + (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
    }

    /// Uploads in a store that the settings no longer have cannot be read; the operator should know before a client.
    private static func warnAboutMissingStores(_ catalog: any Catalog, settings: Settings, logger: Logger) async {
        guard let inUse = try? await catalog.storesInUse() else { return }
        for (name, count) in inUse.sorted(by: { $0.key < $1.key }) where settings.stores[name] == nil {
            logger.error(
                "\(count) files are in store \"\(name)\", which is not in \(settings.source.file); add it to stores again"
            )
        }
    }
}
