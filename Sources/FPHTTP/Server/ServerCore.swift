import Logging
import Synchronization

/// What every connection of a server shares.
final class ServerCore: Sendable {
    let configuration: HTTPServer.Configuration
    let handler: any RequestHandler
    let logger: Logger
    let budget: BodyBudget
    let bodyLimits: RequestBody.Limits
    let connections: ConnectionRegistry
    /// Handlers at work, also those whose client is gone.
    let tasks = Tally()
    private let draining = Atomic(false)

    init(configuration: HTTPServer.Configuration, handler: any RequestHandler, logger: Logger) {
        self.configuration = configuration
        self.handler = handler
        self.logger = logger
        budget = BodyBudget(limit: configuration.limits.readAheadTotal)
        bodyLimits = RequestBody.Limits(highWater: configuration.limits.readAhead)
        connections = ConnectionRegistry(limit: configuration.limits.connections)
    }

    /// Whether the server is on its way out: it finishes what it has, and closes.
    var isDraining: Bool {
        draining.load(ordering: .acquiring)
    }

    func drain() {
        draining.store(true, ordering: .releasing)
    }
}
