import FPAccess
import FPConfig
import FPHTTP
import Logging

extension Authenticators {
    private static let key = "authentication.basic.file"

    /// The one for users with passwords, if the settings name a file of them.
    static func basic(_ settings: Settings, logger: Logger) throws -> BasicAuthenticator? {
        guard let basic = settings.authentication.basic else { return nil }
        do throws(AccessFileError) {
            let authenticator = try BasicAuthenticator(
                path: basic.file, realm: basic.realm, scopes: Set(basic.scopes), roles: Set(basic.roles), logger: logger
            )
            if authenticator.isEmpty {
                logger.notice("there are no users in \(basic.file) yet; `htpasswd -B \(basic.file) NAME` adds one")
            }
            return authenticator
        } catch {
            throw Refusal(.configuration, "\(settings.position(of: key)): \(error)")
        }
    }

    static func basicProblems(_ settings: Settings) -> [(key: String, text: String)] {
        guard let basic = settings.authentication.basic else { return [] }
        do throws(AccessFileError) {
            try BasicAuthenticator.examine(basic.file)
            return []
        } catch {
            return [(key, "\(error)")]
        }
    }
}
