import FPPluginKit

/// The options as the host shows and checks them.
extension Settings {
    static let host = Option.string("host", help: "The server's name or address.")

    static let port = Option.integer("port", in: 1...65535, default: 22, help: "The port of its SSH server.")

    static let username = Option.string(
        "username", help: "Whom to log in as. Without it, the user that the host process runs as."
    ).optional

    static let password = Option.secret(
        "password", help: "The password, also given to every prompt of keyboard-interactive authentication."
    ).optional

    static let keyFile = Option.path(
        "key_file", help: "A private key in a file, in OpenSSH's or PEM form."
    ).optional

    static let privateKey = Option.secret(
        "private_key", help: "A private key itself, in OpenSSH's or PEM form, in place of key_file."
    ).optional

    static let passphrase = Option.secret("passphrase", help: "What the private key is encrypted with.").optional

    static let certificateFile = Option.path(
        "certificate_file", help: "A certificate of the private key, as ssh-keygen -s writes it (-cert.pub)."
    ).optional

    static let allowAgent = Option.bool(
        "allow_agent", default: false, help: "Whether to offer the keys that ssh-agent holds.")

    static let agentSocket = Option.path(
        "agent_socket", help: "The socket of ssh-agent. Without it, what SSH_AUTH_SOCK says."
    ).optional.advanced

    static let identitiesOnly = Option.bool(
        "identities_only", default: true,
        help: """
            Whether key_file is the only key file to offer. If not, id_ed25519, id_ecdsa and id_rsa in ~/.ssh are too.
            """
    ).advanced

    static let authMethods = Option.string(
        "auth_methods", default: "publickey,agent,password,keyboard-interactive",
        help: "Which ways to log in, in which order, of those that the server offers."
    ).map { (text) throws(OptionProblem) in
        var methods: [Login.Method] = []
        for name in list(text) {
            guard let method = Login.Method(rawValue: name) else {
                let known = Login.Method.allCases.map(\.rawValue).joined(separator: ", ")
                throw OptionProblem("must list some of \(known), not \"\(name)\"")
            }
            methods.append(method)
        }
        return methods
    }.advanced

    static let knownHosts = Option.path(
        "known_host_file",
        help: "The host keys that are believed, or revoked, as OpenSSH keeps them. Without it, ~/.ssh/known_hosts."
    ).optional

    static let fingerprints = Option.string(
        "host_key", default: "",
        help: """
            The fingerprint of the server's host key (SHA256:...), or several by comma. No other key is believed then.
            """
    ).map { (text) throws(OptionProblem) in
        let found = list(text)
        for item in found where !item.hasPrefix("SHA256:") || item.utf8.count != 50 {
            throw OptionProblem("must be a fingerprint as ssh-keygen -l prints it, SHA256: and 43 characters")
        }
        return found
    }

    static let acceptNew = Option.bool(
        "accept_new", default: false,
        help: "Whether to believe the key of a server that is not in known_host_file yet, and to add it there.")

    static let proxyJump = Option.string(
        "proxy_jump", help: "A server to go through, as user@host:port. Its key is checked in known_host_file as well."
    ).optional

    static let jumpKeyFile = Option.path(
        "proxy_key_file", help: "The private key for the server to go through, if it is another."
    ).optional.advanced

    static let rootPath = Option.string(
        "root_path", default: "",
        help: """
            The directory on the server that holds the files. Made where it is missing. \
            Empty is the one that the server starts in; what does not start with a slash is below that.
            """)

    static let fileMode = Option.string(
        "file_mode", default: "0644", help: "The mode of stored files, in octal; it holds whatever the umask is."
    ).map { (text) throws(OptionProblem) in try mode(text) }

    static let directoryMode = Option.string(
        "dir_mode", default: "0755",
        help: "The mode of directories made for keys with a slash, in octal; it holds whatever the umask is."
    ).map { (text) throws(OptionProblem) in try mode(text) }

