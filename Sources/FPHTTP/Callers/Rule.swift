public import FPFormats

/// What must hold of a caller, or of the caller and the upload that it asks for.
public enum Rule: Sendable, Hashable {
    /// Nothing.
    case allowAny
    /// An authenticator has found out who the caller is.
    case isAuthenticated
    /// The upload is the caller's own, or nobody's: then whoever knows its id, which cannot be guessed, may use it. The
    /// application may use everybody's.
    case isOwner
    /// The caller's credentials carry that scope.
    case hasScope(String)
    /// The caller has that role.
    case hasRole(String)
    /// The request comes from an address of one of these blocks. Behind a proxy that is not trusted, that is the proxy's.
    case fromNetwork([AddressBlock])

    /// Whether it keeps out callers of whom nothing is known.
    public var isProtection: Bool {
        switch self {
        case .allowAny, .isOwner: false
        case .isAuthenticated, .hasScope, .hasRole, .fromNetwork: true
        }
    }
}
