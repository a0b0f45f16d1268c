public import FPFetch
import FPHTTP
public import FPUploads
public import Logging
public import NIOCore

/// The host's HTTP server: the mounts of its table, behind one router.
public final class UploadServer: Sendable {
    private let server: HTTPServer

    /// A server that does not listen yet.
    /// - Parameters:
    ///   - settings: What to serve, and where.
    ///   - uploads: The uploads, recovered.
    ///   - fetcher: Gets remote files; `nil` switches *fetch* off.
    ///   - logger: Takes an access line per request at level info, and what only the operator may know.
    public init(_ settings: ServerSettings, uploads: Uploads, fetcher: Fetcher?, logger: Logger) {
        let parts = ServerParts(settings: settings, uploads: uploads, fetcher: fetcher)
        let routes = (MountTable.lines + settings.mounts).compactMap { $0.route(parts) }
        let router = Router(
            routes, gatekeeper: MountTable.gatekeeper(settings, routes),
            elsewhere: .detail, logger: logger)
        var http = settings.http
        http.cors?.methods = router.methods
        http.cors?.exposedFields = router.exposedFields
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
}
