import FPFormats
import HTTPTypes

/// Keeps other sites' pages from acting in the name of a visitor whose browser sends credentials by itself (cross-site
/// request forgery).
///
/// Browsers say where a request comes from: in `Sec-Fetch-Site` (Fetch Metadata Request Headers, section 2.3), or, older
/// ones, in `Origin` with everything but a plain GET or HEAD (Fetch standard, section 3.2). Neither can be set by a page.
/// A change that comes with neither is from no browser, which has no credentials that somebody else could make it send; a
/// GET or HEAD has to say by `Referer` that a page of the server's own asks for it.
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
        if sites.isEmpty, origins.isEmpty, try isFromNoPage(request) { return }
        if cors?.admitsCredentials(of: request.headers) == true { return }
        if sites.isEmpty, origins.count == 1, Self.isOwn(origins[0], request) { return }
        throw Problem(
            .forbidden,
            "A page of another origin may not do this in your name. To let it, name its origin in server.cors.origins, "
                + "with credentials.")
    }

    /// A request with neither field. Browsers leave both out of a GET or HEAD to a server that they reach in the clear, and
    /// name the page in `Referer` unless that page forbids it; everything else without them comes from no browser.
    private func isFromNoPage(_ request: Request) throws(Problem) -> Bool {
        guard request.method == .get || request.method == .head else { return true }
        let pages = request.headers[values: .referer]
        guard pages.count == 1, let (scheme, rest) = pages[0].cut(at: ":"), let place = rest.without(prefix: "//")
        else {
            throw Problem(
                .forbidden, "It cannot be told which page asks for this in your name; send the field Origin or Referer."
            )
        }
        return Self.isOwn("\(scheme)://\(place.parts(at: "/")[0])", request)
    }

    /// A page that came in the clear is not of the server's origin where requests come encrypted: anybody on the way may
    /// have written it. The other way round, a proxy that is not trusted to say so may encrypt.
    private static func isOwn(_ origin: String, _ request: Request) -> Bool {
        guard let own = request.authority, let (scheme, rest) = origin.cut(at: ":"),
            let page = rest.without(prefix: "//"),
            request.scheme == "http" || scheme.isSame(as: "https")
        else { return false }
        let port = scheme.isSame(as: "https") ? ":443" : ":80"
        let names = [String(page), own].map { name in
            let name = name.asciiLowercased()
            return name.without(suffix: port).map(String.init) ?? name
        }
        return names[0].isSame(as: names[1])
    }
}
