import HTTPTypes
import NIOCore

/// A connection as handlers and other threads hold it: everything happens on its event loop.
final class ConnectionHandle: Sendable {
    let eventLoop: any EventLoop
    private let executor: LoopExecutor
    private let connection: NIOLoopBound<Connection>

    init(_ connection: Connection, eventLoop: any EventLoop, executor: LoopExecutor) {
        self.eventLoop = eventLoop
        self.executor = executor
        self.connection = NIOLoopBound(connection, eventLoop: eventLoop)
    }

    /// - Parameter lost: Called instead of `work` once the server has stopped, and its connections with it.
    func run(_ work: @escaping @Sendable (Connection) -> Void, orElse lost: () -> Void = {}) {
        if eventLoop.inEventLoop {
            work(connection.value)
            return
        }
        let connection = self.connection
        if !executor.execute({ work(connection.value) }) {
            lost()
        }
    }
}

extension ConnectionHandle: NIOScheduledCallbackHandler {
    func handleScheduledCallback(eventLoop: some EventLoop) {
        run { $0.endGathering() }
    }
}

/// One exchange, as the handler's task and the request's body hold it.
struct ExchangeHandle: BodySource, Informer {
    let connection: ConnectionHandle
    let serial: Int

    func beginReading() {
        connection.run { [serial] in $0.beginBody(serial) }
    }

    func resumeReading() {
        connection.run { [serial] in $0.resumeBody(serial) }
    }

    func inform(_ status: HTTPResponse.Status, _ headers: HTTPFields) {
        guard (102...199).contains(status.code) else {
            return
        }
        connection.run { [serial] in $0.sendInterim(serial, status, headers) }
    }

    /// Sends a whole response.
    func respond(_ head: ResponseHead, _ body: ByteBuffer) {
        connection.run { [serial] in $0.respond(serial, head, body) }
    }

    /// Sends a whole response, its body from a file.
    func respond(_ head: ResponseHead, _ file: FileBody) {
        connection.run { [serial] in $0.respond(serial, head, file) }
    }

    /// Sends a response's head and its first bytes, and returns when the client has taken enough for more to be sent.
    func begin(_ head: ResponseHead, _ bytes: ByteBuffer) async throws {
        try await withCheckedThrowingContinuation { continuation in
            connection.run { [serial] connection in
                connection.begin(serial, head, bytes, continuation)
            } orElse: {
                continuation.resume(throwing: ClientGone())
            }
        }
    }

    /// Sends more of a body, and returns when the client has taken enough for more to be sent.
    func write(_ bytes: ByteBuffer) async throws {
        try await withCheckedThrowingContinuation { continuation in
            connection.run { [serial] connection in
                connection.write(serial, bytes, continuation)
            } orElse: {
                continuation.resume(throwing: ClientGone())
            }
        }
    }

    /// Ends a response that was begun.
    func finish() {
        connection.run { [serial] in $0.finish(serial) }
    }

    /// Breaks off a response that was begun, so that the client cannot take it for whole.
    func abort() {
        connection.run { [serial] in $0.abort(serial) }
    }
}

/// The client went away before it had the whole response.
struct ClientGone: Error {}
