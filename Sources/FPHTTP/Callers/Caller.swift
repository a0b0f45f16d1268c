/// What credentials say of their bearer beyond who it is, for the mount that knows the type. A caller that has one is bound
/// to its own uploads, whatever the rules.
public protocol Grant: Sendable {}

/// Who sends a request, as far as the server knows.
public struct Caller: Sendable {
    /// What kind of caller it is, for messages: `nobody`, `token`, `page`, or an authenticator's own word.
    public let kind: String
    /// The owner of the uploads that it creates; `nil` for none.
    public let owner: String?
    /// Whether an authenticator has found out who it is.
    public let isAuthenticated: Bool
    /// What it may do, in the words of whoever gave it its credentials.
    public let scopes: Set<String>
    /// What it is, in the words of whoever keeps the users.
    public let roles: Set<String>
    /// Whether its credentials are of a kind that browsers send by themselves, whichever page makes them send a request:
    /// cookies, HTTP authentication. Another site's page could then act in its name.
    public let isAmbient: Bool
    /// What its credentials let it do, where they say; `nil` for what the settings let everybody do.
    public let grant: (any Grant)?
    /// Whether it may use its own uploads only, and those that are nobody's. The gatekeeper sets it for one request.
    public internal(set) var isBoundToOwn = false

    /// A caller whom an authenticator has recognised.
    public init(
        kind: String, owner: String? = nil, scopes: Set<String> = [], roles: Set<String> = [], isAmbient: Bool = false,
        grant: (any Grant)? = nil
    ) {
        self.init(kind, owner, isAuthenticated: true, scopes, roles, isAmbient, grant)
    }

    private init(
        _ kind: String, _ owner: String?, isAuthenticated: Bool, _ scopes: Set<String>, _ roles: Set<String>,
        _ isAmbient: Bool, _ grant: (any Grant)?
    ) {
        self.kind = kind
        self.owner = owner
        self.isAuthenticated = isAuthenticated
        self.scopes = scopes
        self.roles = roles
        self.isAmbient = isAmbient
        self.grant = grant
    }

    /// An anonymous caller.
    public static let nobody = Caller("nobody", nil, isAuthenticated: false, [], [], false, nil)

    /// The scope of the application behind the pages: its bearer may use everybody's uploads.
    public static let applicationScope = "application"
}