    static let uid = identity("uid", help: "The numeric owner of stored files. Most servers let only root change it.")

    static let gid = identity("gid", help: "The numeric group of stored files.")

    static let allowOverwrite = Option.bool(
        "allow_overwrite", default: false,
        help: """
            Whether a file may replace another. If not, a write, copy or move onto a key that is taken fails, \
            even where the host did not ask for a free key.
            """)

    static let maxConnections = Option.integer(
        "max_connections", in: 1...64, default: 4,
        help: "How many connections to keep, at most. One serves any number of files; more use more processors.")

    static let timeout = Option.duration(
        "timeout", in: .seconds(1)...(.seconds(600)), default: .seconds(20),
        help: "How long connecting and logging in may take.")

    static let answerTimeout = Option.duration(
        "answer_timeout", in: .seconds(1)...(.seconds(3600)), default: .seconds(60),
        help: "How long the server may be silent while it owes an answer, before the connection counts as lost."
    ).advanced

    static let keepAlive = Option.duration(
        "keepalive", in: .zero...(.seconds(3600)), default: .seconds(15),
        help: "After how long without traffic to ask the server for a sign of life. 0s is never."
    ).advanced

    static let idleClose = Option.duration(
        "idle_close", in: .zero...(.seconds(86400)), default: .seconds(120),
        help: "After how long without work to close a connection. 0s is never."
    ).advanced

    static let compress = Option.bool(
        "compress", default: false, help: "Whether to compress what is sent. For slow lines and text only."
    ).advanced

    // AES-GCM first: both ends have instructions for it. Names that the library does not know are left out by it.
    static let ciphers = Option.string(
        "ciphers",
        default: """
            aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr
            """,
        help: "The ciphers to offer, the best first."
    ).advanced

    static let keyExchange = Option.string(
        "kex_algorithms",
        default: """
            mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,\
            curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,\
            diffie-hellman-group16-sha512,diffie-hellman-group18-sha512
            """,
        help: "The key exchanges to offer, the best first."
    ).advanced

    static let hostKeyAlgorithms = Option.string(
        "host_key_algorithms",
        default: """
            ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256
            """,
        help: "The kinds of host keys to accept, the best first."
    ).advanced

    static let macs = Option.string(
        "macs",
        default: "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512",
        help: "The message authentication codes to offer, for ciphers that need one."
    ).advanced

    static let declarations = [
        host.declaration, port.declaration, username.declaration, password.declaration, keyFile.declaration,
        privateKey.declaration,
        passphrase.declaration, certificateFile.declaration, allowAgent.declaration, agentSocket.declaration,
        identitiesOnly.declaration, authMethods.declaration, knownHosts.declaration, fingerprints.declaration,
        acceptNew.declaration, proxyJump.declaration, jumpKeyFile.declaration, rootPath.declaration,
        fileMode.declaration, directoryMode.declaration, uid.declaration, gid.declaration,
        allowOverwrite.declaration, maxConnections.declaration, timeout.declaration, answerTimeout.declaration,
        keepAlive.declaration, idleClose.declaration, compress.declaration, ciphers.declaration,
        keyExchange.declaration, hostKeyAlgorithms.declaration, macs.declaration,
    ]

    private static func identity(_ key: String, help: String) -> Option<UInt32?> {
        Option.string(key, default: "", help: help).map { (text) throws(OptionProblem) in
            guard !text.isEmpty else { return nil }
            guard let number = UInt32(text) else { throw OptionProblem("must be a number, not \"\(text)\"") }
            return number
        }
    }

    private static func list(_ text: String) -> [String] {
        text.split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init)
    }

    private static func mode(_ text: String) throws(OptionProblem) -> UInt32 {
        guard let mode = UInt32(text, radix: 8), mode <= 0o7777, !text.hasPrefix("+") else {
            throw OptionProblem("must be an octal mode such as 0644, not \"\(text)\"")
        }
        return mode
    }
}
