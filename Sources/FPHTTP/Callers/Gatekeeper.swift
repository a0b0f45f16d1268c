import FPFormats
import HTTPTypes

/// Decides before every mount whether a request may pass.
public struct Gatekeeper: Sendable {
    private let authenticators: [any Authenticator]
    private let others: [Access: [any Authenticator]]
    private let permissions: Permissions
    private let pages: PageTrust
    private let rates: RequestRates?

    /// A gatekeeper that asks the authenticators in this order.
    /// - Parameters:
    ///   - others: Who is asked in their place about the accesses that have ways of their own to know callers.
    ///   - permissions: Who may do what.
    ///   - trusting: The other origins whose pages may act for their visitors; `nil` for none.
    ///   - rates: How many requests a caller may send; `nil` for as many as come.
    public init(
        _ authenticators: [any Authenticator], insteadFor others: [Access: [any Authenticator]] = [:],
        permissions: Permissions, trusting cors: CORSPolicy? = nil, rates: RequestRates? = nil
    ) {
        self.authenticators = authenticators
        self.others = others
        self.permissions = permissions
        pages = PageTrust(cors)
        self.rates = rates
    }

    /// Finds out who sends a request that needs `access`, and whether that one has it.
    ///
    /// Rules about the upload itself are not judged here: ``Caller/isBoundToOwn`` tells the mount that there is one.
    /// - Throws: A 429 if the caller sends too many requests; a 401 if good credentials could help, with what the
    ///   authenticators ask for; a 403 if the caller is known, or its address is wrong; what an authenticator throws.
    public func admit(_ request: Request, to access: Access) async throws(Problem) -> Caller {
        // Before credentials are looked at: checking them is what a flood would cost most.
        try rates?.countAddress(request.clientAddress)
        guard access != .anyone else { return .nobody }
        guard let rules = permissions[access] else {
            throw Problem(.forbidden, "This address is closed: nobody has the access \"\(access.name)\".")
        }
        try checkNetwork(of: request, rules)
        var caller = try await identify(request, for: access)
        try rates?.countOwner(caller.owner)
        for rule in rules { try check(rule, caller, access) }
        if caller.isAmbient, !access.isSafe { try pages.check(request) }
        let isApplication = caller.scopes.contains(Caller.applicationScope)
        caller.isBoundToOwn = caller.grant != nil || rules.contains(.isOwner) && !isApplication
        return caller
    }

    private func asked(about access: Access) -> [any Authenticator] { others[access] ?? authenticators }

    private func identify(_ request: Request, for access: Access) async throws(Problem) -> Caller {
        var refusal: Problem?
        var isRefusedByForm = false
        for authenticator in asked(about: access) {
            do throws(Problem) {
                if let caller = try await authenticator.caller(of: request, for: access) { return caller }
            } catch  where error.status == .unauthorized {
                if refusal == nil || !isRefusedByForm && authenticator.knowsItsOwn { refusal = error }
                isRefusedByForm = isRefusedByForm || authenticator.knowsItsOwn
            }
        }
        if let refusal { throw refusal }
        return .nobody
    }

    /// First of all, so that a stranger learns nothing of credentials, and asks no authority.
    private func checkNetwork(of request: Request, _ rules: [Rule]) throws(Problem) {
        for case .fromNetwork(let blocks) in rules {
            let address = IPAddress(request.clientAddress)
            guard let address, blocks.contains(where: { $0.contains(address) }) else {
                throw Problem(.forbidden, "This address is closed to the network that you come from.")
            }
        }
    }

    private func check(_ rule: Rule, _ caller: Caller, _ access: Access) throws(Problem) {
        switch rule {
        case .allowAny, .isOwner, .fromNetwork: return
        case .isAuthenticated:
            if !caller.isAuthenticated { throw challenge(for: access) }
        case .hasScope(let scope):
            if !caller.isAuthenticated { throw challenge(for: access) }
            if !caller.scopes.contains(scope) {
                throw Problem(.forbidden, "This needs the scope \"\(scope)\", which your credentials do not carry.")
            }
        case .hasRole(let role):
            if !caller.isAuthenticated { throw challenge(for: access) }
            if !caller.roles.contains(role) {
                throw Problem(.forbidden, "This needs the role \"\(role)\", which you do not have.")
            }
        }
    }

    /// The first authenticator's sentence, and what all of them ask for, each in a line of its own.
    private func challenge(for access: Access) -> Problem {
        let challenges = asked(about: access).compactMap(\.challenge)
        guard var problem = challenges.first else {
            return Problem(.forbidden, "This address is closed: nobody has the access \"\(access.name)\".")
        }
        for other in challenges.dropFirst() where other.status == .unauthorized {
            for value in other.headers[values: .wwwAuthenticate] {
                problem.headers.append(HTTPField(name: .wwwAuthenticate, value: value))
            }
        }
        return problem
    }
}
