import FPAccess
import FPConfig
import FPHTTP
import Logging

extension Authenticators {
    /// The one for the bearer tokens of a file, if the settings name one.
    static func tokens(_ settings: Settings, logger: Logger) throws -> TokenAuthenticator? {
        guard let path = settings.authentication.tokens else { return nil }
        do throws(AccessFileError) {
            let authenticator = try TokenAuthenticator(path: path, logger: logger)
            if authenticator.isEmpty {
                logger.notice("there are no tokens in \(path) yet; `fphost token new` makes one")
            }
            return authenticator
        } catch {
            throw Refusal(.configuration, "\(settings.position(of: "authentication.tokens")): \(error)")
        }
    }

    static func tokenProblems(_ settings: Settings) -> [(key: String, text: String)] {
        guard let path = settings.authentication.tokens else { return [] }
        do throws(AccessFileError) {
            _ = try TokenTableFile(path).table()
            return []
        } catch {
            return [("authentication.tokens", "\(error)")]
        }
    }
}
