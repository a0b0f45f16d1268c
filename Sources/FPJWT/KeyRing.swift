import FPFormats

/// All keys that tokens may be signed with, wherever they come from.
struct KeyRing: Sendable {
    /// The keys of a moment.
    struct View {
        /// Those of the settings and of files.
        let own: [VerificationKey]
        let served: KeyServer.View?
        /// Grows whenever any of them changes.
        let revision: Int
    }

    let fixed: [VerificationKey]
    let files: [KeyFile]
    let server: KeyServer?

    /// The keys as they are now.
    func current(_ now: ContinuousClock.Instant) async -> View {
        await server?.upToDate()
        return await view(now)
    }

    /// The keys after the server has been asked for new ones, if that makes sense for that token: one that may be signed
    /// with a key which the server has and this ring has not. Otherwise nil.
    func renewed(for token: SignedToken, _ view: View, _ now: ContinuousClock.Instant) async -> View? {
        guard let server, view.mayLack(token) else { return nil }
        await server.renew()
        return await self.view(now)
    }

    private func view(_ now: ContinuousClock.Instant) async -> View {
        var own = fixed
        var revision = 0
        for file in files {
            let (keys, change) = await file.current(now)
            own += keys
            revision += change
        }
        // Last, and without waiting: of two views the later one has no older part.
        let served = server?.latest
        return View(own: own, served: served, revision: revision + (served?.revision ?? 0))
    }
}

extension KeyRing.View {
    /// More keys than these are not tried for a token that does not name one.
    private static let mostTries = 8

    /// The keys that may have signed the token: of its algorithm, and of the name that it gives or of none.
    func candidates(for token: SignedToken) throws(TokenFault) -> [VerificationKey] {
        let fitting = (own + (served?.keys ?? [])).filter { $0.algorithms.contains(token.algorithm) }
        guard let id = token.keyID else {
            guard fitting.count <= Self.mostTries else { throw .keyID }
            return fitting
        }
        return fitting.filter { $0.id.map { $0.isSame(as: id) } ?? true }
    }

    /// Whether the token may be signed with a key that the server has and that is not here.
    func mayLack(_ token: SignedToken) -> Bool {
        guard let served, !token.algorithm.isSymmetric else { return false }
        return served.isMissing || token.keyID.map { !served.has($0) } ?? true
    }

    /// Whether that may be so, and the server cannot be asked.
    func cannotTell(_ token: SignedToken) -> Bool { mayLack(token) && served?.isFailing == true }

    /// Whether a token of that algorithm could be good at all.
    func hasUse(for algorithm: SignatureAlgorithm) -> Bool {
        if own.contains(where: { $0.algorithms.contains(algorithm) }) { return true }
        guard let served, !algorithm.isSymmetric else { return false }
        return served.isMissing || served.keys.contains { $0.algorithms.contains(algorithm) }
    }
}
