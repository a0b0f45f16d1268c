import FPFormats

/// An address that the server listens on.
public enum ListenAddress: Sendable, Hashable {
    /// A TCP port. The host is a name or an address, IPv6 without brackets; nil for every address of the machine. Port 0
    /// lets the system choose.
    case tcp(host: String?, port: UInt16)
    /// A socket in the file system; an absolute path.
    case unix(path: String)
}

extension ListenAddress: CustomStringConvertible {
    /// As the file writes it: `127.0.0.1:8080`, `[::1]:8080`, `:8080` or `unix:/run/fphost.sock`.
    public var description: String {
        switch self {
        case .tcp(nil, let port): ":\(port)"
        case .tcp(let host?, let port): host.has(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

extension ListenAddress {
    /// The longest path that fits into `sockaddr_un`.
    private static let longestPath = 107

    static func parse(_ text: String, source: ConfigSource) -> Result<ListenAddress, Complaint> {
        if let path = text.without(prefix: "unix:") {
            return source.absolutePath(String(path)).flatMap(unix)
        }
        guard let (hostText, portText) = text.cutAtLast(":") else {
            let isPort = !text.isEmpty && text.utf8.allSatisfy(\.isASCIIDigit)
            let suggestion = isPort ? "; did you mean \"127.0.0.1:\(text)\" or \":\(text)\"?" : ""
            return .failure(Complaint("is not host:port, [v6]:port, :port or unix:/path\(suggestion)"))
        }
        guard portText.utf8.allSatisfy(\.isASCIIDigit), let port = UInt16(portText) else {
            return .failure(Complaint("must end in a port from 0 to 65535"))
        }
        return host(String(hostText)).map { .tcp(host: $0, port: port) }
    }

    private static func host(_ text: String) -> Result<String?, Complaint> {
        if text.isEmpty {
            return .success(nil)
        }
        if let address = text.without(prefix: "[")?.without(suffix: "]").map(String.init) {
            // An interface (RFC 4007 section 11) may follow a link-local address.
            let bare = address.cut(at: "%")?.before ?? address[...]
            guard AddressBlock.bytes(of: String(bare))?.count == 16 else {
                return .failure(Complaint("has no IPv6 address between its brackets"))
            }
            return .success(address)
        }
        if AddressBlock.bytes(of: text)?.count == 16 {
            return .failure(Complaint("has an IPv6 address without brackets; write [\(text)]:port"))
        }
        if text == "*" {
            return .failure(Complaint("names every address; write :port for that"))
        }
        guard AddressBlock.bytes(of: text) != nil || HostName.isValid(text) else {
            return .failure(Complaint("has no valid host name or address before its port"))
        }
        return .success(text)
    }

    private static func unix(_ path: String) -> Result<ListenAddress, Complaint> {
        guard path.utf8.count <= longestPath else {
            return .failure(Complaint("is the path \(path), longer than the \(longestPath) bytes of a socket's path"))
        }
        let directory = String(path.cutAtLast("/")?.before ?? "")
        guard FileAccess.kind(of: directory.isEmpty ? "/" : directory) == .directory else {
            return .failure(Complaint("needs the directory \(directory), which does not exist; create it"))
        }
        return .success(.unix(path: path))
    }
}
