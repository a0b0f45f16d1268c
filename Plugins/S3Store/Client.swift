import FPPluginKit
import S3Signature
import Synchronization

/// A request to the bucket or to one of its objects.
struct S3Request {
    var method: String
    /// The object's key, `location` included; nil for the bucket.
    var key: String?
    var query = Query()
    var headers: [(name: String, value: String)] = []
    var body = RequestBody.none
    /// The body's SHA-256 in hexadecimal; nil to compute it from `body`.
    var payloadHash: String?
    var sink = Exchange.Sink.collect

    init(_ method: String, _ key: String?, _ query: KeyValuePairs<String, String> = [:]) {
        self.method = method
        self.key = key
        self.query = Query(query)
    }
}

/// What can be corrected about a failed request before it is sent again, each once.
struct Repairs: OptionSet {
    let rawValue: Int
    static let clock = Repairs(rawValue: 1)
    static let region = Repairs(rawValue: 2)
    static let credentials = Repairs(rawValue: 4)
    static let bucket = Repairs(rawValue: 8)
    static let basePath = Repairs(rawValue: 16)
}

/// Signs and sends requests for one store.
final class S3Client: Sendable {
    let settings: Settings
    let engine: Engine
    let host: Host
    private let credentials: CredentialKeeper

    private struct Learned {
        var region: String
        /// What has to be added to this machine's clock, in seconds.
        var clockOffset: Int64 = 0
        /// Whether the service sees the path of `endpoint_url`: a proxy may take it away, and with it what was signed.
        var signsBasePath = true
    }

    private let learned: Mutex<Learned>

    /// S3 refuses what is signed further away from its own time than a quarter of an hour.
    private static let toleratedSkew: Int64 = 300

    init(_ settings: Settings, _ host: Host) {
        self.settings = settings
        self.host = host
        engine = Engine(settings.transport)
        credentials = CredentialKeeper(settings, engine)
        learned = Mutex(Learned(region: Self.region(settings)))
    }

    private static func region(_ settings: Settings) -> String {
        if !settings.region.isEmpty { return settings.region }
        let profile = settings.profile.isEmpty ? environment("AWS_PROFILE") ?? "default" : settings.profile
        return environment("AWS_REGION") ?? environment("AWS_DEFAULT_REGION") ?? SharedFiles()[profile]?["region"]
            ?? "us-east-1"
    }

    var region: String { learned.withLock { $0.region } }

    var now: Timestamp { Timestamp(seconds: Timestamp.now.seconds + learned.withLock { $0.clockOffset }) }

    func currentCredentials(_ call: borrowing Call) throws(PluginError) -> Credentials? {
        try credentials.current(call)
    }

    // MARK: - Sending

    /// Sends a request and waits for its reply, a success or not. Corrects what ``Repairs`` lists and sends again.
    /// - Throws: if there is no reply.
    func send(
        _ request: S3Request, _ doing: @autoclosure () -> String, _ call: borrowing Call
    ) throws(PluginError) -> Reply {
        var repairs = Repairs()
        while true {
            let exchange = try start(request, call)
            let reply = try reply(of: exchange, doing(), call)
            if try repair(reply, &repairs, call) { continue }
            return reply
        }
    }

    /// Waits for a reply that is collected as a whole.
    func reply(of exchange: Exchange, _ doing: String, _ call: borrowing Call) throws(PluginError) -> Reply {
        do throws(PluginError) {
            let outcome = try exchange.outcome(call)
            if let failure = outcome.failure { throw PluginError.transport(failure, doing, host: authority) }
            return Reply(
                head: outcome.head, body: outcome.body,
                hint: settings.endpoint.basePath.isEmpty ? "" : Self.basePathHint)
        } catch {
            engine.abort(exchange)
            throw error
        }
    }

    private static let basePathHint = """
        ; `endpoint_url` has a path: what stands between must pass paths on as they are, or take just this one away
        """

    /// Signs a request and sends it on its way.
    func start(_ request: S3Request, _ call: borrowing Call) throws(PluginError) -> Exchange {
        var outgoing = signed(request, try credentials.current(call))
        let trace = call.traceID
        if !trace.isEmpty, ObjectParameters.isText(trace) {
            outgoing.headers.append(("User-Agent", "\(settings.transport.userAgent) trace/\(trace)"))
        }
        return try engine.start(outgoing)
    }

    /// Sends a request whose reply does not matter, without waiting for anything.
    func sendInBackground(_ request: S3Request) {
        guard settings.isAnonymous || credentials.atHand != nil else { return }
        engine.startInBackground(signed(request, credentials.atHand))
    }

