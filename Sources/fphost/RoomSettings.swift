import FPAccess
import FPConfig
import FPFetch
import FPHTTP
import FPServer
import FPUploads

// The settings of fphost.yaml in the terms of the rooms that they are for. A setting that a room refuses although the
// configuration took it is reported at its place in the file.

extension UploadSettings {
    /// The settings of `uploads` in this room's terms.
    init(_ settings: Settings.Uploads, openWriters: Int) {
        self.init()
        maxSize = UInt64(settings.maxSize)
        expireAfter = settings.expireAfter
        isPowerDurable = settings.durability == .power
        maxMetadata = Int(settings.maxMetadata)
        maxFiles = settings.maxFiles
        field = settings.field
        sweepEvery = settings.sweepEvery
        self.openWriters = openWriters
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
    }
}

extension Settings.Fetch.Permission {
    var text: String {
        switch self {
        case .addresses(let block): block.description
        case .host(let name): name
        }
    }
}

extension ServerSettings {
    /// The settings of `server`.
    /// - Parameter connections: how many may be open at once.
    init(_ settings: Settings, tokens: BearerTokens, connections: Int) throws {
        let server = settings.server
        var http = HTTPServer.Configuration(addresses: server.listen.map { FPHTTP.ListenAddress($0) })
        http.cors = server.cors.map { CORSPolicy($0) }
        http.limits.connections = connections
        http.timeouts.head = server.timeouts.header
        http.timeouts.idle = server.timeouts.idle
        http.timeouts.bodyIdle = server.timeouts.bodyIdle
        http.timeouts.writeIdle = server.timeouts.bodyIdle
        do {
            http.trustedProxies = try TrustedProxies(server.trustedProxies.map(\.description))
            self.init(http: http, basePath: try BasePath(server.basePath))
        } catch {
            throw Refusal(.configuration, "\(settings.position(of: "server")): \(error)")
        }
        loadsByPath = server.loadByPath
        self.tokens = tokens
        demo = server.demo ? DemoSettings(server.demoAssets) : nil
    }
}

extension FPHTTP.ListenAddress {
    init(_ address: FPConfig.ListenAddress) {
        switch address {
        case .tcp(let host, let port): self = .tcp(host: host ?? "::", port: Int(port))
        case .unix(let path): self = .unix(path: path)
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
