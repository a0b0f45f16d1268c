import CSSH
import FPPluginKit
import Synchronization

/// Is it the right server? Nothing is sent to it, no name and no password, before that is known.
extension SSHSession {
    /// One at a time: connections that open together would each add the same new line.
    private static let additions = Mutex(())

    func checkHostKey(_ trust: Settings.Trust) throws(PluginError) {
        guard let found = serverKey() else {
            throw PluginError(.transient, "\(server.name) showed no host key: \(problem)")
        }
        let known = KnownHosts(server, files: trust.files)
        let verdict = known.verdict(on: found.key)
        if case .revoked(let line) = verdict {
            throw PluginError(
                .auth,
                """
                \(server.name) has the \(found.type) host key \(found.fingerprint), which \(line.place) revokes (@revoked): \
                somebody may have stolen it; give the server a new key, or remove that line if it is wrong
                """)
        }
        if !trust.fingerprints.isEmpty {
            guard !trust.fingerprints.contains(found.fingerprint) else { return }
            let pinned = trust.fingerprints.joined(separator: " or ")
            throw PluginError(
                .auth,
                "\(server.name) has the \(found.type) host key \(found.fingerprint), but `host_key` says \(pinned)")
        }
        // What it revokes counts as well, so that nothing is believed without it.
        if let file = known.unreadable.first, trust.isFileGiven {
            throw PluginError(.auth, "the host key of \(server.name) cannot be checked: \(file)")
        }
        switch verdict {
        case .known: return
        case .unknown where trust.acceptNew: try accept(found, trust)
        default: throw refusal(verdict, found, trust, known.unreadable)
        }
    }

    private func refusal(
        _ verdict: KnownHosts.Verdict, _ found: ServerKey, _ trust: Settings.Trust, _ unreadable: [String]
    ) -> PluginError {
        switch verdict {
        case .changed(let lines):
            let known = lines.map { "\($0.type) \(Self.fingerprint($0.key))" }.joined(separator: ", ")
            return PluginError(
                .auth,
                """
                \(server.name) has the \(found.type) host key \(found.fingerprint) and not what is known (\(known)): \
                somebody may be in between; if the server has a new key, replace its lines in \(trust.knownHosts)
                """)
        case .unclear(let reason):
            return PluginError(
                .auth, "\(server.name) has the \(found.type) host key \(found.fingerprint), and \(reason)")
        default:
            let advice = "if it is right, add it to \(trust.knownHosts) (ssh-keyscan), or pin it with `host_key`"
            let note = unreadable.isEmpty ? "" : "; not read: \(unreadable.joined(separator: ", "))"
            return PluginError(
                .auth, "\(server.name) is unknown; its \(found.type) host key is \(found.fingerprint): \(advice)\(note)"
            )
        }
    }

    private func accept(_ found: ServerKey, _ trust: Settings.Trust) throws(PluginError) {
        let code = Self.additions.withLock { _ in
            // Another connection may have added it meanwhile.
            if case .known = KnownHosts(server, files: trust.files).verdict(on: found.key) { return SSH_OK }
            return ssh_session_update_known_hosts(raw)
        }
        guard code == SSH_OK else {
            throw PluginError(.auth, "cannot add the key of \(server.name) to \(trust.knownHosts): \(problem)")
        }
    }

    private struct ServerKey {
        let type: String
        let key: [UInt8]
        var fingerprint: String { SSHSession.fingerprint(key) }
    }

    private func serverKey() -> ServerKey? {
        var key: ssh_key?
        guard ssh_get_server_publickey(raw, &key) == SSH_OK, let key else { return nil }
        defer { ssh_key_free(key) }
        var text: UnsafeMutablePointer<CChar>?
        guard ssh_pki_export_pubkey_base64(key, &text) == SSH_OK, let text else { return nil }
        defer { ssh_string_free_char(text) }
        guard let bytes = KnownHosts.decoded(String(cString: text).utf8) else { return nil }
        var reader = ByteReader(bytes, .ssh)
        return reader.nextText().map { ServerKey(type: $0, key: bytes) }
    }

    /// As `ssh-keygen -l` prints it. libssh hashes keys that it knows only, so the kinds that it does not have none.
    private static func fingerprint(_ bytes: [UInt8]) -> String {
        var reader = ByteReader(bytes, .ssh)
        var key: ssh_key?
        guard let name = reader.nextText(),
            ssh_pki_import_pubkey_base64(base64(bytes), ssh_key_type_from_name(name), &key) == SSH_OK, let key
        else { return "of a kind that is not known here" }
        defer { ssh_key_free(key) }
        var hash: UnsafeMutablePointer<UInt8>?
        var size = 0
        guard ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) == SSH_OK else { return "" }
        defer { ssh_clean_pubkey_hash(&hash) }
        guard let text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size) else { return "" }
        defer { ssh_string_free_char(text) }
        return String(cString: text)
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                let digit = digits[Int(bits >> UInt32(18 - 6 * place) & 63)]
                text.append(place <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
