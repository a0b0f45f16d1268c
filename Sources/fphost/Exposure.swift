import FPConfig
import FPFormats
import FPServer

/// Whether strangers could use what nobody has opened to them.
enum Exposure {
    /// Why the host does not start: it listens where others than this machine's users reach it, and everybody may upload
    /// although the file does not say so. nil if all is well.
    static func objection(to settings: Settings) -> (key: String, text: String)? {
        guard let address = settings.server.listen.first(where: { !isPrivate($0) }) else { return nil }
        let open = EndpointPermissions(settings.permissions).openByDefault(
            authenticating: !settings.authentication.isEmpty)
        if !open.isEmpty {
            return (
                "server.listen",
                "the host is to listen on \(address), where others reach it, and \(open.joined(separator: ", ")) would be "
                    + "open to everybody; set up \"authentication\", give them rules in \"permissions\", write \"permissions: open\" if everybody may "
                    + "upload, or listen on 127.0.0.1"
            )
        }
        if settings.server.demo, settings.permissions.standard != [.allowAny] {
            return (
                "server.demo",
                "the demonstration page lets everybody who reaches \(address) list and delete uploads; turn it off, write "
                    + "\"permissions: open\", or listen on 127.0.0.1"
            )
        }
        return nil
    }

    /// What the operator should know although the host starts: a proxy in front lets others in.
    static func warning(about settings: Settings) -> String? {
        guard !settings.server.trustedProxies.isEmpty, objection(to: settings) == nil else { return nil }
        let open = EndpointPermissions(settings.permissions).openByDefault(
            authenticating: !settings.authentication.isEmpty)
        if settings.server.demo {
            return "server.demo is on behind a proxy: everybody whom it lets through may list and delete uploads"
        }
        guard !open.isEmpty else { return nil }
        return "everybody whom the proxy in front lets through may use \(open.joined(separator: ", ")); set up "
            + "\"authentication\", or write \"permissions: open\" if that is meant"
    }

    /// Whether only users of this machine reach an address.
    private static func isPrivate(_ address: ListenAddress) -> Bool {
        switch address {
        case .tcp(let host?, _), .tls(let host?, _):
            host.asciiLowercased() == "localhost" || IPAddress(host)?.isLoopback == true
        case .tcp(nil, _), .tls(nil, _): false
        case .unix: true
        // Its unit says where, which is not known here.
        case .inherited: false
        }
    }
}
