import FPConfig
import FPHTTP
import FPPolicy
import Logging

/// Those who know visitors, as the settings say.
enum Authenticators {
    /// In the order in which they are asked.
    /// - Throws: ``Refusal`` if one of them cannot be had as the settings want it.
    static func make(_ settings: Settings, logger: Logger) throws -> [any Authenticator] {
        // What asks others comes last, because it takes the longest.
        let authenticators: [(any Authenticator)?] = [
            try PolicyAuthenticator(settings, logger: logger),
            try tokens(settings, logger: logger),
            try JWTAuthentication.make(settings, logger: logger),
            try basic(settings, logger: logger),
            try forward(settings, logger: logger),
        ]
        return authenticators.compactMap { $0 }
    }

    /// What ``make(_:logger:)`` would refuse, found without any side effect.
    static func problems(_ settings: Settings) -> [(key: String, text: String)] {
        PolicyKeys.problems(settings) + tokenProblems(settings) + JWTAuthentication.problems(settings)
            + basicProblems(settings)
    }
}
