/// One way to find out who sends a request: by a token, by what a browser says of a page, by a signature.
///
/// A ``Gatekeeper`` asks several of them. The first that knows the caller decides who it is.
public protocol Authenticator: Sendable {
    /// Reads who sends a request off its head; the body stays unread. Must not block the thread that it runs on, and
    /// must come to an end in bounded time.
    /// - Returns: `nil` if the request brings nothing that this authenticator knows, so that the next one is asked.
    /// - Throws: A 401 if the request brings credentials of the kind that this authenticator knows but not good ones;
    ///   it stands if no other authenticator takes them for its own. Any other problem is the answer at once: one who
    ///   is banned, an authority that cannot be asked. It never stands for "let it pass".
    func caller(of request: Request, for access: Access) async throws(Problem) -> Caller?

    /// Whether it can tell by the form of credentials that they are meant for it, so that its refusal says more than that of
    /// one that cannot.
    var knowsItsOwn: Bool { get }

    /// The refusal of a request that brings nothing that any authenticator knows. It says what to send, with
    /// `WWW-Authenticate` if it is a 401 (RFC 9110, section 11.6.1). `nil` if there is nothing to ask for.
    var challenge: Problem? { get }
}

extension Authenticator {
    /// Nothing to ask for.
    public var challenge: Problem? { nil }

    /// It can.
    public var knowsItsOwn: Bool { true }
}
