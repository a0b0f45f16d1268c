import FPPluginKit

/// The options of a store, named as django-storages' S3 backend names them where it has them.
enum Options {
    // MARK: Where

    static let bucket = Option.string(
        "bucket_name", help: "The bucket. Nothing else has to be set on a machine with a role.")
    static let location = Option.string(
        "location", default: "", help: "A prefix of every key, without which nothing of the bucket is touched.")
    static let region = Option.string(
        "region_name", default: "",
        help: """
            The bucket's region. Empty takes AWS_REGION, AWS_DEFAULT_REGION or the profile's, else us-east-1; \
            a bucket that says it is elsewhere is followed.
            """)
    static let endpoint = Option.url(
        "endpoint_url",
        help: "The service, for everything but Amazon's own, where the region decides."
    ).optional
    static let style = Option.choice(
        "addressing_style", ["auto", "path", "virtual"], default: "auto",
        help: """
            Whether the bucket stands in the path or in the host's name. `auto` is `virtual` at Amazon, where the \
            bucket's name allows it, and `path` elsewhere.
            """)
    static let createsBucket = Option.bool(
        "auto_create_bucket", default: false, help: "Whether a bucket that is missing is made.")

    // MARK: Who

    static let accessKey = Option.string(
        "access_key", default: "",
        help: """
            The access key. Empty looks at AWS_ACCESS_KEY_ID, the profile in the shared files, the container's and \
            the machine's role, in this order.
            """)
    static let secretKey = Option.secret("secret_key", help: "The secret that belongs to `access_key`.").optional
    static let sessionToken = Option.secret(
        "security_token", help: "The session token of temporary keys in `access_key` and `secret_key`."
    ).optional
    static let profile = Option.string(
        "session_profile", default: "",
        help: "A profile of the shared credentials and configuration files. Empty takes AWS_PROFILE, else default.")
    static let anonymous = Option.bool(
        "anonymous", default: false, help: "Whether requests go unsigned, for a public bucket that is only read."
    ).advanced

    // MARK: What objects are like

    static let objectParameters = Option.stringMap(
        "object_parameters",
        help: """
            What new objects get: CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, StorageClass, \
            ServerSideEncryption, SSEKMSKeyId, SSEKMSEncryptionContext, BucketKeyEnabled, ACL, Tagging, \
            WebsiteRedirectLocation, RequestPayer, ExpectedBucketOwner.
            """)
    static let acl = Option.string(
        "default_acl", default: "", help: "A canned ACL for new objects, such as public-read. Empty sends none.")
    static let fileOverwrite = Option.bool(
        "file_overwrite", default: false,
        help: """
            Whether a file may replace another. If not, a write, copy or move onto a key that is taken fails, even \
            where the host did not ask for a free key.
            """)
    static let conditionalWrites = Option.choice(
        "conditional_writes", ["auto", "always", "never"], default: "auto",
        help: """
            Whether the service keeps `If-None-Match: *`. `auto` tries it out once; where it is not kept, a key is \
            looked at before it is written, which leaves a gap.
            """
    ).advanced

    // MARK: URLs for clients

    static let signsURLs = Option.bool(
        "querystring_auth", default: true, help: "Whether URLs for clients are signed. If not, the bucket is public.")
    static let urlLife = Option.duration(
        "querystring_expire", in: .seconds(1)...(.seconds(604_800)), default: .seconds(3600),
        help: "How long a URL for a client works at most.")
    static let customDomain = Option.string(
        "custom_domain", default: "",
        help: "A host that serves the bucket's keys from its root, for unsigned URLs; needs `querystring_auth: false`.")
    static let urlProtocol = Option.choice(
        "url_protocol", ["https", "http"], default: "https", help: "The scheme of URLs with `custom_domain`.")

    // MARK: How bytes move

    static let partSize = Option.size(
        "part_size", in: (5 << 20)...(512 << 20), default: 8 << 20,
        help: """
            The size of a part. It doubles as often as it takes for 10,000 parts to hold the object.
            """)
    static let concurrency = Option.integer(
        "upload_concurrency", in: 1...64, default: 4, help: "Parts of one upload on their way at a time.")
    static let memory = Option.size(
        "max_memory", in: (8 << 20)...(64 << 30), default: 256 << 20,
        help: "Memory for parts, of all uploads together. Beyond it, parts wait in `spool_directory`.")
    static let spool = Option.string(
        "spool_directory", default: "",
        help: "Where parts wait that find no memory, in files without a name. Empty takes TMPDIR, else /var/tmp.")
    static let durableTail = Option.choice(
        "durable_tail", ["side_object", "none"], default: "side_object",
        help: """
            What becomes of the bytes after the last whole part when an upload must be safe: an object below `.fp/`, \
            or nothing, so that they have to come again. Temporary uploads (uploads.staging) need `side_object`.
            """)
    static let checksum = Option.choice(
        "checksum", ["crc32c", "crc64nvme", "sha256", "md5", "none"], default: "crc32c",
        help: """
            The checksum that goes with each part, for the service to check. `md5` is the one that all know, and the one \
            that `durable_tail: none` uses.
            """)
    static let payloadSigning = Option.choice(
        "payload_signing", ["auto", "always", "never"], default: "auto",
        help: "Whether the signature covers the bytes too. `auto` covers them where TLS does not."
    ).advanced
    static let copyThreshold = Option.size(
        "multipart_copy_above", in: (5 << 20)...(5 << 30), default: 5 << 30,
        help: "Objects above this size are copied in parts of up to 1 GiB, side by side."
    ).advanced
    static let maxConnections = Option.integer(
        "max_connections", in: 1...1024, default: 32, help: "Connections that are kept for the next request."
    ).advanced
    static let connectTimeout = Option.duration(
        "connect_timeout", in: .milliseconds(100)...(.seconds(300)), default: .seconds(5),
        help: "How long a connection may take to come about."
    ).advanced
    static let readTimeout = Option.duration(
        "read_timeout", in: .seconds(1)...(.seconds(3600)), default: .seconds(60),
        help: "How long a request may stand still."
    ).advanced
    static let proxies = Option.stringMap("proxies", help: "Proxies by the endpoint's scheme: http, https.").advanced
    static let caFile = Option.path(
        "tls.ca_file", help: "Certificate authorities in place of the system's own."
    ).optional
    static let insecure = Option.bool(
        "tls.insecure", default: false,
        help: "Whether any certificate will do. Only for an endpoint on this machine."
    ).advanced

    static let declarations = [
        bucket.declaration, location.declaration, region.declaration, endpoint.declaration, style.declaration,
        createsBucket.declaration, accessKey.declaration, secretKey.declaration, sessionToken.declaration,
        profile.declaration, anonymous.declaration, objectParameters.declaration, acl.declaration,
        fileOverwrite.declaration, conditionalWrites.declaration, signsURLs.declaration, urlLife.declaration,
        customDomain.declaration, urlProtocol.declaration, partSize.declaration, concurrency.declaration,
        memory.declaration, spool.declaration, durableTail.declaration, checksum.declaration,
        payloadSigning.declaration, copyThreshold.declaration, maxConnections.declaration, connectTimeout.declaration,
        readTimeout.declaration, proxies.declaration, caFile.declaration, insecure.declaration,
    ]
}
