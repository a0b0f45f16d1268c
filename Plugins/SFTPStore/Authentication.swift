import CSSH
import FPPluginKit
import Glibc

/// Logging in.
extension SSHSession {
    /// Tries the configured ways in their order, as far as the server offers them.
    func logIn(_ login: Settings.Login) throws(PluginError) {
        guard try answer(to: { ssh_userauth_none($0, nil) }) != SSH_AUTH_SUCCESS else { return }
        var reasons: [String] = []
        var remaining = login.methods
        while let method = remaining.first {
            remaining.removeFirst()
            guard isOffered(method) else {
                reasons.append("\(method.rawValue) is not offered by the server")
                continue
            }
            switch try attempt(method, login) {
            case .done: return
            case .more(let way):
                // One of several proofs that the server wants: what was not offered before may be now.
                reasons = ["\(way) was accepted, but the server wants more"]
                remaining = login.methods.filter { $0 != method }
            case .refused(let reason): reasons.append(reason)
            }
        }
        throw PluginError(.auth, "\(server.name) does not let \(server.user) in: \(reasons.joined(separator: "; "))")
    }

    private enum Outcome {
        case done
        case more(String)
        case refused(String)
    }

    private func answer(to step: (ssh_session) -> Int32) throws(PluginError) -> ssh_auth_e {
        let code = ssh_auth_e(rawValue: try drive(again: SSH_AUTH_AGAIN.rawValue, step))
        guard code != SSH_AUTH_ERROR else {
            throw PluginError(.transient, "logging in to \(server.name): \(problem)")
        }
        return code
    }

    private func isOffered(_ method: Settings.Login.Method) -> Bool {
        let bit =
            switch method {
            case .publicKey, .agent: SSH_AUTH_METHOD_PUBLICKEY
            case .password: SSH_AUTH_METHOD_PASSWORD
            case .interactive: SSH_AUTH_METHOD_INTERACTIVE
            }
        return UInt32(bitPattern: ssh_userauth_list(raw, nil)) & bit != 0
    }

    private func attempt(_ method: Settings.Login.Method, _ login: Settings.Login) throws(PluginError) -> Outcome {
        switch method {
        case .publicKey: return try tryKeys(login)
        case .agent: return outcome(try answer(to: { ssh_userauth_agent($0, nil) }), "a key of the agent")
        case .password:
            guard let password = login.password else { return .refused("`password` is not set") }
            return outcome(try answer(to: { ssh_userauth_password($0, nil, password) }), "the password")
        case .interactive:
            guard let password = login.password else { return .refused("`password` is not set") }
            return try converse(password)
        }
    }

    private func outcome(_ answer: ssh_auth_e, _ way: String) -> Outcome {
        switch answer {
        case SSH_AUTH_SUCCESS: .done
        case SSH_AUTH_PARTIAL: .more(way)
        default: .refused("\(way) was refused")
        }
    }

    // MARK: - Keys

    private func tryKeys(_ login: Settings.Login) throws(PluginError) -> Outcome {
        var reasons: [String] = []
        for source in keys(login) {
            let key: PrivateKey
            switch PrivateKey.load(source, passphrase: login.passphrase) {
            case .success(let loaded): key = loaded
            case .failure(let problem):
                reasons.append(problem.reason)
                continue
            }
            if source.isConfigured, let file = login.certificateFile, let reason = key.add(certificate: file) {
                reasons.append(reason)
            }
            let answer = try answer(to: { ssh_userauth_publickey($0, nil, key.raw) })
            guard answer == SSH_AUTH_SUCCESS || answer == SSH_AUTH_PARTIAL else {
                reasons.append("\(source.name) was refused")
                continue
            }
            return outcome(answer, source.name)
        }
        return .refused(reasons.isEmpty ? "`key_file` is not set" : reasons.joined(separator: "; "))
    }

