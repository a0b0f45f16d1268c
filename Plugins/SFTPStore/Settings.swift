import FPPluginKit
import Glibc

/// The options of a store; docs/sftp.md says what they are called in django-storages.
struct Settings: Sendable {
    let server: Endpoint
    let jump: Endpoint?
    let trust: Trust
    let login: Login
    let jumpLogin: Login
    let algorithms: Algorithms
    let timing: Timing
    /// As configured: absolute, or below the directory that the server starts in.
    let rootPath: String
    let fileMode: UInt32
    let directoryMode: UInt32
    let user: UInt32?
    let group: UInt32?
    let allowOverwrite: Bool
    private let hasPrivateKey: Bool
    let maxConnections: Int

    struct Endpoint: Sendable, Equatable {
        let host: String
        let port: UInt16
        let user: String

        /// For messages.
        var name: String { port == 22 ? host : "\(host):\(port)" }
    }

    /// Which host keys are accepted.
    struct Trust: Sendable {
        /// The file that new keys are added to.
        let knownHosts: String
        /// `knownHosts` comes from the options; otherwise it is the one in the user's ~/.ssh.
        let isFileGiven: Bool
        /// "SHA256:..."; not empty if only these are accepted.
        var fingerprints: [String]
        let acceptNew: Bool

        static let machineFiles = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]

