import NIOCore

/// A connection as a server that stops sees it. Lives on its event loop.
protocol ServedConnection: AnyObject {
    /// Lets what is under way finish, takes nothing more, and closes behind it.
    func drain()
    /// Ends whatever is going on.
    func terminate()
}

/// A connection in the registry.
final class ConnectionHandle: Sendable {
    private let connection: OnLoop<any ServedConnection>

    init(_ connection: any ServedConnection, eventLoop: any EventLoop, executor: LoopExecutor) {
        self.connection = OnLoop(connection, eventLoop: eventLoop, executor: executor)
    }

    func run(_ work: @escaping @Sendable (any ServedConnection) -> Void) {
        connection.run(work)
    }
}

/// What lives on an event loop, as other threads hold it.
struct OnLoop<Value>: Sendable {
    let eventLoop: any EventLoop
    private let executor: LoopExecutor
    private let value: NIOLoopBound<Value>

    init(_ value: Value, eventLoop: any EventLoop, executor: LoopExecutor) {
        self.eventLoop = eventLoop
        self.executor = executor
        self.value = NIOLoopBound(value, eventLoop: eventLoop)
    }

    /// - Parameter lost: Called instead of `work` once the server has stopped, and its connections with it.
    func run(_ work: @escaping @Sendable (Value) -> Void, orElse lost: () -> Void = {}) {
        if eventLoop.inEventLoop {
            work(value.value)
            return
        }
        let value = self.value
        if !executor.execute({ work(value.value) }) {
            lost()
        }
    }
}
