import FPFormats
import HTTPTypes

/// Keeps other sites' pages from acting in the name of a visitor whose browser sends credentials by itself (cross-site
/// request forgery).
///
/// Browsers say where a request comes from: in `Sec-Fetch-Site` (Fetch Metadata Request Headers, section 2.3), or, older
/// ones, in `Origin` with everything but a plain GET (Fetch standard, section 3.2). Neither can be set by a page. What
/// sends neither is no browser, and has no credentials that somebody else could make it send.
struct PageTrust: Sendable {
    private let cors: CORSPolicy?

    init(_ cors: CORSPolicy?) {
        self.cors = cors
    }

    /// - Throws: A 403 if the request comes from a page of another origin that the settings do not name.
    func check(_ request: Request) throws(Problem) {
        let sites = request.headers[values: .secFetchSite]
        let origins = request.headers[values: .origin]
        if sites.count == 1, sites[0].isSame(as: "same-origin") || sites[0].isSame(as: "none") { return }
        if sites.isEmpty, origins.isEmpty { return }
        if cors?.admitsCredentials(of: request.headers) == true { return }
        if sites.isEmpty, origins.count == 1, Self.isOwn(origins[0], request) { return }
        throw Problem(
            .forbidden,
            "A page of another origin may not do this in your name. To let it, name its origin in server.cors.origins, "
                + "with credentials.")
    }

    private static func isOwn(_ origin: String, _ request: Request) -> Bool {
        guard let authority = origin.cut(at: ":")?.behind.without(prefix: "//") else { return false }
        return request.authority?.asciiLowercased() == authority.asciiLowercased()
    }
}
