import FPAPI
import FPAccess
import FPFilePond
import FPFormats
import FPHTTP
import FPPages

/// Everything that the host serves, and where. One more mount is one more line.
enum MountTable {
    static let lines: [MountLine] = [
        MountLine(atBasePath: {
            FilePondDialect(
                uploads: $0.uploads, fetcher: $0.fetcher, loadsByPath: $0.settings.loadsByPath)
        }),
        MountLine(at: .below("api")) { ApplicationAPI(uploads: $0.uploads) },
        MountLine(at: .exactly("api", "v1", "openapi.json")) {
            DescriptionPage(basePath: $0.settings.basePath.description)
        },
        MountLine(at: .exactly("healthz")) { _ in HealthPage() },
        MountLine(at: .exactly("readyz")) { ReadinessPage(uploads: $0.uploads) },
        MountLine(at: .exactly("")) { parts in
            parts.demoFiles.map { DemoPage(files: $0, basePath: parts.settings.basePath.description) }
        },
        MountLine(at: .below("demo")) { $0.demoFiles.map { DemoAssets(files: $0) } },
        MountLine(at: .below("demo", "uploads")) { $0.settings.demo == nil ? nil : DemoUploads(uploads: $0.uploads) },
    ]

    /// Who is asked who the caller is, and who may do what.
    static func gatekeeper(_ settings: ServerSettings, _ routes: [Route]) -> Gatekeeper {
        let authenticating = !settings.authenticators.isEmpty
        var instead: [Access: [any Authenticator]] = [
            .page: [PageAuthenticator(answersToOwnNamesOnly: isOnLoopbackOnly(settings.http))]
        ]
        // Where nobody is asked for credentials, some that are meant for another server in front or behind do no harm.
        for access in Access.filePond
        where !authenticating && settings.permissions.isOpen(access, authenticating: authenticating) {
            instead[access] = []
        }
        let others = routes.flatMap(\.mount.accesses)
        return Gatekeeper(
            [BearerAuthenticator(settings.tokens)] + settings.authenticators, insteadFor: instead,
            permissions: settings.permissions.permissions(authenticating: authenticating, others: others),
            trusting: settings.http.cors, rates: settings.rates.map { RequestRates($0) })
    }

    private static func isOnLoopbackOnly(_ configuration: HTTPServer.Configuration) -> Bool {
        guard configuration.trustedProxies == .none, configuration.proxyProtocol == .none else { return false }
        return configuration.addresses.allSatisfy { address in
            switch address {
            case .tcp(let host?, _), .tls(let host?, _): host == "localhost" || IPAddress(host)?.isLoopback == true
            case .tcp(nil, _), .tls(nil, _): false
            case .unix, .inherited: false
            }
        }
    }
}

extension ServerParts {
    fileprivate var demoFiles: DemoFiles? {
        settings.demo.map { DemoFiles(pageDirectory: $0.pageDirectory, vendorDirectory: $0.vendorDirectory) }
    }
}
