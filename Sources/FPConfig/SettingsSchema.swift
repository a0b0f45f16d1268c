import FPFormats

/// The tables of the host's own keys: the only place that knows their names, types, bounds and defaults.
extension Settings {
    /// Every key that fphost.yaml may have, in the order of docs/settings.md. Keys of a store are named
    /// `stores.<name>.KEY`.
    public static let schema: [OptionSchema] =
        serverKeys + pluginKeys + [storagesBackendKey] + storeKeys.map { $0.named("stores.<name>." + $0.key) }
        + [storeOptionsKey.named("stores.<name>.options")] + uploadKeys + authenticationKeys + permissionKeys
        + otherKeys + Events.keys + logKeys

    /// The keys of the file, but for `stores`.
    static let hostKeys =
        serverKeys + pluginKeys + [storagesBackendKey] + uploadKeys + authenticationKeys + permissionKeys + otherKeys
        + Events.keys + logKeys

    /// Bounds that keep a slip of the keyboard from becoming a setting.
    private static let second: Int64 = 1000
    private static let day: Int64 = 86_400_000
    private static let largestSize: Int64 = 1 << 50

    private static let serverKeys: [OptionSchema] = [
        OptionSchema(
            "server.listen", .stringList, default: "127.0.0.1:8080",
            help: "Where to listen, one address or a list: `host:port`, `[v6]:port` (in quotes), `:port` for every "
                + "address of the machine, each behind `https://` for TLS, `unix:/path`, or "
                + "`systemd` for a socket of its .socket unit, `systemd:name` for one of several. Port 0 lets the system "
                + "choose."
        ),
        OptionSchema(
            "server.tls.certificate", .string,
            help:
                "The PEM file with the certificate for addresses with `https://`, and its chain behind it. It is read "
                + "anew within a minute after it changes."),
        OptionSchema(
            "server.tls.key", .string, help: "The PEM file with the certificate's private key, without a passphrase."),
        OptionSchema(
            "server.tls.http2", .bool, default: "true",
            help: "Whether clients may choose HTTP/2 there, as browsers do; otherwise they speak HTTP/1.1."),
        OptionSchema(
            "server.base_path", .string, default: "/fp",
            help: "The path of the FilePond endpoints, FilePond's `server` url. `/` is the root."),
        OptionSchema("server.demo", .bool, default: "false", help: "Serve the demonstration page at `/`."),
        OptionSchema(
            "server.demo_assets", .string, default: "auto",
            help: "The directory with the FilePond client's files for that page; `auto` looks beside the installed or "
                + "built host."),
        OptionSchema(
            "server.cors.origins", .stringList,
            help: "The origins whose pages may use the server from a browser, each exactly as in "
                + "`https://app.example.org`, or `*` alone for all. Without it, only pages of the server's own origin may."
        ),
        OptionSchema(
            "server.cors.credentials", .bool, default: "false",
            help: "Whether such pages may send cookies along. Not together with `*`."),
        OptionSchema(
            "server.cors.max_age", .duration, default: "1h", max: day,
            help: "How long a browser may remember a preflight's answer."),
        OptionSchema(
            "server.timeouts.header", .duration, default: "30s", min: 1, max: day,
            help: "The longest time from a request's first byte to the end of its head."),
        OptionSchema(
            "server.timeouts.idle", .duration, default: "75s", min: 1, max: day,
            help: "The longest pause between two requests on one connection."),
        OptionSchema(
            "server.timeouts.body_idle", .duration, default: "60s", min: 1, max: day,
            help:
                "The longest pause between two pieces of a body; less than `server.limits.minimum_rate` on average over "
                + "such a time ends it too."),
        OptionSchema(
            "server.timeouts.write_idle", .duration, default: "60s", min: 1, max: day,
            help: "How long a client may take nothing of its answer."),
        OptionSchema(
            "server.timeouts.shutdown", .duration, default: "15s", max: day,
            help: "How long requests may go on after the host was told to stop."),
        OptionSchema(
            "server.max_connections", .int, default: "4096", min: 1, max: 1_000_000,
            help: "Connections that are open at once; a further one waits. Where the limit of open files leaves room "
                + "for fewer, those."),
        OptionSchema(
            "server.max_connections_per_address", .int, default: "0", max: 1_000_000,
            help:
                "Connections of one address that are open at once, of IPv6 of one /64; a further one is closed. 0 is no "
                + "limit. Not for `server.trusted_proxies`, whose connections are many clients'."),
        OptionSchema(
            "server.limits.head", .size, default: "64KiB", min: 1024, max: 1 << 20,
            help:
                "All header fields of a request; more are answered 431, a target longer than that, or than 16 KiB, 414."
        ),
        OptionSchema(
            "server.limits.minimum_rate", .size, default: "64B", min: 1, max: 1 << 30,
            help: "The slowest that a body may come, in bytes a second, over `server.timeouts.body_idle`."),
        OptionSchema(
            "server.rate.per_address", .int, default: "0", max: 1_000_000,
            help:
                "Requests a second from one address, of IPv6 from one /64, beyond which they are answered 429; 0 is no "
                + "limit. An application that asks from one address counts too."),
        OptionSchema(
            "server.rate.per_owner", .int, default: "0", max: 1_000_000,
            help: "The same of one owner of uploads, wherever the requests come from."),
        OptionSchema(
            "server.rate.burst", .int, default: "100", min: 1, max: 1_000_000,
            help: "How many requests may come at once after a pause, before the rate counts."),
        OptionSchema(
            "server.trusted_proxies", .stringList,
            help: "The proxies that are believed what they say of the client, and their `X-Request-ID`: addresses, "
                + "blocks (`10.0.0.0/8`), and `unix` for those that use a Unix socket."),
        OptionSchema(
            "server.forwarded", .choice, default: Server.Forwarded.xForwarded.rawValue,
            choices: Server.Forwarded.allCases.map(\.rawValue),
            help: "Which header fields the trusted proxies write: `x-forwarded` is `X-Forwarded-For`, `-Proto` and "
                + "`-Host`, `rfc7239` is `Forwarded`. The others are not read."),
        OptionSchema(
            "server.proxy_protocol", .stringList,
            help:
                "The proxies that begin each connection with a header of the PROXY protocol, version 1 or 2: addresses, "
                + "blocks, and `unix`. Connections of theirs without it are closed, and nobody else's header is read."),
        OptionSchema(
            "server.load_by_path", .bool, default: "true",
            help: "Whether load finds a stored upload by its stored path as well as by its id."),
    ]

