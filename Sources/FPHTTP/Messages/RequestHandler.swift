public import HTTPTypes

/// What answers requests: as a rule a ``Router`` over what is served.
public protocol RequestHandler: Sendable {
    /// Answers one request.
    ///
    /// Runs in a task of its own, as a rule on the connection's event loop, so it must never block: not by a file, a lock
    /// that is held for long, or much work at once. It never throws: what goes wrong is a response too.
    ///
    /// A client that goes away is told once. While the handler is reading the body, `request.body` says so with
    /// ``BodyError/truncated(received:expected:)``, after every byte that did arrive, and the task is *not* cancelled, so that what
    /// arrived can be put away. At any other time the task is cancelled.
    func respond(to request: Request) async -> Response

    /// The answer to a request that the server refuses before the handler sees it, or cannot answer after. It must
    /// have its body at hand.
    /// - Parameters:
    ///   - sentence: What is wrong, for the client.
    ///   - target: The request target, as sent; nil if the request could not be read that far.
    ///   - requestID: What the log calls the request.
    func refusal(_ status: HTTPResponse.Status, _ sentence: String, target: String?, requestID: String) -> Response
}

extension RequestHandler {
    /// Plain text.
    public func refusal(
        _ status: HTTPResponse.Status, _ sentence: String, target: String?, requestID: String
    ) -> Response {
        .text(status, sentence + "\n")
    }
}
