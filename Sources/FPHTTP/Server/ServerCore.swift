import Logging
import NIOCore
import Synchronization

/// What every connection of a server shares.
final class ServerCore: Sendable {
    let configuration: HTTPServer.Configuration
    let handler: any RequestHandler
    let logger: Logger
    let budget: BodyBudget
    let bodyLimits: RequestBody.Limits
    let connections: ConnectionRegistry
    let addresses: AddressCounts
    /// Streams of HTTP/2, of which each may hold what a connection may.
    let streams: Places
    /// How many of them may send much of a body before it is read.
    let wideWindows: Places
    /// Handlers at work, also those whose client is gone.
    let tasks = Tally()
    /// What handlers run on, by event loop.
    private let executors: [ObjectIdentifier: LoopExecutor]
    private let draining = Atomic(false)

    init(
        configuration: HTTPServer.Configuration,
        handler: any RequestHandler,
        logger: Logger,
        eventLoops: some Sequence<any EventLoop>
    ) {
        self.configuration = configuration
        self.handler = handler
        self.logger = logger
        budget = BodyBudget(limit: configuration.limits.readAheadTotal)
        bodyLimits = RequestBody.Limits(highWater: configuration.limits.readAhead)
        connections = ConnectionRegistry(limit: configuration.limits.connections)
        addresses = AddressCounts(limit: configuration.limits.connectionsPerAddress)
        streams = Places(limit: configuration.limits.connections)
        wideWindows = Places(limit: configuration.limits.readAheadTotal / StreamWindow.wide)
        executors = Dictionary(uniqueKeysWithValues: eventLoops.map { (ObjectIdentifier($0), LoopExecutor($0)) })
    }

    /// Whether the server is on its way out: it finishes what it has, and closes.
    var isDraining: Bool {
        draining.load(ordering: .acquiring)
    }

    /// What the handlers of a loop's connections run on.
    func executor(of eventLoop: any EventLoop) -> LoopExecutor {
        guard let executor = executors[ObjectIdentifier(eventLoop)] else {
            preconditionFailure("a connection's loop is one of its server's")
        }
        return executor
    }

    /// The loops are about to stop; what handlers are left go on without them.
    func leaveEventLoops() {
        for executor in executors.values { executor.stop() }
    }

    func drain() {
        draining.store(true, ordering: .releasing)
    }
}