    private static let pluginKeys: [OptionSchema] = [
        OptionSchema(
            "plugins.directory", .string, default: "auto",
            help: "Where `lib<Name>.so` of each plugin is; `auto` looks beside the installed or built host.")
    ]

    private static let storagesBackendKey = OptionSchema(
        "storages_backend", .string,
        help: "The store that takes what the application stores. May be left out if `stores` has one store besides the "
            + "staging store. What was stored earlier stays readable from the store that it is in.")

    static let storeKeys: [OptionSchema] = [
        OptionSchema(
            "plugin", .string, .required,
            help: "The storage plugin: the name of one in `plugins.directory`, or the absolute path of a library."),
        OptionSchema(
            "sha256", .string, .advanced,
            help: "The SHA-256 of the library, in 64 hexadecimal digits; any other library is refused."),
        OptionSchema(
            "threads", .int, .advanced, min: 1, max: 1024,
            help: "Calls to the plugin that may be under way at once. Without it, as many as the plugin asks for."),
        OptionSchema(
            "queue", .int, .advanced, min: 1, max: 1_000_000,
            help: "Calls that may wait for a thread; beyond them requests are answered with 503. Without it, the host "
                + "chooses."),
        OptionSchema(
            "deadline", .duration, .advanced, default: "60s", min: 1, max: day,
            help: "How long one call to the plugin may take, with all its tries. One that takes longer is seen in "
                + "`/readyz`."),
        OptionSchema(
            "long_deadline", .duration, .advanced, default: "10m", min: 1, max: day,
            help:
                "The same for the calls that may take longer the larger a file is: sync, commit, copy and transfer. At "
                + "least `deadline`."),
        OptionSchema(
            "downloads", .choice, default: Store.Downloads.proxy.rawValue,
            choices: Store.Downloads.allCases.map(\.rawValue),
            help: "Whether a file's bytes come through the host, or clients are sent to the storage itself by a URL "
                + "that works for a while; the plugin must be able to make such URLs."),
    ]

