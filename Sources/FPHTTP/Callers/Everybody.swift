/// Gives an access to whoever asks for it. As the last authenticator, it opens addresses to callers whom no other one
/// knows; without it, they are closed to them.
public struct Everybody: Authenticator {
    private let grants: Set<Access>

    /// - Parameter grants: What everybody may do.
    public init(may grants: Access...) {
        self.grants = Set(grants)
    }

    /// Whether everybody has been given that access.
    public func concerns(_ access: Access) -> Bool { grants.contains(access) }

    /// An anonymous caller with these grants, whatever the request brings.
    public func caller(of request: Request) throws(Problem) -> Caller? {
        Caller(kind: Caller.nobody.kind, grants: grants)
    }
}
