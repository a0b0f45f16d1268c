import FPFormats
public import HTTPTypes

/// How an application is asked who its visitors are.
public struct ForwardSettings: Sendable {
    /// The http or https URL that is asked.
    public var url: String
    /// The fields of a request that say who sends it.
    public var credentials: [HTTPField.Name] = [.cookie, .authorization]
    /// The fields that the application gets to see besides.
    public var headers: [HTTPField.Name] = [.origin, .referer, .userAgent, .acceptLanguage]
    /// Whether it is asked about requests without credentials too.
    public var asksAlways = false
    /// The field of its answer that names the owner of what the visitor uploads.
    public var ownerField = HTTPField.Name(constant: "X-FPHost-Owner")
    /// The field of its answer with the visitor's scopes.
    public var scopesField = HTTPField.Name(constant: "X-FPHost-Scopes")
    /// The field of its answer with the visitor's roles.
    public var rolesField = HTTPField.Name(constant: "X-FPHost-Roles")
    /// How long an answer may take, the wait for a place included.
    public var timeout = Duration.seconds(5)
    /// How long an answer holds; zero for the one request only.
    public var cacheTime = Duration.seconds(10)
    /// Questions that are asked at once.
    public var concurrency = 64

    /// Settings with everything but the URL at its default.
    public init(url: String) { self.url = url }

    /// The URL as it may be logged: a query may hold a key.
    var shownURL: String { String(url.cut(at: "?")?.before ?? url[...]) }
}
