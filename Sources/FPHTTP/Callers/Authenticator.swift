/// One way to find out who sends a request: by a token, by what a browser says of a page, by a signature.
public protocol Authenticator: Sendable {
    /// Whether it has something to say about who has that access. It is not asked about any other.
    func concerns(_ access: Access) -> Bool

    /// Reads who sends a request off its head; the body stays unread.
    /// - Returns: `nil` if the request brings nothing that this authenticator knows, so that the next one is asked.
    /// - Throws: The refusal, if what the request brings is wrong.
    func caller(of request: Request) async throws(Problem) -> Caller?

    /// The refusal of a request that brings nothing that any authenticator knows. It says what to send, with
    /// `WWW-Authenticate` if it is a 401 (RFC 9110, section 11.6.1). `nil` if there is nothing to ask for.
    var challenge: Problem? { get }
}

extension Authenticator {
    /// Nothing to ask for.
    public var challenge: Problem? { nil }
}
