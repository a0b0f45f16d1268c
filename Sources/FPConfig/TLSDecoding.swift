import FPFormats

/// `server.tls`. Whether the files are a certificate and its key is for the server to say.
extension SettingsDecoder {
    func tls(_ addresses: [ListenAddress]) -> Settings.TLS? {
        let keys = ["server.tls.certificate", "server.tls.key"]
        let given = keys.compactMap { values[$0] }
        let isUsed = addresses.contains(where: \.isEncrypted)
        guard let first = given.first else {
            if isUsed, let node = values["server.listen"] {
                complain(
                    node,
                    "\"server.listen\" has an address with https://, which needs \"server.tls.certificate\" and "
                        + "\"server.tls.key\"; name the two files")
            }
            return nil
        }
        guard given.count == keys.count else {
            complain(first, "\"server.tls\" needs \"certificate\" and \"key\"; name the other file too")
            return nil
        }
        if !isUsed, let position = first.position {
            problems.warning(
                at: position, "\"server.tls\" is for no address; write https:// before one of \"server.listen\"")
        }
        guard let certificate = path(keys[0]), let key = path(keys[1]) else { return nil }
        if let exposure = SecretFile.exposure(of: key), let position = values[keys[1]]?.position {
            problems.warning(at: position, exposure)
        }
        return Settings.TLS(certificate: certificate, key: key, http2: values.bool("server.tls.http2"))
    }

    private func path(_ key: String) -> String? {
        guard let node = values[key] else { return nil }
        switch source.absolutePath(node.text) {
        case .success(let path): return path
        case .failure(let complaint):
            complain(node, "\(quoted(key)) \(complaint.text)")
            return nil
        }
    }
}
