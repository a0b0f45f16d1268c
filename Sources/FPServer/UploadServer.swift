public import FPFetch
import FPFormats
import FPHTTP
public import FPUploads
import HTTPTypes
public import Logging
public import NIOCore

/// Everything that the host says over HTTP: FilePond's protocol, the application API, the health pages and the demo.
public final class UploadServer: Sendable {
    private let server: HTTPServer

    /// A server that does not listen yet.
    /// - Parameters:
    ///   - settings: What to serve, and where.
    ///   - uploads: The uploads, recovered.
    ///   - fetcher: Gets remote files; `nil` switches *fetch* off.
    ///   - logger: Takes an access line per request at level info, and what only the operator may know.
    public init(_ settings: ServerSettings, uploads: Uploads, fetcher: Fetcher?, logger: Logger) {
        let resource = UploadResource(uploads: uploads, logger: logger)
        let router = HostRouter(
            basePath: settings.basePath,
            filePond: FilePondDialect(
                uploads: uploads, fetcher: fetcher, loadsByPath: settings.loadsByPath, logger: logger),
            api: ApplicationAPI(resource: resource, tokens: settings.tokens),
            health: HealthPages(uploads: uploads),
            demo: settings.demo.map { demo in
                DemoPage(
                    resource: resource,
                    files: DemoFiles(pageDirectory: demo.pageDirectory, vendorDirectory: demo.vendorDirectory),
                    access: DemoAccess(answersToOwnNamesOnly: Self.isOnLoopbackOnly(settings.http)),
                    basePath: settings.basePath.description)
            })
        var http = settings.http
        http.cors?.exposedFields = Self.exposedFields
        server = HTTPServer(configuration: http, logger: logger, handler: router)
    }

    /// Starts to listen, everywhere or nowhere.
    /// - Returns: The addresses, with the ports that the system chose.
    /// - Throws: An error whose description says which address could not be had, and why.
    public func start() async throws -> [SocketAddress] {
        try await server.start()
    }

    /// Takes no more requests, and lets those under way finish for `grace`.
    public func shutdown(grace: Duration) async {
        await server.shutdown(grace: grace)
    }

    /// What FilePond and tus clients read of a response.
    private static let exposedFields: [HTTPField.Name] = [
        .uploadOffset, .uploadLength, .contentDisposition, .contentLength, .contentRange, .eTag, .location,
        .contentTransferID,
    ]

    private static func isOnLoopbackOnly(_ configuration: HTTPServer.Configuration) -> Bool {
        guard configuration.trustedProxies == .none else { return false }
        return configuration.addresses.allSatisfy { address in
            switch address {
            case .tcp(let host, _): host == "localhost" || host == "::1" || host.begins(with: "127.")
            case .unix: false
            }
        }
    }
}