        /// All that are read, as by OpenSSH.
        var files: [String] {
            let own = isFileGiven ? [knownHosts] : knownHosts.isEmpty ? [] : [knownHosts, "\(knownHosts)2"]
            return own + Self.machineFiles
        }
    }

    /// How to authenticate.
    struct Login: Sendable {
        enum Method: String, Sendable, CaseIterable {
            case publicKey = "publickey"
            case agent
            case password
            case interactive = "keyboard-interactive"
        }

        let methods: [Method]
        let keyFile: String?
        /// The text of a key, in place of a file.
        let privateKey: String?
        let certificateFile: String?
        let passphrase: String?
        let password: String?
        let agentSocket: String?
        /// Offer only `keyFile`, not what else lies in ~/.ssh.
        let identitiesOnly: Bool
    }

    struct Algorithms: Sendable {
        let ciphers: String
        let keyExchange: String
        let hostKeys: String
        let macs: String
        let compress: Bool
    }

    struct Timing: Sendable {
        /// For all steps until the first request can be sent.
        let connect: Duration
        /// How long a server may be silent while a request waits for its answer.
        let answer: Duration
        let keepAlive: Duration
        let idleClose: Duration
    }

    init(_ config: ConfigNode) throws(PluginError) {
        let userName = try config.value(of: Self.username) ?? Environment.userName
        server = Endpoint(
            host: try config.value(of: Self.host), port: UInt16(clamping: try config.value(of: Self.port)),
            user: userName)
        let password = try config.value(of: Self.password)
        let keyFile = try config.value(of: Self.keyFile)
        let privateKey = try config.value(of: Self.privateKey)
        let agentSocket = try config.value(of: Self.agentSocket)
        let usesAgent = try config.value(of: Self.allowAgent)
        let methods = try config.value(of: Self.authMethods)
        func login(_ keyFile: String?, _ passphrase: String?, _ certificate: String?) throws(PluginError) -> Login {
            Login(
                methods: methods.filter { $0 != .agent || usesAgent }, keyFile: keyFile,
                privateKey: keyFile == nil ? privateKey : nil, certificateFile: certificate,
                passphrase: passphrase, password: password, agentSocket: agentSocket ?? Environment.agentSocket,
                identitiesOnly: try config.value(of: Self.identitiesOnly))
        }
        let passphrase = try config.value(of: Self.passphrase)
        self.login = try login(keyFile, passphrase, try config.value(of: Self.certificateFile))
        let jumpKey = try config.value(of: Self.jumpKeyFile)
        jumpLogin = try login(jumpKey ?? keyFile, jumpKey == nil ? passphrase : nil, nil)
        if let text = try config.value(of: Self.proxyJump) {
            jump = try Self.endpoint(text, user: userName)
        } else {
            jump = nil
        }
        let knownHosts = try config.value(of: Self.knownHosts)
        trust = Trust(
            knownHosts: knownHosts ?? Environment.file("known_hosts") ?? "", isFileGiven: knownHosts != nil,
            fingerprints: try config.value(of: Self.fingerprints), acceptNew: try config.value(of: Self.acceptNew))
        algorithms = Algorithms(
            ciphers: try config.value(of: Self.ciphers), keyExchange: try config.value(of: Self.keyExchange),
            hostKeys: try config.value(of: Self.hostKeyAlgorithms), macs: try config.value(of: Self.macs),
            compress: try config.value(of: Self.compress))
        timing = Timing(
            connect: try config.value(of: Self.timeout), answer: try config.value(of: Self.answerTimeout),
            keepAlive: try config.value(of: Self.keepAlive), idleClose: try config.value(of: Self.idleClose))
        hasPrivateKey = privateKey != nil
        rootPath = try config.value(of: Self.rootPath)
        fileMode = try config.value(of: Self.fileMode)
        directoryMode = try config.value(of: Self.directoryMode)
        user = try config.value(of: Self.uid)
        group = try config.value(of: Self.gid)
        allowOverwrite = try config.value(of: Self.allowOverwrite)
        maxConnections = Int(try config.value(of: Self.maxConnections))
    }

    /// Rules between options.
    func check() throws(PluginError) {
        func refuse(_ reason: String) throws(PluginError) { throw PluginError(.config, reason) }
        if server.user.isEmpty { try refuse("the option `username` is required where the process has no user name") }
        if login.keyFile == nil, login.privateKey == nil, login.certificateFile != nil {
            try refuse("the option `certificate_file` needs `key_file`, the private key that it certifies")
        }
        if login.keyFile != nil, hasPrivateKey {
            try refuse("`key_file` and `private_key` both give a private key; drop one of the two")
        }
        if (user == nil) != (group == nil) {
            try refuse("the options `uid` and `gid` go together, because SFTP sets both at once; give both or none")
        }
        if !trust.fingerprints.isEmpty, trust.acceptNew {
            try refuse("`host_key` pins the key, so that `accept_new` can have no effect; drop one of the two")
        }
        if trust.fingerprints.isEmpty, trust.knownHosts.isEmpty {
            try refuse("there is no home directory with .ssh/known_hosts; give `known_host_file` or `host_key`")
        }
        if login.methods.isEmpty { try refuse("`auth_methods` leaves no way to log in") }
        if !rootPath.utf8.allSatisfy({ $0 != 0 }) { try refuse("the option `root_path` has a zero byte") }
    }

    private static func endpoint(_ text: String, user: String) throws(PluginError) -> Endpoint {
        var rest = text[...]
        var user = user
        if let at = rest.lastIndex(of: "@") {
            user = String(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        var port: UInt16 = 22
        if let colon = rest.lastIndex(of: ":"), !rest[..<colon].contains(":") || rest[..<colon].hasSuffix("]") {
            guard let number = UInt16(rest[rest.index(after: colon)...]), number > 0 else {
                throw PluginError(.config, "the option `proxy_jump` must look like user@host:22, not \"\(text)\"")
            }
            port = number
            rest = rest[..<colon]
        }
        if rest.hasPrefix("["), rest.hasSuffix("]") { rest = rest.dropFirst().dropLast() }
        guard !rest.isEmpty, !user.isEmpty else {
            throw PluginError(.config, "the option `proxy_jump` must look like user@host:22, not \"\(text)\"")
        }
        return Endpoint(host: String(rest), port: port, user: user)
    }
}

/// What the process's own user has, as `ssh` would find it.
enum Environment {
    static let agentSocket: String? = getenv("SSH_AUTH_SOCK").map { String(cString: $0) }

    /// A file below ~/.ssh; nil for a user without a home.
    static func file(_ name: String) -> String? { home.map { "\($0)/.ssh/\(name)" } }

    static let userName: String = user { $0.pw_name } ?? ""

    private static let home: String? =
        getenv("HOME").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? user { $0.pw_dir }

    private static func user(_ field: (passwd) -> UnsafeMutablePointer<CChar>?) -> String? {
        var record = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4096)
        guard getpwuid_r(geteuid(), &record, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return field(record).map { String(cString: $0) }
    }
}
