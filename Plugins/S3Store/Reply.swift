import FPCurl
import FPPluginKit

/// A whole reply of S3.
struct Reply: Sendable {
    let head: ResponseHead
    let body: [UInt8]

    var status: Int { head.status }
    var isSuccess: Bool { head.isSuccess }

    /// S3's own word for what went wrong, such as "NoSuchKey"; empty if there is none, as after HEAD.
    let errorCode: String
    private let errorText: String
    /// The region that the error says the bucket is in.
    let region: String?
    /// Where the error says that the request should have gone.
    private let errorEndpoint: String?
    /// What the configured endpoint has to do with a failure; empty for nothing.
    private let hint: String

    init(head: ResponseHead, body: [UInt8], hint: String = "") {
        self.head = head
        self.body = body
        self.hint = hint
        let error = Self.error(in: body)
        errorCode = error?["Code"] ?? ""
        errorText = error?["Message"] ?? ""
        region = head["x-amz-bucket-region"] ?? error?["Region"]
        errorEndpoint = error?["Endpoint"]
    }

    /// The error that a body is, if it is one. What is longer is an object or a list.
    private static func error(in body: [UInt8]) -> XMLElement? {
        guard body.count <= 65_536, body.prefix(64).contains(UInt8(ascii: "<")),
            let root = XMLElement(document: body)
        else { return nil }
        if root.name == "Error" { return root }
        return root.name == "ErrorResponse" ? root.all("Error").first : nil
    }

    var requestID: String? { head["x-amz-request-id"] }

