public import FPAccess
public import FPHTTP

/// What the host serves, and where.
public struct ServerSettings: Sendable {
    /// Addresses, limits, times and CORS.
    public var http: HTTPServer.Configuration
    /// FilePond's `server` option.
    public var basePath: BasePath
    /// Whether *load* takes the path of a stored file in place of an id, as django-drf-filepond does. Paths can be
    /// guessed; ids cannot.
    public var loadsByPath = true
    /// Who may use the application API. Without any token, it is closed.
    public var tokens = BearerTokens([])
    /// Who may do what.
    public var permissions = EndpointPermissions()
    /// How many requests a caller may send; `nil` for as many as come.
    public var rates: RequestRates.Limits?
    /// The demo page at `/`; `nil` for none.
    public var demo: DemoSettings?
    /// What is served beside the host's own mounts.
    public var mounts: [MountLine] = []
    /// Those who know visitors, asked after the host's own in this order.
    public var authenticators: [any Authenticator] = []

    /// Settings with everything but the addresses and the base path at its default.
    public init(http: HTTPServer.Configuration, basePath: BasePath) {
        self.http = http
        self.basePath = basePath
    }
}

/// Where the files of the demo page are.
public struct DemoSettings: Sendable {
    /// The directory with `index.html`, `demo.js` and `demo.css`.
    public var pageDirectory: String
    /// The directory with the FilePond client's files.
    public var vendorDirectory: String

    /// The directories as given. Either may be missing: the page then says how to get its files.
    public init(pageDirectory: String, vendorDirectory: String) {
        self.pageDirectory = pageDirectory
        self.vendorDirectory = vendorDirectory
    }
}
