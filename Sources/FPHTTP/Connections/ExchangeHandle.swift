import HTTPTypes
import NIOCore

/// A carrier of exchanges as handlers and other threads hold it: everything happens on its event loop.
final class CarrierHandle: Sendable {
    private let carrier: OnLoop<ExchangeCarrier>

    init(_ carrier: ExchangeCarrier, eventLoop: any EventLoop, executor: LoopExecutor) {
        self.carrier = OnLoop(carrier, eventLoop: eventLoop, executor: executor)
    }

    var eventLoop: any EventLoop { carrier.eventLoop }

    /// - Parameter lost: Called instead of `work` once the server has stopped, and its connections with it.
    func run(_ work: @escaping @Sendable (ExchangeCarrier) -> Void, orElse lost: () -> Void = {}) {
        carrier.run(work, orElse: lost)
    }
}

extension CarrierHandle: NIOScheduledCallbackHandler {
    func handleScheduledCallback(eventLoop: some EventLoop) {
        run { $0.endGathering() }
    }
}

/// One exchange, as the handler's task and the request's body hold it.
struct ExchangeHandle: BodySource, Informer {
    let carrier: CarrierHandle
    let serial: Int

    func beginReading() {
        carrier.run { [serial] in $0.beginBody(serial) }
    }

    func resumeReading() {
        carrier.run { [serial] in $0.resumeBody(serial) }
    }

    func inform(_ status: HTTPResponse.Status, _ headers: HTTPFields) {
        guard (102...199).contains(status.code) else {
            return
        }
        carrier.run { [serial] in $0.inform(serial, status, headers) }
    }

    /// Sends a whole response.
    func respond(_ head: ResponseHead, _ body: ByteBuffer) {
        carrier.run { [serial] in $0.respond(serial, head, body) }
    }

    /// Sends a whole response, its body from a file.
    func respond(_ head: ResponseHead, _ file: FileBody) {
        carrier.run { [serial] in $0.respond(serial, head, file) }
    }

    /// Sends a response's head and its first bytes, and returns when the client has taken enough for more to be sent.
    func begin(_ head: ResponseHead, _ bytes: ByteBuffer) async throws {
        try await withCheckedThrowingContinuation { continuation in
            carrier.run { [serial] carrier in
                carrier.begin(serial, head, bytes, continuation)
            } orElse: {
                continuation.resume(throwing: ClientGone())
            }
        }
    }

    /// Sends more of a body, and returns when the client has taken enough for more to be sent.
    func write(_ bytes: ByteBuffer) async throws {
        try await withCheckedThrowingContinuation { continuation in
            carrier.run { [serial] carrier in
                carrier.write(serial, bytes, continuation)
            } orElse: {
                continuation.resume(throwing: ClientGone())
            }
        }
    }

    /// Ends a response that was begun.
    func finish() {
        carrier.run { [serial] in $0.finish(serial) }
    }

    /// Breaks off a response that was begun, so that the client cannot take it for whole.
    func abort() {
        carrier.run { [serial] in $0.abort(serial) }
    }
}

/// The client went away before it had the whole response.
struct ClientGone: Error {}