    /// Whether the body is a page for people: something between here and S3 has answered. Of no meaning where the body
    /// is somebody's file.
    var isPage: Bool {
        guard !body.isEmpty else { return false }
        let start = String(decoding: body.prefix(64).drop { $0 <= 0x20 }, as: UTF8.self).lowercased()
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return true }
        // Some services call all that they say a page.
        guard head["content-type"]?.lowercased().hasPrefix("text/html") == true else { return false }
        return XMLElement(document: body).map { $0.name.lowercased() == "html" } ?? true
    }

    /// What follows the name of something that the reply has not.
    func lacking(_ proof: String, _ doing: String) -> PluginError {
        PluginError(
            .transient, "\(doing): S3 answers \(status) without \(proof), so that nothing shows that it was done",
            nativeCode: Int32(clamping: status), requestID: requestID)
    }

    /// The object's tag without its quotes.
    var etag: String { Self.unquoted(head["etag"] ?? "") }

    static func unquoted(_ tag: String) -> String {
        tag.hasPrefix("\"") && tag.hasSuffix("\"") && tag.utf8.count >= 2 ? String(tag.dropFirst().dropLast()) : tag
    }

    /// What an object's head says about it.
    /// - Parameter size: the whole object's bytes.
    func objectInfo(size: UInt64) -> ObjectInfo {
        ObjectInfo(
            size: size, modifiedNanoseconds: head["last-modified"].flatMap { Timestamp(http: $0)?.nanoseconds },
            etag: etag, contentType: head["content-type"] ?? "")
    }

    /// The error that the reply means to the host.
    /// - Parameter doing: what was tried, on what: "reading \"a/b\"".
    func failure(_ doing: String) -> PluginError {
        let (code, advice) = meaning
        var word = errorCode
        if word.isEmpty {
            word = isPage ? "with a page that is none of S3's; see what stands between" : "no reason given"
        } else if !errorText.isEmpty {
            word += " (\(errorText))"
        }
        return PluginError(
            isSuccess && code == .invalid ? .transient : code, "\(doing): S3 answers \(status) \(word)\(advice)",
            nativeCode: Int32(clamping: status),
            retryAfter: code == .throttled || code == .transient ? retryAfter : nil, requestID: requestID)
    }

    /// Throws unless it is a success through and through. S3 may answer with success and put the failure into the body,
    /// because it had to say something in time; so do some that stand between.
    func check(_ doing: @autoclosure () -> String) throws(PluginError) {
        guard isSuccess, errorCode.isEmpty, !isPage else { throw failure(doing()) }
    }

    /// Throws unless it shows that S3 has the bytes that were sent: each object and part has a tag.
    func checkStored(_ doing: @autoclosure () -> String) throws(PluginError) {
        try check(doing())
        guard !etag.isEmpty else { throw lacking("an ETag", doing()) }
    }

    /// The tag of the object that a completed upload was made into.
    /// - Throws: unless the reply has one.
    func completedTag(_ doing: @autoclosure () -> String) throws(PluginError) -> String {
        try resultTag(doing(), of: "CompleteMultipartUpload")
    }

    /// The tag in a result; one of the header is not enough, for that comes before anything is done.
    func resultTag(_ doing: @autoclosure () -> String, of name: String) throws(PluginError) -> String {
        try check(doing())
        guard let result = XMLElement(document: body), result.name.hasPrefix(name), let tag = result["ETag"],
            !Self.unquoted(tag).isEmpty
        else { throw lacking("a result with an ETag", doing()) }
        return Self.unquoted(tag)
    }

    /// Whether a DELETE has this outcome for certain: its object, or upload, is not there.
    /// - Returns: false if that has to be looked at.
    /// - Throws: if it failed.
    func isGone(_ doing: @autoclosure () -> String) throws(PluginError) -> Bool {
        if status == 404, errorCode != "NoSuchBucket" {
            guard !isPage else { throw foreign(doing()) }
            return true
        }
        try check(doing())
        return status == 204
    }

    /// For a page where S3's own answer counts.
    func foreign(_ doing: String) -> PluginError {
        var error = failure(doing)
        error.code = .transient
        return error
    }

    private var retryAfter: Duration? {
        guard let text = head["retry-after"] else { return nil }
        if let seconds = Int64(text), seconds >= 0 { return .seconds(min(seconds, 86400)) }
        guard let date = Timestamp(http: text) else { return nil }
        return .seconds(max(1, date.seconds - Timestamp.now.seconds))
    }

    private var meaning: (PluginError.Code, advice: String) {
        switch errorCode {
        case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "TokenRefreshRequired":
            return (.auth, "; check `access_key` and `secret_key`, or where else the keys come from\(hint)")
        case "ExpiredToken": return (.auth, "; the session token has run out, and there was no fresh one")
        case "RequestTimeTooSkewed": return (.auth, "; set this machine's clock")
        case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect":
            return (.config, redirection)
        case "NoSuchBucket":
            return (.config, "; make the bucket, set `bucket_name` right, or set `auto_create_bucket: true`")
        case "AccessDenied", "AllAccessDisabled", "AccountProblem":
            return (.denied, "; allow it in the policy of the user or of the bucket")
        case "InvalidObjectState": return (.denied, "; the object is archived: restore it first")
        case "NoSuchKey": return (.notFound, "")
        case "NoSuchUpload": return (.gone, "; it was completed or aborted, perhaps by a lifecycle rule")
        case "PreconditionFailed": return (.precondition, "")
        case "ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "BadDigest", "IncompleteBody",
            "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "InvalidPart", "InternalError":
            return (.transient, "")
        case "SlowDown", "ServiceUnavailable", "Throttling", "ThrottlingException", "RequestLimitExceeded", "Busy":
            return (.throttled, "")
        case "EntityTooLarge": return (.tooLarge, "")
        case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull":
            return (.noSpace, "; raise the quota or remove something")
        case "InvalidRange": return (.range, "")
        case "KeyTooLongError": return (.invalid, "; shorten `location` or the key")
        case "NotImplemented", "MethodNotAllowed": return (.unsupported, "")
        default: return meaningOfStatus
        }
    }

    /// What to set so that requests go where the reply sends them.
    private var redirection: String {
        if let region, !region.isEmpty { return "; set `region_name` to \(region)" }
        let place = errorEndpoint ?? head["location"].flatMap(Self.origin)
        guard let place, !place.isEmpty, ObjectParameters.isText(place) else {
            return "; set `region_name` to the bucket's, and `endpoint_url` to where the service is"
        }
        return """
            ; it sends the request on to \(place), where no request of this store follows: set `endpoint_url` to that \
            if it is the service, without the bucket's name
            """
    }

    /// Scheme and host of a URL: its path and query are long, and may hold what is secret.
    private static func origin(_ url: String) -> String? {
        guard let start = url.range(of: "://") else { return nil }
        return String(url[..<start.upperBound] + url[start.upperBound...].prefix { $0 != "/" && $0 != "?" })
    }

    private var meaningOfStatus: (PluginError.Code, advice: String) {
        switch status {
        case 301, 302, 303, 307, 308: (.config, redirection)
        case 401: (.auth, "; check `access_key` and `secret_key`")
        case 403: (.denied, "; allow it in the policy of the user or of the bucket")
        case 404: (.notFound, "")
        // Conflicts that pass have an error code of their own. The rest stay, however often it is tried.
        case 409: (.denied, "; another object may be in the way of this key")
        case 412: (.precondition, "")
        case 413: (.tooLarge, "")
        case 416: (.range, "")
        case 429, 503: (.throttled, "")
        case 501: (.unsupported, "")
        case 507: (.noSpace, "; raise the quota or remove something")
        case 500...: (.transient, "")
        default: (.invalid, "")
        }
    }
}

extension PluginError {
    /// What an exchange without a reply means to the host.
    static func transport(_ failure: CurlFailure, _ doing: String, host: String) -> PluginError {
        let (code, advice) =
            switch failure.reason {
            case .untrustedPeer:
                (
                    Code.auth,
                    "; name the certificate authority in `tls.ca_file`, or the host that the certificate is for"
                )
            case .unreadableAuthorities: (Code.config, "; `tls.ca_file` must be a readable file of certificates")
            case .outOfMemory, .exhausted: (Code.noMemory, "")
            case .badURL, .unsupportedProtocol: (Code.config, "; check `endpoint_url`")
            case .hostNotFound: (Code.transient, "; check `endpoint_url` and the name servers")
            case .proxyNotFound: (Code.transient, "; check `proxies`")
            case .notConnected: (Code.transient, "; check `endpoint_url`, and that the service runs")
            default: (Code.transient, "")
            }
        return PluginError(
            code, "\(doing): no reply from \(host): \(failure.text)\(advice)", nativeCode: failure.code)
    }
}
