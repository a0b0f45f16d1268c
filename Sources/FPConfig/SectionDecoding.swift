import FPFormats

/// Sections of the file whose values need more than a type.
extension SettingsDecoder {
    func server() -> Settings.Server {
        let addresses = listen()
        return Settings.Server(
            listen: addresses,
            basePath: values["server.base_path"].flatMap { parsedBasePath($0) } ?? "/",
            demo: values.bool("server.demo"),
            demoAssets: location("server.demo_assets"),
            cors: cors(),
            timeouts: Settings.Timeouts(
                header: values.duration("server.timeouts.header"),
                idle: values.duration("server.timeouts.idle"),
                bodyIdle: values.duration("server.timeouts.body_idle"),
                writeIdle: values.duration("server.timeouts.write_idle"),
                shutdown: values.duration("server.timeouts.shutdown")
            ),
            maxConnections: values.int("server.max_connections"),
            maxConnectionsPerAddress: values.int("server.max_connections_per_address"),
            limits: Settings.Limits(
                head: values.size("server.limits.head"), minimumRate: values.size("server.limits.minimum_rate")),
            rate: Settings.Rate(
                perAddress: values.int("server.rate.per_address"), perOwner: values.int("server.rate.per_owner"),
                burst: values.int("server.rate.burst")),
            trustedProxies: parsed("server.trusted_proxies", PeerRule.parse),
            forwarded: values.choice("server.forwarded"),
            proxyProtocol: parsed("server.proxy_protocol", PeerRule.parse),
            tls: tls(addresses),
            loadByPath: values.bool("server.load_by_path")
        )
    }

    func uploads(staging: String) -> Settings.Uploads {
        Settings.Uploads(
            staging: staging,
            maxSize: values.size("uploads.max_size"),
            expireAfter: values.duration("uploads.expire_after"),
            durability: values.choice("uploads.durability"),
            digest: values.choice("uploads.digest"),
            maxMetadata: values.size("uploads.max_metadata"),
            maxFiles: values.int("uploads.max_files"),
            perOwner: Settings.PerOwner(
                bytes: values["uploads.per_owner.bytes"]?.i64,
                count: values["uploads.per_owner.count"].map { Int($0.i64) },
                inProgress: values["uploads.per_owner.in_progress"].map { Int($0.i64) }
            ),
            perAddress: Settings.PerAddress(
                inProgress: values["uploads.per_address.in_progress"].map { Int($0.i64) }
            ),
            reserve: values.size("uploads.reserve"),
            allowedTypes: types("uploads.types.allow"),
            forbiddenTypes: types("uploads.types.forbid"),
            field: field(),
            sweepEvery: values.duration("uploads.sweep_every")
        )
    }

    func fetch(_ uploads: Settings.Uploads) -> Settings.Fetch {
        Settings.Fetch(
            enabled: values.bool("fetch.enabled"),
            maxSize: capped("fetch.max_size", by: "uploads.max_size", Quantity.size.text),
            timeout: values.duration("fetch.timeout"),
            connectTimeout: .milliseconds(capped("fetch.connect_timeout", by: "fetch.timeout", Quantity.duration.text)),
            maxRedirects: values.int("fetch.max_redirects"),
            minimumRate: values.size("fetch.minimum_rate"),
            schemes: chosen("fetch.schemes", WebScheme.parse, such: "http or https"),
            ports: values["fetch.ports"].map { _ in chosen("fetch.ports", PortRange.parse, such: "443") },
            hosts: values["fetch.hosts"].map { _ in chosen("fetch.hosts", HostRule.parse, such: "files.example.org") },
            deny: parsed("fetch.deny", HostRule.parse),
            allow: parsed("fetch.allow", HostRule.parse),
            concurrency: values.int("fetch.concurrency")
        )
    }

    /// A list outside of which nothing is fetched, so that an empty one would be a way to say that nothing is.
    private func chosen<Value>(
        _ key: String, _ parse: (String) -> Result<Value, Complaint>, such example: String
    ) -> [Value] {
        if let node = values[key], node.children.isEmpty {
            complain(
                node,
                "\(quoted(key)) is empty, so that nothing could be fetched; name one, such as \(example), or set "
                    + "\"fetch.enabled\" to false")
        }
        return parsed(key, parse)
    }

    func catalog() -> Settings.Catalog? {
        guard let node = values["catalog"], !isReplaced("catalog") else { return nil }
        guard let (scheme, place) = node.text.cut(at: ":"), Self.isScheme(scheme) else {
            complain(node, "\"catalog\" must be a URL, such as sqlite:PATH; the value is not shown")
            return nil
        }
        // Behind two slashes there is a host, and nothing that only this file's directory could complete.
        guard !place.begins(with: "//") else { return Settings.Catalog(url: Secret(node.text)) }
        guard !place.begins(with: ":"), !place.has("?") else {
            complain(
                node,
                "\"catalog\" must name a file after \(scheme):, as in sqlite:./data/fphost.db or "
                    + "sqlite:/var/lib/x.db")
            return nil
        }
        switch source.absolutePath(String(place)) {
        case .success(let path) where FileAccess.kind(of: path) == .directory:
            complain(node, "\"catalog\" names \(path), which is a directory; name a file in it")
        case .success(let path): return Settings.Catalog(url: Secret("\(scheme):\(path)"))
        case .failure(let complaint): complain(node, "the path of \"catalog\" \(complaint.text)")
        }
        return nil
    }

