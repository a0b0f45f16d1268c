import FPFormats
import FPHTTP
import HTTPTypes

extension HTTPField.Name {
    /// `X-Fphost-Demo`: shows that a change comes from the demo page, since no form of another site can send it.
    static let demo = HTTPField.Name(constant: "X-Fphost-Demo")
}

extension Access {
    /// What the demo page may do in its visitor's browser.
    package static let page = Access("page")
}

/// Recognises the demo page by what its visitor's browser says of it, and keeps other sites' pages from using the demo's
/// endpoints through that browser. Programs other than browsers can say the same.
package struct PageAuthenticator: Authenticator {
    private let answersToOwnNamesOnly: Bool

    /// - Parameter answersToOwnNamesOnly: Whether the server listens on this machine's own addresses only and no proxy
    ///   is in front. Then it answers to this machine's own names only, so that a site cannot reach it by pointing its
    ///   own name here (DNS rebinding).
    package init(answersToOwnNamesOnly: Bool) {
        self.answersToOwnNamesOnly = answersToOwnNamesOnly
    }

    package func caller(of request: Request, for access: Access) throws(Problem) -> Caller? {
        guard let host = request.authority else {
            throw Problem(.badRequest, "The request needs one Host header.")
        }
        if answersToOwnNamesOnly && !Self.isOwnName(host) {
            throw Problem(
                .forbidden,
                "The demo answers to this machine's own names only while fphost listens on loopback: open it as "
                    + "http://127.0.0.1 or http://localhost, or name the proxy in front of it in server.trusted_proxies."
            )
        }
        // A browser sends Origin with every change, and with every request whose answer a page of another origin wants
        // to read, which server.cors may allow such a page elsewhere; programs that send none are no browsers.
        for origin in request.headers[values: .origin] where Self.authority(of: origin) != host.asciiLowercased() {
            throw Problem(.forbidden, "Only the demo page of this server may do this, not a page of another origin.")
        }
        let isChange = request.method != .get && request.method != .head
        guard !isChange || request.headers[values: .demo].first?.isSame(as: "1") == true else {
            throw Problem(.forbidden, "A change needs the header X-Fphost-Demo: 1, which only the demo page sends.")
        }
        return Caller(kind: "page")
    }

    private static func authority(of origin: String) -> String? {
        origin.cut(at: ":")?.behind.without(prefix: "//")?.asciiLowercased()
    }

    /// `localhost`, or an address: neither can be pointed anywhere by a site.
    private static func isOwnName(_ host: String) -> Bool {
        if host.begins(with: "[") { return true }
        let name = host.parts(at: ":")[0].asciiLowercased()
        if name.isSame(as: "localhost") || name.ends(with: ".localhost") { return true }
        let numbers = name.parts(at: ".")
        return numbers.count == 4 && numbers.allSatisfy { UInt8($0) != nil }
    }
}