    private func signed(_ request: S3Request, _ credentials: Credentials?) -> Engine.Request {
        let (region, time, signsBasePath) = learned.withLock {
            ($0.region, Timestamp(seconds: Timestamp.now.seconds + $0.clockOffset).basic, $0.signsBasePath)
        }
        let endpoint = settings.endpoint
        let authority = endpoint.authority(region: region)
        let path = endpoint.path(of: request.key)
        let query = request.query.canonical
        var headers = request.headers + settings.requestFields
        headers.append(("Host", authority))
        if let credentials {
            let hash = request.payloadHash ?? Self.hash(of: request.body)
            headers.append(("x-amz-content-sha256", hash))
            headers.append(("x-amz-date", time))
            if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token)) }
            let signature = SignatureV4(
                SignatureV4.Signer(accessKey: credentials.accessKey, secretKey: credentials.secretKey),
                region: region, service: "s3", time: time)
            let message = SignatureV4.Message(
                method: request.method, path: signsBasePath ? path : endpoint.path(of: request.key, below: ""),
                query: query, headers: headers, payloadHash: hash)
            headers.append(("Authorization", signature.authorization(for: message)))
        }
        return Engine.Request(
            method: request.method,
            url: "\(endpoint.scheme)://\(authority)\(path)\(query.isEmpty ? "" : "?\(query)")",
            headers: headers, body: request.body, sink: request.sink)
    }

    private static func hash(of body: RequestBody) -> String {
        switch body {
        case .none: sha256([UInt8]()).hexadecimal
        case .bytes(let bytes): sha256(bytes).hexadecimal
        case .part: "UNSIGNED-PAYLOAD"
        }
    }

    /// What a URL for somebody else has to be signed for.
    func signedPath(of key: String) -> String {
        learned.withLock { $0.signsBasePath }
            ? settings.endpoint.path(of: key) : settings.endpoint.path(of: key, below: "")
    }

    private var authority: String { settings.endpoint.authority(region: region) }

    // MARK: - Repairs

    /// Looks at a failed reply, and corrects what it complains of.
    /// - Returns: true if the request should be sent again.
    func repair(_ reply: Reply, _ done: inout Repairs, _ call: borrowing Call) throws(PluginError) -> Bool {
        guard reply.status >= 300, reply.status != 304 else { return false }
        if !done.contains(.clock), correctClock(by: reply) {
            done.insert(.clock)
            return true
        }
        if !done.contains(.region), follow(reply) {
            done.insert(.region)
            return true
        }
        if !done.contains(.credentials), reply.errorCode == "ExpiredToken" || reply.errorCode == "TokenRefreshRequired",
            let used = credentials.atHand, credentials.expire(used)
        {
            done.insert(.credentials)
            return try credentials.current(call) != used
        }
        if !done.contains(.basePath), reply.errorCode == "SignatureDoesNotMatch", !settings.endpoint.basePath.isEmpty {
            done.insert(.basePath)
            learned.withLock { $0.signsBasePath.toggle() }
            return true
        }
        if !done.contains(.bucket), reply.errorCode == "NoSuchBucket", settings.createsBucket {
            done.insert(.bucket)
            try makeBucket(call)
            return true
        }
        return false
    }

    private func correctClock(by reply: Reply) -> Bool {
        guard reply.status == 403, reply.errorCode == "RequestTimeTooSkewed" || reply.errorCode.isEmpty,
            let theirs = reply.head["date"].flatMap({ Timestamp(http: $0) })
        else { return false }
        let offset = theirs.seconds - Timestamp.now.seconds
        let changed = learned.withLock { learned in
            guard abs(offset - learned.clockOffset) > Self.toleratedSkew else { return false }
            learned.clockOffset = offset
            return true
        }
        if changed {
            host.log(
                .warning, "this machine's clock is \(abs(offset)) s \(offset > 0 ? "behind" : "ahead of") S3's; set it")
        }
        return changed
    }

    private func follow(_ reply: Reply) -> Bool {
        guard [301, 307, 308, 400, 403].contains(reply.status), let region = reply.region, !region.isEmpty else {
            return false
        }
        let changed = learned.withLock { learned in
            guard learned.region != region else { return false }
            learned.region = region
            return true
        }
        if changed { host.log(.info, "the bucket is in the region \(region); set `region_name` to save a request") }
        return changed
    }

    func makeBucket(_ call: borrowing Call) throws(PluginError) {
        var request = S3Request("PUT", nil)
        let region = region
        if settings.endpoint.host == nil, region != "us-east-1" {
            let text = """
                <CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\
                <LocationConstraint>\(xmlText(region))</LocationConstraint></CreateBucketConfiguration>
                """
            request.body = .bytes(Array(text.utf8))
        }
        let doing = "making the bucket \(settings.endpoint.bucket)"
        let reply = try self.reply(of: try start(request, call), doing, call)
        guard reply.errorCode != "BucketAlreadyOwnedByYou" else { return }
        try reply.check(doing)
        host.log(.info, "made the bucket \(settings.endpoint.bucket)")
    }
}
