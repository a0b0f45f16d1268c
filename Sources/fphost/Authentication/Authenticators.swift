import FPConfig
import FPHTTP
import Logging

/// Those who know visitors, as the settings say.
enum Authenticators {
    /// In the order in which they are asked.
    /// - Throws: ``Refusal`` if one of them cannot be had as the settings want it.
    static func make(_ settings: Settings, logger: Logger) throws -> [any Authenticator] {
        []
    }

    /// What ``make(_:logger:)`` would refuse, found without any side effect.
    static func problems(_ settings: Settings) -> [(key: String, text: String)] {
        []
    }
}
