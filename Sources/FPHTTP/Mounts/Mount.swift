public import HTTPTypes

/// One thing that a server serves: a dialect of uploads, an API, a page. A ``Router`` knows the path of each.
public protocol Mount: Sendable {
    /// The methods that it has at any of its addresses; `OPTIONS` need not be among them. Pages of other origins that
    /// may use the server may send these.
    var methods: [HTTPRequest.Method] { get }

    /// The names of the response fields that such pages may read, beyond the few that the Fetch standard always shows.
    var exposedFields: [HTTPField.Name] { get }

    /// How it words a problem, its own and one that the server finds before this mount is asked.
    var problems: ProblemForm { get }

    /// Whether a request at its path is for this mount; if not, the next mount at the path is asked. Dialects that share
    /// an address tell their requests apart in this way.
    /// - Parameter rest: The segments of the request's path behind the mount's.
    func takes(_ request: Request, rest: ArraySlice<String>) -> Bool

    /// Every access that it asks for, ``Access/anyone`` aside: what the settings may give rules for.
    var accesses: [Access] { get }

    /// What it would do for this request, and what a caller needs for that. Nothing of the body is read yet.
    func action(for request: Request, rest: ArraySlice<String>) -> Action
}

/// What a mount would do for one request: so what the request is about is found out once, for its access and its answer.
public struct Action: Sendable {
    /// What a caller needs for it.
    public let access: Access
    /// Answers the request of a caller who has that access.
    /// - Throws: What went wrong. The client is told in the mount's own form: a ``Problem`` as it is, another error as
    ///   ``ProblemConvertible`` says, and an unforeseen one as a 500 of which only the log says more.
    public let response: @Sendable (_ caller: Caller) async throws -> Response

    /// An action for those who have that access.
    public init(for access: Access, _ response: @escaping @Sendable (_ caller: Caller) async throws -> Response) {
        self.access = access
        self.response = response
    }
}

extension Mount {
    /// None.
    public var exposedFields: [HTTPField.Name] { [] }

    /// Problem documents.
    public var problems: ProblemForm { .document }

    /// Every request.
    public func takes(_ request: Request, rest: ArraySlice<String>) -> Bool { true }
}
