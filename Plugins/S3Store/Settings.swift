import FPPluginKit
import Glibc

/// The options of a store, checked against each other.
struct Settings: Sendable {
    /// How the service is to check what it gets.
    enum Checksum: String, Sendable {
        case crc32c, crc64nvme, sha256, md5, none
    }

    /// Whether `If-None-Match: *` is relied on.
    enum ConditionalWrites: String, Sendable {
        case auto, always, never
    }

    let endpoint: Endpoint
    /// Empty if the profile or the default decides.
    let region: String
    /// Empty, or ends with a slash.
    let location: String
    let createsBucket: Bool
    let keys: StaticKeys?
    let profile: String
    let isAnonymous: Bool
    /// The fields that new objects get.
    let objectFields: [(name: String, value: String)]
    /// The fields that every request gets.
    let requestFields: [(name: String, value: String)]
    let allowsOverwrite: Bool
    let conditionalWrites: ConditionalWrites
    let signsURLs: Bool
    let urlLifeSeconds: UInt32
    /// The start of unsigned URLs; nil for the endpoint's own.
    let publicBase: String?
    let partSize: UInt64
    let concurrency: Int
    let memory: Int
    let spoolDirectory: String
    let keepsTails: Bool
    let checksum: Checksum
    let signsPayload: Bool
    let copyThreshold: UInt64
    let transport: TransportSettings

    /// Keys from the configuration itself.
    struct StaticKeys: Sendable {
        let access, secret: String
        let token: String?
    }

    init(_ config: ConfigNode, userAgent: String = "fphost-S3Store") throws(PluginError) {
        let bucket = try config.value(of: Options.bucket)
        let style = try config.value(of: Options.style)
        guard !bucket.isEmpty, !bucket.contains("/"), !bucket.contains(" ") else {
            throw PluginError(.config, "the option `bucket_name` must be the name of a bucket, not \"\(bucket)\"")
        }
        if let url = try config.value(of: Options.endpoint) {
            endpoint = try Endpoint(url: url, bucket: bucket, style: style)
        } else {
            endpoint = Endpoint(bucket: bucket, style: style)
        }
        region = try config.value(of: Options.region)
        location = try Self.prefix(try config.value(of: Options.location))
        createsBucket = try config.value(of: Options.createsBucket)
        keys = try Self.keys(config)
        profile = try config.value(of: Options.profile)
        guard keys == nil || profile.isEmpty else {
            throw PluginError(
                .config, "the options `access_key` and `session_profile` are two answers to one question; leave one out"
            )
        }
        isAnonymous = try config.value(of: Options.anonymous)
        let fields = try ObjectParameters.fields(
            try config.value(of: Options.objectParameters), acl: try config.value(of: Options.acl))
        objectFields = fields.filter { !ObjectParameters.isForEveryRequest($0.name) }
        requestFields = fields.filter { ObjectParameters.isForEveryRequest($0.name) }
        allowsOverwrite = try config.value(of: Options.fileOverwrite)
        conditionalWrites = ConditionalWrites(rawValue: try config.value(of: Options.conditionalWrites)) ?? .auto
        signsURLs = try config.value(of: Options.signsURLs)
        urlLifeSeconds = UInt32(clamping: try config.value(of: Options.urlLife).components.seconds)
        let domain = try config.value(of: Options.customDomain)
        guard domain.isEmpty || !signsURLs else {
            throw PluginError(
                .config, "the option `custom_domain` needs `querystring_auth: false`: its URLs are not signed")
        }
        publicBase = domain.isEmpty ? nil : "\(try config.value(of: Options.urlProtocol))://\(domain)"
        partSize = UInt64(max(5 << 20, try config.value(of: Options.partSize)))
        concurrency = Int(try config.value(of: Options.concurrency))
        memory = Int(try config.value(of: Options.memory))
        let spool = try config.value(of: Options.spool)
        spoolDirectory = spool.isEmpty ? environment("TMPDIR") ?? "/var/tmp" : spool
        keepsTails = try config.value(of: Options.durableTail) == "side_object"
        let wanted = Checksum(rawValue: try config.value(of: Options.checksum)) ?? .crc32c
        // CompleteMultipartUpload has to repeat the parts' other checksums, which only marks keep across a restart.
        checksum = keepsTails || wanted == .none ? wanted : .md5
        let signing = try config.value(of: Options.payloadSigning)
        signsPayload = signing == "always" || (signing == "auto" && !endpoint.isSecure)
        copyThreshold = UInt64(max(5 << 20, try config.value(of: Options.copyThreshold)))
        transport = try Self.transport(config, endpoint, userAgent)
    }

    /// The key of an object in the bucket.
    func objectKey(_ key: String) -> String { location + key }

    /// The key of a store's object by its key in the bucket; nil if it lies elsewhere. By bytes: a slash and a mark
    /// that combines with it are one Character.
    func key(ofObject objectKey: String) -> String? {
        guard objectKey.utf8.starts(with: location.utf8) else { return nil }
        return String(decoding: objectKey.utf8.dropFirst(location.utf8.count), as: UTF8.self)
    }

    private static func transport(
        _ config: ConfigNode, _ endpoint: Endpoint, _ userAgent: String
    ) throws(PluginError) -> TransportSettings {
        let insecure = try config.value(of: Options.insecure)
        guard !insecure || endpoint.isLoopback else {
            throw PluginError(
                .config,
                """
                the option `tls.insecure` is only for an endpoint on this machine; name the certificate authority \
                in `tls.ca_file` instead
                """)
        }
        return TransportSettings(
            certificateAuthorities: try config.value(of: Options.caFile).flatMap { $0.isEmpty ? nil : $0 },
            verifiesPeer: !insecure,
            proxy: try config.value(of: Options.proxies)[endpoint.scheme],
            connectTimeout: try config.value(of: Options.connectTimeout),
            readTimeout: try config.value(of: Options.readTimeout),
            maxConnections: Int(try config.value(of: Options.maxConnections)),
            userAgent: userAgent)
    }

    private static func keys(_ config: ConfigNode) throws(PluginError) -> StaticKeys? {
        let access = try config.value(of: Options.accessKey)
        let secret = try config.value(of: Options.secretKey) ?? ""
        guard access.isEmpty == secret.isEmpty else {
            throw PluginError(.config, "the options `access_key` and `secret_key` belong together; set both or none")
        }
        guard !access.isEmpty else { return nil }
        return StaticKeys(
            access: access, secret: secret,
            token: try config.value(of: Options.sessionToken).flatMap { $0.isEmpty ? nil : $0 })
    }

    /// "/a/b" and "a/b/" both mean "a/b/".
    private static func prefix(_ text: String) throws(PluginError) -> String {
        var text = text[...]
        while text.hasPrefix("/") { text = text.dropFirst() }
        while text.hasSuffix("/") { text = text.dropLast() }
        guard text.utf8.count <= 512 else {
            throw PluginError(.config, "the option `location` has more than 512 bytes")
        }
        return text.isEmpty ? "" : text + "/"
    }
}

/// A variable of the environment; nil if it is not set or empty.
func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
}
