import CSSH
import FPPluginKit
import Glibc
import Synchronization

/// Is it the right server? Nothing is sent to it, no name and no password, before that is known.
extension SSHSession {
    /// One at a time: connections that open together would each add the same new line.
    private static let additions = Mutex(())
    static let machineKnownHosts = "/etc/ssh/ssh_known_hosts"

    func checkHostKey(_ trust: Settings.Trust) throws(PluginError) {
        guard let found = serverFingerprint() else {
            throw PluginError(.transient, "\(server.name) showed no host key: \(problem)")
        }
        if !trust.fingerprints.isEmpty {
            guard !trust.fingerprints.contains(found.text) else { return }
            let pinned = trust.fingerprints.joined(separator: " or ")
            throw PluginError(
                .auth, "\(server.name) has the \(found.type) host key \(found.text), but `host_key` says \(pinned)")
        }
        let advice = "if it is right, add it to \(trust.knownHosts) (ssh-keyscan), or pin it with `host_key`"
        let verdict = ssh_session_is_known_server(raw)
        switch verdict {
        case SSH_KNOWN_HOSTS_OK: return
        case SSH_KNOWN_HOSTS_UNKNOWN, SSH_KNOWN_HOSTS_NOT_FOUND:
            guard !trust.acceptNew else { return try accept(trust) }
            throw PluginError(
                .auth, "\(server.name) is unknown; its \(found.type) host key is \(found.text): \(advice)")
        case SSH_KNOWN_HOSTS_CHANGED, SSH_KNOWN_HOSTS_OTHER:
            let known = knownFingerprints(trust).map { "\($0.type) \($0.text)" }.joined(separator: ", ")
            throw PluginError(
                .auth,
                """
                \(server.name) has the \(found.type) host key \(found.text) and not what is known (\(known)): somebody may be in \
                between; if the server has a new key, replace its lines in \(trust.knownHosts)
                """)
        default:
            throw PluginError(.auth, "the host key of \(server.name) cannot be checked: \(problem)")
        }
    }

    private func accept(_ trust: Settings.Trust) throws(PluginError) {
        let code = Self.additions.withLock { _ in
            ssh_session_is_known_server(raw) == SSH_KNOWN_HOSTS_OK ? SSH_OK : ssh_session_update_known_hosts(raw)
        }
        guard code == SSH_OK else {
            throw PluginError(.auth, "cannot add the key of \(server.name) to \(trust.knownHosts): \(problem)")
        }
    }

    private struct Fingerprint {
        let type: String
        let text: String

        init?(_ key: ssh_key) {
            var hash: UnsafeMutablePointer<UInt8>?
            var size = 0
            guard ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) == SSH_OK else { return nil }
            defer { ssh_clean_pubkey_hash(&hash) }
            guard let text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size) else { return nil }
            defer { ssh_string_free_char(text) }
            self.text = String(cString: text)
            type = ssh_key_type_to_char(ssh_key_type(key)).map { String(cString: $0) } ?? "unknown"
        }
    }

    private func serverFingerprint() -> Fingerprint? {
        var key: ssh_key?
        guard ssh_get_server_publickey(raw, &key) == SSH_OK, let key else { return nil }
        defer { ssh_key_free(key) }
        return Fingerprint(key)
    }

    /// What the files say about this host; libssh keeps it to itself if the server shows something else.
    private func knownFingerprints(_ trust: Settings.Trust) -> [Fingerprint] {
        let name = server.port == 22 ? server.host : "[\(server.host)]:\(server.port)"
        return [trust.knownHosts, Self.machineKnownHosts].flatMap { lines(of: $0) }.compactMap { line in
            var entry: UnsafeMutablePointer<ssh_knownhosts_entry>?
            guard ssh_known_hosts_parse_line(name, line, &entry) == SSH_OK, let entry else { return nil }
            defer { ssh_knownhosts_entry_free(entry) }
            return entry.pointee.publickey.flatMap { Fingerprint($0) }
        }
    }

    private func lines(of path: String) -> [String] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        var lines: [String] = []
        while getline(&line, &capacity, file) > 0, let text = line { lines.append(String(cString: text)) }
        // libssh would take the end of the line for a part of the key.
        return lines.map { String($0.prefix { !$0.isNewline }) }
    }
}
