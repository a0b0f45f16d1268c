/// An address that a server listens on.
public enum ListenAddress: Sendable, Hashable {
    /// A TCP port. The host is a name or an address, IPv6 without brackets; nil for every address of the machine. Port 0
    /// lets the system choose.
    case tcp(host: String?, port: UInt16)
    /// The same, for connections over TLS.
    case tls(host: String?, port: UInt16)
    /// A socket in the file system. A stale one in its place is removed; its mode is 0660.
    case unix(path: String)
    /// A socket that the service manager has opened: that of this name, or the only one.
    case inherited(name: String?)

    /// The longest path in bytes that fits into `sockaddr_un`, whose last byte is zero.
    public static let longestPath = 107

    /// Whether connections there are over TLS.
    public var isEncrypted: Bool {
        if case .tls = self { true } else { false }
    }
}

extension ListenAddress: CustomStringConvertible {
    /// As the settings write it: `127.0.0.1:8080`, `[::1]:8080`, `:8080`, `https://:8443` or `unix:/run/fphost.sock`.
    public var description: String {
        switch self {
        case .tcp(nil, let port): ":\(port)"
        case .tcp(let host?, let port): host.has(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .tls(let host, let port): "https://\(ListenAddress.tcp(host: host, port: port))"
        case .unix(let path): "unix:\(path)"
        case .inherited(nil): "systemd"
        case .inherited(let name?): "systemd:\(name)"
        }
    }
}

extension ListenAddress {
    /// Reads `host:port`, `[v6]:port`, `:port`, each perhaps behind `https://`, `unix:PATH`, `systemd` or
    /// `systemd:NAME`. The path is as the text has it.
    public static func parse(_ text: String) -> Result<ListenAddress, Complaint> {
        if let path = text.without(prefix: "unix:").map(String.init) {
            return PathSyntax.complaint(about: path).map { .failure($0) } ?? .success(.unix(path: path))
        }
        if text.isSame(as: "systemd") { return .success(.inherited(name: nil)) }
        if let name = text.without(prefix: "systemd:") {
            // What FileDescriptorName= takes (systemd.socket(5)).
            guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !name.has(":")
            else {
                return .failure(Complaint("must name the socket behind systemd:, by 1 to 255 letters of ASCII"))
            }
            return .success(.inherited(name: String(name)))
        }
        if let rest = text.without(prefix: "https://") {
            return tcp(String(rest)).map { .tls(host: $0.host, port: $0.port) }
        }
        return tcp(text).map { .tcp(host: $0.host, port: $0.port) }
    }

    private static func tcp(_ text: String) -> Result<(host: String?, port: UInt16), Complaint> {
        guard let (hostText, portText) = text.cutAtLast(":") else {
            let isPort = !text.isEmpty && text.utf8.allSatisfy(\.isASCIIDigit)
            let suggestion = isPort ? "; did you mean \"127.0.0.1:\(text)\" or \":\(text)\"?" : ""
            return .failure(Complaint("is not host:port, [v6]:port, :port or unix:/path\(suggestion)"))
        }
        guard portText.utf8.allSatisfy(\.isASCIIDigit), let port = UInt16(portText) else {
            return .failure(Complaint("must end in a port from 0 to 65535"))
        }
        return host(String(hostText)).map { ($0, port) }
    }

    private static func host(_ text: String) -> Result<String?, Complaint> {
        if text.isEmpty {
            return .success(nil)
        }
        if let address = text.without(prefix: "[")?.without(suffix: "]").map(String.init) {
            // An interface (RFC 4007 section 11) may follow a link-local address.
            let bare = address.cut(at: "%")?.before ?? address[...]
            guard IPAddress.isIPv6(String(bare)) else {
                return .failure(Complaint("has no IPv6 address between its brackets"))
            }
            return .success(address)
        }
        if IPAddress.isIPv6(text) {
            return .failure(Complaint("has an IPv6 address without brackets; write [\(text)]:port"))
        }
        if text == "*" {
            return .failure(Complaint("names every address; write :port for that"))
        }
        guard IPAddress(text) != nil || HostName.isValid(text) else {
            return .failure(Complaint("has no valid host name or address before its port"))
        }
        return .success(text)
    }
}
