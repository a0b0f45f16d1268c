import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server of HTTP/1.1 and HTTP/2 (RFC 9110, RFC 9112, RFC 9113) made for large bodies: they are streamed with back pressure in both
/// directions, and memory stays bounded whatever clients do.
public final class HTTPServer: Sendable {
    private let core: ServerCore
    private let group: MultiThreadedEventLoopGroup
    private let listeners = Mutex<[Listener]>([])
    private let renewal = Mutex<(certificate: TLSRenewal, task: Task<Void, Never>)?>(nil)

    /// A server that does not listen yet.
    ///
    /// - Parameters:
    ///   - configuration: Where to listen, and the limits.
    ///   - logger: Takes an access line per request at level info, and what went wrong on our side.
    ///   - handler: What answers.
    public init(configuration: Configuration, logger: Logger, handler: any RequestHandler) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoops ?? System.coreCount)
        core = ServerCore(
            configuration: configuration, handler: handler, logger: logger, eventLoops: group.makeIterator())
    }

    /// Starts to listen, everywhere or nowhere.
    ///
    /// - Returns: The addresses, with the ports that the system chose, in the order of the configuration.
    /// - Throws: An error whose description says which address could not be had, and why.
    public func start() async throws -> [SocketAddress] {
        let protocols = (core.configuration.speaksHTTP2 ? [HTTP2Connection.protocolName] : []) + ["http/1.1"]
        let certificate = try core.configuration.tls.map { try TLSRenewal($0, protocols: protocols) }
        var started: [Listener] = []
        do {
            for address in core.configuration.addresses {
                if address.isEncrypted, certificate == nil {
                    throw Listener.Failure(description: "cannot listen on \(address): there is no certificate")
                }
                let bootstrap = bootstrap(address.isEncrypted ? certificate : nil)
                started.append(try await Listener.bind(address, bootstrap, inherited: core.configuration.inherited))
            }
        } catch {
            for listener in started {
                await listener.close()
            }
            throw error
        }
        listeners.withLock { $0 = started }
        if let certificate {
            let (interval, logger) = (core.configuration.certificateCheck, core.logger)
            let task = Task { await certificate.run(every: interval, logger: logger) }
            renewal.withLock { $0 = (certificate, task) }
        }
        return started.map(\.address)
    }

    /// Stops: takes no more connections, lets requests finish for `grace`, then cancels the rest and closes.
    ///
    /// Returns when every connection is closed and every handler has returned, or soon after `grace` if a handler
    /// does not heed its cancellation.
    public func shutdown(grace: Duration) async {
        core.drain()
        renewal.withLock { $0 }?.task.cancel()
        let listening = listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        for listener in listening {
            await listener.close()
        }
        core.connections.forEach { $0.drain() }
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: grace)
        var isIdle = await core.connections.isEmpty(within: grace)
        isIdle = await core.tasks.isEmpty(within: max(.zero, end - clock.now)) && isIdle
        if !isIdle {
            core.connections.forEach { $0.terminate() }
            _ = await core.connections.isEmpty(within: .seconds(5))
            if await !core.tasks.isEmpty(within: .seconds(5)) {
                core.logger.warning("Some requests did not stop in time; they are abandoned.")
            }
        }
        core.leaveEventLoops()
        try? await group.shutdownGracefully()
    }

    private func bootstrap(_ certificate: TLSRenewal?) -> ServerBootstrap {
        let core = self.core
        return ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(server: core))
                }
            }
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 256 << 10, high: 512 << 10))
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.configure(channel, core, certificate)
                }
            }
    }

    private static func configure(_ channel: any Channel, _ core: ServerCore, _ certificate: TLSRenewal?) throws {
        let peer = Peer(
            remote: channel.remoteAddress, local: channel.localAddress, trusting: core.configuration.trustedProxies)
        let connection = Connection(server: core, peer: peer, isEncrypted: certificate != nil)
        if let options = channel.syncOptions {
            try options.setOption(.recvAllocator, value: connection.window.allocator)
            if peer.isTCP {
                try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
                try options.setOption(.socketOption(.so_keepalive), value: 1)
            }
        }
        let pipeline = channel.pipeline.syncOperations
        if core.configuration.proxyProtocol.trusts(peer.end) {
            try pipeline.addHandler(ProxyHeaderHandler(connection: connection))
        } else if !connection.takePlace() {
            try pipeline.addHandler(Dismissal())
            return
        }
        if let certificate {
            try pipeline.addHandlers(certificate.handler(), ProtocolChoice(connection: connection))
            try pipeline.addHandler(connection)
        } else {
            try pipeline.addHandler(connection)
            try connection.addParser(to: pipeline)
        }
    }
}
