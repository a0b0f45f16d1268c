import FPConfig
import FPFormats
import FPPolicy
import Logging

extension PolicyKeys {
    private static let key = "authentication.policies.keys"

    /// The keys of the settings; `nil` if there are none.
    /// - Throws: ``Refusal`` if a key cannot be read, or is none.
    init?(_ settings: Settings, logger: Logger? = nil) throws {
        guard let policies = settings.authentication.policies else { return nil }
        self.init()
        for key in policies.keys {
            do throws(Complaint) {
                try add(key.id, secret: try Self.secret(key, logger))
            } catch {
                throw Refusal(
                    .configuration,
                    "\(settings.position(of: Self.key)): \(FPFormats.quoted(Self.key + "." + key.id)) \(error.text)")
            }
        }
    }

    /// What ``init(_:logger:)`` would refuse.
    static func problems(_ settings: Settings) -> [(key: String, text: String)] {
        var keys = PolicyKeys()
        var problems: [(key: String, text: String)] = []
        for key in settings.authentication.policies?.keys ?? [] {
            do throws(Complaint) {
                try keys.add(key.id, secret: try secret(key, nil))
            } catch {
                problems.append((Self.key, "\(FPFormats.quoted(Self.key + "." + key.id)) \(error.text)"))
            }
        }
        return problems
    }

    private static func secret(
        _ key: Settings.Authentication.Policies.Key, _ logger: Logger?
    ) throws(Complaint) -> String {
        switch key.secret {
        case .value(let secret): return secret.value
        case .file(let path):
            do throws(SecretFile.Failure) {
                let secret = try SecretFile.read(path)
                if let exposure = SecretFile.exposure(of: path) { logger?.warning("\(exposure)") }
                return secret.value
            } catch {
                throw Complaint("cannot be had: \(error)")
            }
        }
    }
}

extension PolicyAuthenticator {
    /// The authenticator of the settings; `nil` if they have no keys of policies.
    /// - Throws: ``Refusal`` as ``PolicyKeys/init(_:logger:)`` does.
    init?(_ settings: Settings, logger: Logger) throws {
        guard let keys = try PolicyKeys(settings, logger: logger) else { return nil }
        self.init(keys)
    }
}
