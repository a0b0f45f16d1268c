import FPConfig
import FPJWT
import Logging

/// `authentication.jwt`
enum JWTAuthentication {
    /// - Throws: ``Refusal`` if the keys that are on this machine cannot be used.
    static func make(_ settings: Settings, logger: Logger) throws -> JWTAuthenticator? {
        guard let jwt = settings.authentication.jwt else { return nil }
        do throws(JWTKeyError) {
            return try JWTAuthenticator(
                JWTSettings(jwt), userAgent: "fphost/\(Version.current)", logger: logger)
        } catch {
            throw Refusal(.configuration, "\(settings.position(of: key(error.setting))): \(error.sentence)")
        }
    }

    /// What ``make(_:logger:)`` would refuse. No URL is asked.
    static func problems(_ settings: Settings) -> [(key: String, text: String)] {
        guard let jwt = settings.authentication.jwt else { return [] }
        return JWTSettings(jwt).problems.map { (key($0.setting), $0.sentence) }
    }

    private static func key(_ setting: JWTKeyError.Setting) -> String {
        switch setting {
        case .secret: "authentication.jwt.secret"
        case .publicKeyFile: "authentication.jwt.public_key"
        case .keySetFile: "authentication.jwt.jwks_file"
        }
    }
}

extension JWTSettings {
    init(_ settings: Settings.JWT) {
        self.init()
        secret = settings.secret?.value
        publicKeyFile = settings.publicKey
        keySetFile = settings.jwksFile
        keySetURL = settings.jwksURL
        refresh = settings.refresh
        issuer = settings.issuer
        audiences = settings.audience
        required = settings.required
        leeway = settings.leeway
        ownerClaim = settings.ownerClaim
        scopesClaim = settings.scopesClaim
        rolesClaim = settings.rolesClaim
    }
}
