import FPFormats
import Logging

/// Which tokens are good, and what they say.
public struct JWTSettings: Sendable {
    /// The secret of HMACs, 32 bytes or more.
    public var secret: String?
    /// The absolute path of a PEM file with public keys.
    public var publicKeyFile: String?
    /// The absolute path of a JSON Web Key Set (RFC 7517, section 5).
    public var keySetFile: String?
    /// The URL of a JSON Web Key Set.
    public var keySetURL: String?
    /// How old the set of the URL may become.
    public var refresh = Duration.seconds(600)
    /// What `iss` must be; nil for anything.
    public var issuer: String?
    /// Of what `aud` must name one. Empty: a token that names an audience is refused.
    public var audiences: [String] = []
    /// Claims that must have these values, by their names. What tells an access token from another one, where the header does
    /// not (RFC 8725, section 3.12).
    public var required: [String: String] = [:]
    /// How far the issuer's clock may be from this one's.
    public var leeway = Duration.seconds(30)
    /// The claim that names the owner of uploads.
    public var ownerClaim = "sub"
    /// The claim with the scopes: words, or a list. With dots, the way through objects.
    public var scopesClaim = "scope"
    /// The claim with the roles, likewise.
    public var rolesClaim = "roles"

    /// Settings without any key, by which no token is good.
    public init() {}
}

/// A setting by which there can be no keys.
public struct JWTKeyError: Error, Sendable {
    /// Which one.
    public enum Setting: Sendable {
        /// ``JWTSettings/secret``
        case secret
        /// ``JWTSettings/publicKeyFile``
        case publicKeyFile
        /// ``JWTSettings/keySetFile``
        case keySetFile
    }

    /// Which one.
    public let setting: Setting
    /// What is wrong with it, and what to do. For the operator only, as it names the path.
    public let sentence: String
}

extension JWTSettings {
    /// What is wrong with the keys that are on this machine.
    public var problems: [JWTKeyError] {
        var problems: [JWTKeyError] = []
        do throws(JWTKeyError) { _ = try fixedKeys() } catch { problems.append(error) }
        for (path, form, setting) in files {
            do throws(Complaint) {
                _ = try KeyFile.read(path, form)
            } catch {
                problems.append(JWTKeyError(setting: setting, sentence: "\(path) \(error.text)."))
            }
        }
        return problems
    }

    /// The keys. Files are read now.
    func keyRing(download: KeyDownload?, logger: Logger, clock: JWTClock) throws(JWTKeyError) -> KeyRing {
        let fixed = try fixedKeys()
        var open: [KeyFile] = []
        for (path, form, setting) in files {
            do throws(Complaint) {
                open.append(try KeyFile(path, form, logger: logger, now: clock.now().steady))
            } catch {
                throw JWTKeyError(setting: setting, sentence: "\(path) \(error.text).")
            }
        }
        let server = keySetURL.flatMap { url in
            download.map {
                KeyServer(url, refresh: refresh, download: $0, logger: logger, now: { clock.now().steady })
            }
        }
        return KeyRing(fixed: fixed, files: open, server: server)
    }

    private var files: [(String, KeyFile.Form, JWTKeyError.Setting)] {
        [(publicKeyFile, .pem, .publicKeyFile), (keySetFile, .keySet, .keySetFile)].compactMap { path, form, setting in
            path.map { ($0, form, setting) }
        }
    }

    private func fixedKeys() throws(JWTKeyError) -> [VerificationKey] {
        guard let secret else { return [] }
        guard let key = VerificationKey(secret: Array(secret.utf8), id: nil) else {
            throw JWTKeyError(
                setting: .secret, sentence: "The secret is shorter than 32 bytes and may be guessed; make it longer.")
        }
        return [key]
    }

    var claimRules: ClaimRules {
        ClaimRules(
            issuer: issuer, audiences: audiences, required: required, leeway: leeway / .seconds(1),
            ownerClaim: ownerClaim,
            scopesClaim: scopesClaim, rolesClaim: rolesClaim)
    }
}
