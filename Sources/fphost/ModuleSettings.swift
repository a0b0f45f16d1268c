import FPAccess
import FPCatalog
import FPConfig
import FPEvents
import FPFetch
import FPHTTP
import FPServer
import FPUploads
import Foundation

// The settings of fphost.yaml in the types of the modules that they are for. A setting that a module refuses although
// FPConfig accepted it is reported at its place in the file.

extension UploadSettings {
    /// The settings of `uploads`.
    /// - Parameters:
    ///   - openWriters: how many writers may be kept open between two chunks.
    ///   - keepEvents: how long events stay on record when they are delivered or given up.
    init(_ settings: Settings.Uploads, openWriters: Int, keepEvents: Duration) {
        self.init()
        maxSize = UInt64(settings.maxSize)
        expireAfter = settings.expireAfter
        isPowerDurable = settings.durability == .power
        digest = settings.digest == .sha256 ? .sha256 : .crc64nvme
        maxMetadata = Int(settings.maxMetadata)
        maxFiles = settings.maxFiles
        perOwner = OwnerLimits(settings.perOwner)
        inProgressPerAddress = settings.perAddress.inProgress
        reserve = UInt64(settings.reserve)
        types = TypeRules(allow: settings.allowedTypes, forbid: settings.forbiddenTypes)
        field = settings.field
        sweepEvery = settings.sweepEvery
        self.openWriters = openWriters
        self.keepEvents = keepEvents
    }
}

extension OwnerLimits {
    /// The settings of `uploads.per_owner`.
    init(_ settings: Settings.PerOwner) {
        self.init(
            bytes: settings.bytes.map { UInt64($0) }, uploads: settings.count, inProgress: settings.inProgress)
    }
}

extension FetchLimits {
    /// The settings of `fetch`.
    init(_ settings: Settings.Fetch) {
        self.init()
        maxSize = UInt64(settings.maxSize)
        timeout = settings.timeout
        connectTimeout = settings.connectTimeout
        maxRedirects = settings.maxRedirects
        concurrency = settings.concurrency
        minimumSpeed = Int(settings.minimumRate)
    }
}

extension WebhookSettings {
    /// The settings of `events`.
    /// - Throws: ``WebhookSecret/Invalid``
    init(_ settings: Settings.Events) throws {
        self.init(
            receivers: try settings.webhooks.map { webhook in
                Receiver(
                    name: webhook.name, url: webhook.url.value,
                    secrets: try webhook.secrets.map { try WebhookSecret($0.value) })
            })
        timeout = settings.timeout
        concurrency = settings.concurrency
        allow = HostList(settings.allow)
    }
}

extension Settings.Events {
    /// Whom the catalog writes events for.
    var receivers: [EventReceiver] {
        let kinds = Set(kinds.compactMap { EventKind(rawValue: "upload.\($0.rawValue)") })
        return webhooks.map { EventReceiver(name: $0.name, kinds: kinds) }
    }
}

extension FetchRules {
    /// The settings of `fetch`.
    init(_ settings: Settings.Fetch) {
        self.init()
        schemes = Set(settings.schemes)
        ports = settings.ports
        hosts = settings.hosts.map { HostList($0) }
        deny = HostList(settings.deny)
        allow = HostList(settings.allow)
    }
}

extension ServerSettings {
    /// The settings of `server`.
    /// - Parameter connections: how many may be open at once.
    init(
        _ settings: Settings, tokens: BearerTokens, authenticators: [any Authenticator], connections: Int
    ) throws {
        let server = settings.server
        var http = HTTPServer.Configuration(addresses: server.listen)
        http.inherited = InheritedSockets(ProcessInfo.processInfo.environment)
        http.cors = server.cors.map { CORSPolicy($0) }
        http.limits.connections = connections
        http.limits.connectionsPerAddress = server.maxConnectionsPerAddress
        http.limits.headers = Int(server.limits.head)
        http.limits.target = min(http.limits.target, http.limits.headers)
        http.limits.minimumBodyRate = Int(server.limits.minimumRate)
        http.timeouts.head = server.timeouts.header
        http.timeouts.idle = server.timeouts.idle
        http.timeouts.bodyIdle = server.timeouts.bodyIdle
        http.timeouts.writeIdle = server.timeouts.writeIdle
        http.trustedProxies = TrustedProxies(server.trustedProxies)
        http.forwardingFields =
            switch server.forwarded {
            case .xForwarded: .xForwarded
            case .rfc7239: .forwarded
            }
        http.proxyProtocol = TrustedProxies(server.proxyProtocol)
        http.tls = server.tls.map { TLSIdentity.Files($0) }
        http.speaksHTTP2 = server.tls?.http2 ?? true
        do {
            self.init(http: http, basePath: try BasePath(server.basePath))
        } catch {
            throw Refusal(.configuration, "\(settings.position(of: "server.base_path")): \(error)")
        }
        loadsByPath = server.loadByPath
        if server.rate.perAddress > 0 || server.rate.perOwner > 0 {
            rates = RequestRates.Limits(
                perAddress: server.rate.perAddress, perOwner: server.rate.perOwner, burst: server.rate.burst)
        }
        self.tokens = tokens
        self.authenticators = authenticators
        permissions = EndpointPermissions(settings.permissions)
        demo = server.demo ? DemoSettings(server.demoAssets) : nil
    }
}

extension TLSIdentity.Files {
    init(_ settings: Settings.TLS) {
        self.init(certificate: settings.certificate, key: settings.key)
    }
}

extension EndpointPermissions {
    init(_ settings: Settings.Permissions) {
        self.init(
            rules: settings.rules.mapValues { $0.map { Rule($0) } }, standard: settings.standard?.map { Rule($0) })
    }
}

extension Rule {
    init(_ rule: Settings.Rule) {
        self =
            switch rule {
            case .allowAny: .allowAny
            case .isAuthenticated: .isAuthenticated
            case .isOwner: .isOwner
            case .hasScope(let scope): .hasScope(scope)
            case .hasRole(let role): .hasRole(role)
            case .fromNetwork(let blocks): .fromNetwork(blocks)
            }
    }
}

extension CORSPolicy {
    init(_ settings: Settings.CORS) {
        let origins: Origins =
            switch settings.origins {
            case .any: .any
            case .exactly(let origins): .only(Set(origins))
            }
        self.init(origins: origins, allowsCredentials: settings.credentials, maxAge: settings.maxAge)
    }
}

extension DemoSettings {
    /// The demonstration page's files: beside the installed host, or in the working tree.
    init(_ assets: Settings.Location) {
        let vendor =
            switch assets {
            case .path(let path): path
            case .automatic: InstalledFiles.filePond
            }
        self.init(pageDirectory: InstalledFiles.demoPage, vendorDirectory: vendor)
    }
}
