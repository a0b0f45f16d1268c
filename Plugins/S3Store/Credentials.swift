import FPFormats
import FPPluginKit
import Glibc

/// What requests are signed with.
struct Credentials: Sendable, Equatable {
    let accessKey, secretKey: String
    var sessionToken: String?
    /// When they stop to work; nil for never.
    var expires: Timestamp?

    /// From the members that containers, machines and processes answer with.
    init?(_ members: [String: String]) {
        guard let access = members["AccessKeyId"], let secret = members["SecretAccessKey"] else { return nil }
        accessKey = access
        secretKey = secret
        sessionToken = members["Token"] ?? members["SessionToken"]
        expires = members["Expiration"].flatMap { Timestamp(iso8601: $0) }
    }

    /// From the JSON object with those members (RFC 8259) that they answer with; others than texts are passed over.
    init?(json: [UInt8]) {
        guard case .object(let members)? = try? JSON(parsing: json) else { return nil }
        var texts: [String: String] = [:]
        for member in members {
            if case .string(let text) = member.value { texts[member.name] = text }
        }
        self.init(texts)
    }

    init(accessKey: String, secretKey: String, sessionToken: String? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
    }
}

/// Finds credentials, keeps them, and gets new ones before they run out.
final class CredentialKeeper: Sendable {
    private struct State {
        var current: Credentials? {
            didSet { renewal = current.flatMap { Self.renewal(of: $0) } ?? .max }
        }
        /// From when on new ones are asked for.
        private(set) var renewal = Int64.max
        var isFetching = false

        /// Some minutes before they run out, but when three quarters of their time are over at the earliest: there are
        /// keys that live for a minute.
        private static func renewal(of credentials: Credentials) -> Int64? {
            guard let end = credentials.expires?.seconds else { return nil }
            let life = max(0, end - Timestamp.now.seconds)
            return end - min(CredentialKeeper.margin, life / 4)
        }
    }

    private let state = Monitor(State())
    private let sources: [any CredentialSource]
    private let isAnonymous: Bool

    /// How long before they run out new ones are asked for, in seconds.
    fileprivate static let margin: Int64 = 300

    init(_ settings: Settings, _ engine: Engine) {
        isAnonymous = settings.isAnonymous
        sources = settings.isAnonymous ? [] : Self.sources(settings, engine)
    }

    private static func sources(_ settings: Settings, _ engine: Engine) -> [any CredentialSource] {
        if let keys = settings.keys {
            return [
                FixedCredentials(
                    credentials: Credentials(
                        accessKey: keys.access, secretKey: keys.secret, sessionToken: keys.token))
            ]
        }
        // A profile that somebody named is what they want, whatever the environment has.
        if !settings.profile.isEmpty { return [ProfileCredentials(name: settings.profile, isRequired: true)] }
        return [
            EnvironmentCredentials(),
            ProfileCredentials(
                name: environment("AWS_PROFILE") ?? "default", isRequired: environment("AWS_PROFILE") != nil),
            ContainerCredentials(engine: engine), MachineCredentials(engine: engine),
        ]
    }

    /// Credentials that work now; nil to send requests unsigned.
    func current(_ call: borrowing Call) throws(PluginError) -> Credentials? {
        guard !isAnonymous else { return nil }
        let now = Timestamp.now.seconds
        let found: Credentials? = try state.wait(call) { state in
            if let current = state.current,
                now < (state.isFetching ? current.expires?.seconds ?? .max : state.renewal)
            {
                return .some(current)
            }
            guard !state.isFetching else { return nil }
            state.isFetching = true
            return .some(nil)
        }
        if let found { return found }
        do throws(PluginError) {
            let fetched = try fetch(call)
            state.withLock {
                $0.current = fetched
                $0.isFetching = false
            }
            return fetched
        } catch {
            let old = state.withLock { state in
                state.isFetching = false
                return state.current
            }
            // They still work for a while, and the source may be back by then.
            if let old, let end = old.expires, end.seconds > now { return old }
            throw error
        }
    }

    /// The credentials at hand, without waiting for any.
    var atHand: Credentials? { state.withLock { $0.current } }

    /// Drops credentials that S3 calls expired, so that the next request gets new ones.
    /// - Returns: false if there can be none.
    func expire(_ used: Credentials) -> Bool {
        state.withLock { if $0.current == used { $0.current = nil } }
        return !(sources.count == 1 && sources[0] is FixedCredentials)
    }

    private func fetch(_ call: borrowing Call) throws(PluginError) -> Credentials {
        for source in sources {
            if let found = try source.fetch(call) { return found }
        }
        throw PluginError(
            .auth,
            """
            there are no credentials: set `access_key` and `secret_key`, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
            or a profile, or give the container or machine a role
            """)
    }
}

/// One of the places that credentials come from.
protocol CredentialSource: Sendable {
    /// - Returns: nil if there are none here, so that the next place is looked at.
    /// - Throws: why the ones that should be here cannot be had.
    func fetch(_ call: borrowing Call) throws(PluginError) -> Credentials?
}

/// The configuration's own.
struct FixedCredentials: CredentialSource {
    let credentials: Credentials
    func fetch(_ call: borrowing Call) -> Credentials? { credentials }
}

/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
struct EnvironmentCredentials: CredentialSource {
    func fetch(_ call: borrowing Call) -> Credentials? {
        guard let access = environment("AWS_ACCESS_KEY_ID"), let secret = environment("AWS_SECRET_ACCESS_KEY") else {
            return nil
        }
        return Credentials(accessKey: access, secretKey: secret, sessionToken: environment("AWS_SESSION_TOKEN"))
    }
}
