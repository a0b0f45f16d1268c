import FPAPI
import FPFilePond
public import FPHTTP
import FPPages

/// Who may do what on the host, by endpoint.
public struct EndpointPermissions: Sendable {
    /// The rules of the endpoints that have some of their own, by their names.
    public var rules: [String: [Rule]]
    /// The rules of the other FilePond endpoints; `nil` for safe ones.
    public var standard: [Rule]?

    /// Permissions as given; without any, safe ones.
    public init(rules: [String: [Rule]] = [:], standard: [Rule]? = nil) {
        self.rules = rules
        self.standard = standard
    }

    /// The names of all endpoints that rules can be given for.
    public static let names = (Access.filePond + Access.api).map(\.name)

    /// The FilePond endpoints that everybody may use although nobody has said so: those without any rules where there is
    /// no authenticator that could know a visitor, and those whose rules keep nobody out and are not AllowAny.
    /// - Parameter authenticating: Whether there is one.
    public func openByDefault(authenticating: Bool) -> [String] {
        let isSaid = authenticating || standard != nil
        return Access.filePond.filter { access in
            guard isSaid || rules[access.name] != nil else { return true }
            return isOpen(access, authenticating: authenticating) && self[access, authenticating] != [.allowAny]
        }.map(\.name)
    }

    /// Whether anybody of whom nothing is known may use the FilePond endpoint of that access.
    func isOpen(_ access: Access, authenticating: Bool) -> Bool {
        !(self[access, authenticating] ?? []).contains(where: \.isProtection)
    }

    /// What a gatekeeper wants to know.
    func permissions(authenticating: Bool, others: [Access]) -> Permissions {
        var permissions = Permissions([:])
        for access in Access.filePond + Access.api + others {
            permissions[access] = self[access, authenticating]
        }
        permissions[.page] = [.isAuthenticated]
        return permissions
    }

    private subscript(_ access: Access, _ authenticating: Bool) -> [Rule]? {
        if let own = rules[access.name] { return own }
        guard Access.filePond.contains(access) else { return [.hasScope(Caller.applicationScope)] }
        if let standard { return access == .process ? standard.filter { $0 != .isOwner } : standard }
        guard authenticating else { return [.allowAny] }
        return switch access {
        // FilePond sends this one without the page's header fields: the id, which cannot be guessed, has to do.
        case .resume: [.allowAny]
        case .process, .fetch: [.isAuthenticated]
        default: [.isAuthenticated, .isOwner]
        }
    }
}
