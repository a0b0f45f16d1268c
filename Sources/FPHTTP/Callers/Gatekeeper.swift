/// Decides before every mount whether a request may pass.
public struct Gatekeeper: Sendable {
    private let authenticators: [any Authenticator]

    /// A gatekeeper that asks the authenticators in this order.
    public init(_ authenticators: [any Authenticator]) {
        self.authenticators = authenticators
    }

    /// Finds out who sends a request that needs `access`.
    /// - Throws: The refusal of the first authenticator that finds something wrong; the challenge of the first that
    ///   the access concerns, if none knows the caller; a 403 if the caller is known and has not been granted it.
    public func admit(_ request: Request, to access: Access) async throws(Problem) -> Caller {
        var challenge: Problem?
        for authenticator in authenticators where authenticator.concerns(access) {
            if let caller = try await authenticator.caller(of: request) {
                guard caller.has(access) else {
                    throw Problem(.forbidden, "This address is closed to you: it needs the access \"\(access.name)\".")
                }
                return caller
            }
            challenge = challenge ?? authenticator.challenge
        }
        guard access == .anyone else {
            throw challenge ?? Problem(.forbidden, "This address is closed: nobody has the access that it needs.")
        }
        return .nobody
    }
}
