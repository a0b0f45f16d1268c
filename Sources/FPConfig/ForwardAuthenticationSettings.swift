import FPFormats

extension Settings {
    /// `authentication.forward`: an application says who a visitor is.
    public struct ForwardAuthentication: Sendable, Equatable {
        /// The http or https URL of the application that is asked, without a user name and a fragment.
        public var url: String
        /// The fields of a request that say who sends it.
        public var credentials: [String]
        /// The fields that the application sees besides.
        public var headers: [String]
        /// Whether it is asked about requests without credentials too.
        public var askAlways: Bool
        /// The field of its answer that names the owner.
        public var owner: String
        /// The field of its answer with the scopes.
        public var scopes: String
        /// The field of its answer with the roles.
        public var roles: String
        /// How long an answer may take.
        public var timeout: Duration
        /// How long an answer holds; zero for the one request.
        public var cache: Duration
        /// Questions that are asked at once.
        public var concurrency: Int
    }
}

extension Settings.ForwardAuthentication {
    static let keys: [OptionSchema] = [
        OptionSchema(
            "authentication.forward.url", .url,
            help: "The URL of an application that is asked who a visitor is, as nginx's `auth_request` and Traefik's "
                + "`forwardAuth` do. Without it, none is asked."),
        OptionSchema(
            "authentication.forward.credentials", .stringList, default: "Cookie, Authorization",
            help: "The header fields that say who sends a request. The application sees them; without any of them, it "
                + "is not asked."),
        OptionSchema(
            "authentication.forward.headers", .stringList,
            default: "User-Agent, Accept-Language, Origin, Referer, X-CSRFToken, X-CSRF-Token, X-XSRF-TOKEN",
            help: "The header fields that the application sees besides."),
        OptionSchema(
            "authentication.forward.ask_always", .bool, default: "false",
            help: "Whether the application is asked about requests without credentials too."),
        OptionSchema(
            "authentication.forward.owner", .string, default: "X-FPHost-Owner",
            help: "The field of the application's answer that names the owner of what the visitor uploads."),
        OptionSchema(
            "authentication.forward.scopes", .string, default: "X-FPHost-Scopes",
            help: "The field of its answer with the visitor's scopes, with blanks or commas between them."),
        OptionSchema(
            "authentication.forward.roles", .string, default: "X-FPHost-Roles",
            help: "The same for roles."),
        OptionSchema(
            "authentication.forward.timeout", .duration, default: "5s", min: 1, max: 60_000,
            help: "How long an answer may take; then the request is refused with 503."),
        OptionSchema(
            "authentication.forward.cache", .duration, default: "10s", max: 600_000,
            help: "How long an answer holds for more requests with the same credentials to the same endpoint; a "
                + "refusal for 1s at most. With 0s every request is asked about."),
        OptionSchema(
            "authentication.forward.concurrency", .int, default: "64", min: 1, max: 1024,
            help: "Questions that are asked at once; more wait."),
    ]

    /// What would change the question itself, or let a visitor write what the host says.
    private static let reserved: Set<String> = [
        "connection", "expect", "forwarded", "host", "keep-alive", "range", "te", "trailer", "transfer-encoding",
        "upgrade",
    ]
    private static let reservedPrefixes = ["content-", "if-", "proxy-", "x-forwarded-", "x-fphost-", "x-original-"]

    /// Reads the name of a field that goes with the question (RFC 9110, section 5.1).
    static func field(_ text: String) -> Result<String, Complaint> {
        answerField(text).flatMap { name in
            let folded = name.asciiLowercased()
            guard !reserved.contains(folded), !reservedPrefixes.contains(where: { folded.begins(with: $0) }) else {
                return .failure(Complaint("is a field that the host fills in itself or that cannot be passed on"))
            }
            return .success(name)
        }
    }

    /// Reads the name of a field of the answer.
    static func answerField(_ text: String) -> Result<String, Complaint> {
        let isToken = text.utf8.allSatisfy {
            $0.isASCIILetter || $0.isASCIIDigit || "!#$%&'*+-.^_`|~".utf8.contains($0)
        }
        return isToken && !text.isEmpty ? .success(text) : .failure(Complaint("is no name of a header field"))
    }
}

extension SettingsDecoder {
    func forwardAuthentication() -> Settings.ForwardAuthentication? {
        let prefix = "authentication.forward."
        guard let url = values[prefix + "url"] else {
            let given = Settings.ForwardAuthentication.keys.compactMap { values[$0.key] }.first { !$0.isDefaulted }
            if let given {
                complain(
                    given,
                    "\"authentication.forward\" has no \"url\", so nothing of it applies; give the URL that is asked")
            }
            return nil
        }
        if let complaint = HTTPURL.complaint(about: url.text) {
            complain(url, "\"authentication.forward.url\" \(complaint)")
        }
        func answerField(_ key: String) -> String {
            values[prefix + key].flatMap {
                parsed($0, in: prefix + key, Settings.ForwardAuthentication.answerField)
            } ?? ""
        }
        if let node = values[prefix + "credentials"], node.children.isEmpty, !values.bool(prefix + "ask_always") {
            complain(
                node,
                "\"authentication.forward.credentials\" is empty, so nothing is ever asked; name a field, or set "
                    + "ask_always")
        }
        return Settings.ForwardAuthentication(
            url: url.text,
            credentials: parsed(prefix + "credentials", Settings.ForwardAuthentication.field),
            headers: parsed(prefix + "headers", Settings.ForwardAuthentication.field),
            askAlways: values.bool(prefix + "ask_always"),
            owner: answerField("owner"), scopes: answerField("scopes"), roles: answerField("roles"),
            timeout: values.duration(prefix + "timeout"), cache: values.duration(prefix + "cache"),
            concurrency: values.int(prefix + "concurrency"))
    }
}