    private func keys(_ login: Settings.Login) -> [PrivateKey.Source] {
        var sources: [PrivateKey.Source] = []
        if let path = login.keyFile { sources.append(.file(path, isConfigured: true)) }
        if let text = login.privateKey { sources.append(.text(text)) }
        guard !login.identitiesOnly else { return sources }
        for name in ["id_ed25519", "id_ecdsa", "id_rsa"] {
            guard let path = Environment.file(name), access(path, R_OK) == 0, path != login.keyFile else { continue }
            sources.append(.file(path, isConfigured: false))
        }
        return sources
    }

    // MARK: - Prompts

    /// Answers every prompt with the password: what else is asked for, such as a code, cannot be known here.
    private func converse(_ password: String) throws(PluginError) -> Outcome {
        // A server may go on asking; three rounds are enough for a greeting, a password and a thank-you.
        for _ in 0..<3 {
            let answer = try answer(to: { ssh_userauth_kbdint($0, nil, nil) })
            guard answer == SSH_AUTH_INFO else { return outcome(answer, "the password, at its prompt,") }
            for prompt in 0..<max(0, ssh_userauth_kbdint_getnprompts(raw)) {
                _ = ssh_userauth_kbdint_setanswer(raw, UInt32(prompt), password)
            }
        }
        let last = try answer(to: { ssh_userauth_kbdint($0, nil, nil) })
        return last == SSH_AUTH_INFO
            ? .refused("the server keeps asking") : outcome(last, "the password, at its prompt,")
    }
}

/// A private key in memory.
final class PrivateKey {
    let raw: ssh_key

    struct Problem: Error { let reason: String }

    /// Where a key comes from.
    enum Source {
        case file(String, isConfigured: Bool)
        case text(String)

        var name: String {
            switch self {
            case .file(let path, _): "the key in \(path)"
            case .text: "the key in `private_key`"
            }
        }

        var isConfigured: Bool { if case .file(_, false) = self { false } else { true } }
    }

    private init(_ raw: ssh_key) { self.raw = raw }

    deinit { ssh_key_free(raw) }

    static func load(_ source: Source, passphrase: String?) -> Result<PrivateKey, Problem> {
        if case .file(let path, _) = source, access(path, R_OK) != 0 {
            return .failure(Problem(reason: "\(source.name) cannot be read: \(PluginError.text(ofErrno: errno))"))
        }
        var key: ssh_key?
        var wasAsked = false
        // Without a function to ask, OpenSSL would ask on the terminal.
        let ask: ssh_auth_callback = { _, _, _, _, _, wasAsked in
            wasAsked?.assumingMemoryBound(to: Bool.self).pointee = true
            return -1
        }
        let code = withUnsafeMutablePointer(to: &wasAsked) { wasAsked in
            switch source {
            case .file(let path, _): ssh_pki_import_privkey_file(path, passphrase, ask, wasAsked, &key)
            case .text(let text): ssh_pki_import_privkey_base64(text, passphrase, ask, wasAsked, &key)
            }
        }
        if code == SSH_OK, let key { return .success(PrivateKey(key)) }
        let reason =
            if passphrase != nil {
                "\(source.name) cannot be decrypted: the passphrase is wrong, or it is no private key"
            } else if wasAsked {
                "\(source.name) is encrypted: set `passphrase`"
            } else {
                "\(source.name) is no private key that libssh knows, or it is encrypted and `passphrase` is not set"
            }
        return .failure(Problem(reason: reason))
    }

    /// - Returns: why the certificate cannot be used.
    func add(certificate path: String) -> String? {
        var certificate: ssh_key?
        guard ssh_pki_import_cert_file(path, &certificate) == SSH_OK, let certificate else {
            return "the certificate in \(path) cannot be read"
        }
        defer { ssh_key_free(certificate) }
        guard ssh_pki_copy_cert_to_privkey(certificate, raw) == SSH_OK else {
            // libssh 0.11.0 to 0.11.3 compares the two the wrong way round, which fails for Ed25519.
            if ssh_key_cmp(raw, certificate, SSH_KEY_CMP_PUBLIC) == 0 {
                let version = ssh_version(0).map { String(cString: $0) } ?? ""
                return "libssh \(version) takes no certificate of an Ed25519 key; 0.11.4 does, or use an ECDSA key"
            }
            return "the certificate in \(path) does not belong to the key"
        }
        return nil
    }
}