    private static let storeOptionsKey = OptionSchema(
        "options", .stringMap,
        help: "What the plugin is configured with, checked against the plugin's own table of options.")

    private static let uploadKeys: [OptionSchema] = [
        OptionSchema(
            "uploads.staging", .string,
            help: "The store for temporary uploads. May be left out if there is a store named `staging`, or one store "
                + "only."),
        OptionSchema(
            "uploads.max_size", .size, default: "20GiB", min: 1, max: largestSize, help: "The largest upload."),
        OptionSchema(
            "uploads.expire_after", .duration, default: "24h", min: 100, max: 3650 * day,
            help: "How long an upload that no application claims stays after it was last touched."),
        OptionSchema(
            "uploads.durability", .choice, default: Uploads.Durability.process.rawValue,
            choices: Uploads.Durability.allCases.map(\.rawValue),
            help: "What an acknowledged byte survives: `process` a crash of the host, `power` also a loss of power, at "
                + "the price of a flush to disk before each answer."),
        OptionSchema(
            "uploads.digest", .choice, default: Uploads.Digest.sha256.rawValue,
            choices: Uploads.Digest.allCases.map(\.rawValue),
            help:
                "What is computed of every file while it arrives: `sha256`, and CRC-64/NVME with it; or `crc64nvme` alone, "
                + "which costs next to nothing, and by which a file cannot be told from one made to be taken for it."),
        OptionSchema(
            "uploads.max_metadata", .size, default: "64KiB", min: 2, max: 64 << 20,
            help: "The largest metadata that FilePond may send along with an upload."),
        OptionSchema(
            "uploads.max_files", .int, default: "32", min: 1, max: 1000,
            help: "Files of one upload: the main file and its variants."),
        OptionSchema(
            "uploads.per_owner.bytes", .size, min: 1, max: largestSize,
            help:
                "The most bytes that one owner may have here, stored, temporary and announced. Without it, any number."),
        OptionSchema(
            "uploads.per_owner.count", .int, min: 1, max: 1_000_000_000,
            help: "The most uploads that one owner may have here, stored and temporary. Without it, any number."),
        OptionSchema(
            "uploads.per_owner.in_progress", .int, min: 1, max: 1_000_000,
            help: "The most uploads that one owner may send at once, unfinished ones included. Without it, any number."),
        OptionSchema(
            "uploads.per_address.in_progress", .int, min: 1, max: 1_000_000,
            help: "The same of one address, of IPv6 of one /64, whoever the owners are. Without it, any number."),
        OptionSchema(
            "uploads.reserve", .size, default: "0", max: largestSize,
            help:
                "The room that is to stay free in the staging store: an upload that would leave less does not begin, and "
                + "one that has begun goes on. 0 keeps none."),
        OptionSchema(
            "uploads.types.allow", .stringList,
            help:
                "The files that are taken, by media type (`image/*`, `application/pdf`) or extension (`.csv`). What is "
                + "in a file must be of such a type, and its extension one of that type. Without it, every file."),
        OptionSchema(
            "uploads.types.forbid", .stringList,
            help: "The files that are not taken, even if they are allowed, by what is in them and by each extension in "
                + "their names."),
        OptionSchema(
            "uploads.field", .string, default: "filepond",
            help: "The form field that holds the upload, unless the request names another in `fp_upload_field`."),
        OptionSchema(
            "uploads.sweep_every", .duration, default: "5m", min: 100, max: day,
            help: "How often expired uploads are looked for."),
    ]

    private static let authenticationKeys: [OptionSchema] =
        ForwardAuthentication.keys + policyKeys + tokenKeys + jwtKeys + basicKeys

    private static let permissionKeys: [OptionSchema] =
        [
            OptionSchema(
                "permissions.default", .stringList,
                help: "Who may use the endpoints of the FilePond client: the rules that must all hold, of `AllowAny`, "
                    + "`IsAuthenticated`, `IsOwner`, `HasScope(name)`, `HasRole(name)` and `FromNetwork(block)`. "
                    + "`permissions: open` is short for `AllowAny` here. Without it, those whom an authenticator knows, "
                    + "each with uploads of their own; where there is no authenticator, everybody on this machine, and "
                    + "the host refuses to listen elsewhere.")
        ] + Permissions.filePondEndpoints.map { endpointKey($0, "`permissions.default`") }
        + Permissions.apiEndpoints.map { endpointKey($0, "`HasScope(application)`") }