    /// Whether a text can be the scheme of a URL (RFC 3986, section 3.1), in lower case.
    private static func isScheme(_ text: Substring) -> Bool {
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let others = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let first = text.utf8.first, letters.contains(first) else { return false }
        return text.utf8.allSatisfy { letters.contains($0) || others.contains($0) || "+-.".utf8.contains($0) }
    }

    private func listen() -> [ListenAddress] {
        let addresses = parsed("server.listen", listenAddress)
        if let node = values["server.listen"] {
            if node.children.isEmpty {
                complain(node, "\"server.listen\" is empty; name an address, such as 127.0.0.1:8080")
            }
            // Once each, whether with TLS or without.
            let chosen = addresses.compactMap { address -> ListenAddress? in
                switch address {
                case .tcp(_, 0), .tls(_, 0): nil
                case .tls(let host, let port): .tcp(host: host, port: port)
                case .tcp, .unix, .inherited: address
                }
            }
            if Set(chosen).count < chosen.count {
                complain(node, "\"server.listen\" names one address twice; remove one of them")
            }
            let inherited = addresses.filter { if case .inherited = $0 { true } else { false } }
            if inherited.count > 1, inherited.contains(.inherited(name: nil)) {
                complain(
                    node,
                    "\"server.listen\" has systemd, the only socket that there is, beside another one; name each, as in "
                        + "systemd:NAME")
            }
        }
        return addresses
    }

    /// An address whose socket, if it is one, can be made.
    private func listenAddress(_ text: String) -> Result<ListenAddress, Complaint> {
        ListenAddress.parse(text).flatMap { address in
            guard case .unix(let path) = address else { return .success(address) }
            return source.absolutePath(path).flatMap(Self.socket)
        }
    }

    private static func socket(_ path: String) -> Result<ListenAddress, Complaint> {
        let longest = ListenAddress.longestPath
        guard path.utf8.count <= longest else {
            return .failure(Complaint("is the path \(path), longer than the \(longest) bytes of a socket's path"))
        }
        let directory = String(path.cutAtLast("/")?.before ?? "")
        guard FileAccess.kind(of: directory.isEmpty ? "/" : directory) == .directory else {
            return .failure(Complaint("needs the directory \(directory), which does not exist; create it"))
        }
        return .success(.unix(path: path))
    }

    private func parsedBasePath(_ node: CheckedNode) -> String? {
        switch BasePathSyntax.segments(of: node.text) {
        case .success(let segments): return "/" + segments.joined(separator: "/")
        case .failure(let complaint):
            complain(node, "\"server.base_path\" \(complaint.text)")
            return nil
        }
    }

    private func cors() -> Settings.CORS? {
        guard let node = values["server.cors.origins"] else {
            let others = ["server.cors.credentials", "server.cors.max_age"].compactMap { values[$0] }
            if let other = others.first(where: { !$0.isDefaulted }) {
                complain(
                    other, "\"server.cors\" has no \"origins\", so nothing of it applies; name the origins that may")
            }
            return nil
        }
        let credentials = values.bool("server.cors.credentials")
        let maxAge = values.duration("server.cors.max_age")
        guard node.children.contains(where: { $0.text == "*" }) else {
            let origins = parsed("server.cors.origins", Origin.parse)
            return origins.isEmpty
                ? nil : Settings.CORS(origins: .exactly(origins), credentials: credentials, maxAge: maxAge)
        }
        if node.children.count > 1 {
            complain(node, "\"server.cors.origins\" has \"*\" among others; write \"*\" alone, or the origins alone")
        }
        if credentials, let credentials = values["server.cors.credentials"] {
            complain(
                credentials,
                "\"server.cors.credentials\" cannot be true while \"origins\" is \"*\": every page on the web could act "
                    + "for its visitors; name the origins"
            )
        }
        return Settings.CORS(origins: .any, credentials: credentials, maxAge: maxAge)
    }

    /// An empty list would be taken for "nothing" by one reader and for "everything" by another.
    private func types(_ key: String) -> [TypePattern] {
        if let node = values[key], node.children.isEmpty {
            complain(node, "\(quoted(key)) is empty; name media types or extensions, or leave the key out")
        }
        return parsed(key, TypePattern.parse)
    }

    private func field() -> String {
        let name = values.text("uploads.field")
        guard let node = values["uploads.field"] else { return name }
        let isPrintable = name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control && $0 != "\"" }
        if name.isEmpty || name.utf8.count > 128 || !isPrintable {
            complain(node, "\"uploads.field\" must be a field name of 1 to 128 bytes without quotes, such as filepond")
        } else if name == "fp_upload_field" {
            complain(
                node, "\"uploads.field\" cannot be fp_upload_field, in which requests name their field; choose another")
        }
        return name
    }
}

extension Settings.Catalog: CustomStringConvertible {
    /// `sqlite:/srv/data/fphost.db`; of a URL with a host no more than its scheme, since it may hold a password.
    public var description: String {
        guard let (scheme, place) = url.value.cut(at: ":"), place.begins(with: "//") else { return url.value }
        return "\(scheme)://***"
    }
}
