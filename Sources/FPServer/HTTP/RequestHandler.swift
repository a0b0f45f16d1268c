/// What answers requests: a dialect, the application API, the pages, or a router over them.
public protocol RequestHandler: Sendable {
    /// Answers one request.
    ///
    /// Runs in a task of its own on Swift's cooperative pool and must never block a thread. It never throws: what
    /// goes wrong is a response too.
    ///
    /// A client that goes away is told once. While the handler is reading the body, `request.body` says so with
    /// ``BodyError/truncated(received:expected:)``, after every byte that did arrive, and the task is *not* cancelled, so that what
    /// arrived can be put away. At any other time the task is cancelled.
    func respond(to request: Request) async -> Response
}
