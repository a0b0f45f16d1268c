/// Decides before every mount whether a request may pass.
public struct Gatekeeper: Sendable {
    private let authenticators: [any Authenticator]

    /// A gatekeeper that asks the authenticators in this order.
    public init(_ authenticators: [any Authenticator]) {
        self.authenticators = authenticators
    }

    /// Finds out who sends a request that needs `access`.
    /// - Throws: The refusal of the first authenticator that finds something wrong; a 403 if the first that knows the
    ///   caller has not granted the access; the challenge of the first that has one, if none knows the caller.
    public func admit(_ request: Request, to access: Access) async throws(Problem) -> Caller {
        guard access != .anyone else { return .nobody }
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
        throw challenge ?? Problem(.forbidden, "This address is closed: nobody has the access that it needs.")
    }
}