    private static func endpointKey(_ endpoint: (name: String, what: String), _ standard: String) -> OptionSchema {
        OptionSchema(
            "permissions." + endpoint.name, .stringList,
            help: "The rules for who \(endpoint.what). Without it, \(standard).")
    }

    private static let otherKeys: [OptionSchema] = [
        OptionSchema(
            "catalog", .string, .secret, default: "sqlite:./data/fphost.db",
            help: "The database of uploads: `sqlite:PATH`."),
        OptionSchema(
            "api.tokens", .stringList, .secret,
            help: "Bearer tokens that the application API accepts. A `file:PATH` that does not exist is made at the "
                + "first start, with mode 0600 and a random token. Without it, the API accepts nobody."),
        OptionSchema("fetch.enabled", .bool, default: "true", help: "Whether FilePond may have a URL fetched."),
        OptionSchema(
            "fetch.max_size", .size, default: "1GiB", min: 1, max: largestSize,
            help: "The largest file that is fetched; at most `uploads.max_size`."),
        OptionSchema(
            "fetch.timeout", .duration, default: "60s", min: 1, max: day, help: "How long the whole transfer may take."),
        OptionSchema(
            "fetch.connect_timeout", .duration, default: "10s", min: 1, max: day,
            help: "How long one connection may take to come about; at most `fetch.timeout`."),
        OptionSchema(
            "fetch.minimum_rate", .size, default: "1KiB", min: 1, max: 1 << 30,
            help:
                "The slowest remote server that is waited for, in bytes a second; one that stays below for 20 seconds "
                + "is given up."),
        OptionSchema("fetch.max_redirects", .int, default: "5", max: 50, help: "Redirects that are followed."),
        OptionSchema(
            "fetch.schemes", .stringList, default: "http, https",
            help: "What URLs may begin with: `http`, `https`. A redirect from https to http is never followed."),
        OptionSchema(
            "fetch.ports", .stringList,
            help: "The only ports, or ranges of ports (`8000-8999`), that may be connected to. Without it, 80 and 443, "
                + "and any on the hosts of `fetch.allow`."),
        OptionSchema(
            "fetch.hosts", .stringList,
            help: "The only hosts that may be fetched from: host names, all below one (`*.example.org`), addresses and "
                + "blocks. Without it, all; private ones must be in `fetch.allow` as well."),
        OptionSchema(
            "fetch.deny", .stringList,
            help: "Hosts, written as in `fetch.hosts`, that are never fetched from, whatever the other lists say."),
        OptionSchema(
            "fetch.allow", .stringList,
            help:
                "Private addresses, blocks (`10.0.0.0/8`) and host names (`*.example.org` is all below one) that may be "
                + "fetched from in spite of being private."),
        OptionSchema(
            "fetch.concurrency", .int, default: "16", min: 1, max: 1024, help: "Transfers that run at once."),
    ]

    private static let logKeys: [OptionSchema] = [
        OptionSchema(
            "log.level", .choice, default: Log.Level.info.rawValue, choices: Log.Level.allCases.map(\.rawValue),
            help: "The least severe message that is logged."),
        OptionSchema(
            "log.format", .choice, default: Log.Format.text.rawValue, choices: Log.Format.allCases.map(\.rawValue),
            help: "Lines for people, or lines of JSON."),
    ]

    /// Keys of other programs, and the keys with the same meaning here, for "did you mean".
    static let synonyms: [String: String] = [
        "address": "listen", "bind": "listen", "host": "listen", "port": "listen",
        "mount": "base_path", "prefix": "base_path",
        "backend": "plugin", "driver": "plugin", "type": "plugin",
        "config": "options", "settings": "options",
        "storage": "stores", "default_store": "storages_backend", "file_store": "storages_backend",
        "upload_tmp": "staging", "tmp": "staging",
        "ttl": "expire_after", "lifetime": "expire_after",
        "database": "catalog", "db": "catalog",
        "logging": "log",
    ]
}

extension OptionSchema {
    fileprivate func named(_ key: String) -> OptionSchema {
        var copy = self
        copy.key = key
        return copy
    }
}
