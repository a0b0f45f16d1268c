import FPConfig
import FPForwardAuth
import FPHTTP
import HTTPTypes
import Logging

extension Authenticators {
    /// Has an application say who a visitor is; nil if the settings name none.
    static func forward(_ settings: Settings, logger: Logger) throws -> (any Authenticator)? {
        guard let forward = settings.authentication.forward else { return nil }
        do {
            return try ForwardAuthenticator(
                ForwardSettings(forward), version: Version.current, logger: logger)
        } catch {
            throw Refusal(.configuration, "\(settings.position(of: "authentication.forward.url")): \(error)")
        }
    }
}

extension ForwardSettings {
    /// The settings of `authentication.forward`, whose names of fields are sound.
    fileprivate init(_ settings: Settings.ForwardAuthentication) {
        self.init(url: settings.url)
        credentials = settings.credentials.compactMap { HTTPField.Name($0) }
        headers = settings.headers.compactMap { HTTPField.Name($0) }
        asksAlways = settings.askAlways
        ownerField = HTTPField.Name(settings.owner) ?? ownerField
        scopesField = HTTPField.Name(settings.scopes) ?? scopesField
        rolesField = HTTPField.Name(settings.roles) ?? rolesField
        timeout = settings.timeout
        cacheTime = settings.cache
        concurrency = settings.concurrency
    }
}
