import FPFormats

/// Where a server listens.
public enum ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// A TCP port on an address or name; port 0 lets the system choose.
    case tcp(host: String, port: Int)

    /// A Unix socket. A stale one in its place is removed; its mode is 0660.
    case unix(path: String)

    /// Why a text is no address to listen on.
    public struct Invalid: Error, Equatable, CustomStringConvertible {
        /// A sentence that says what would be right.
        public let description: String
    }

    /// Reads `host:port`, `[v6]:port` or `unix:/path`.
    public init(_ text: String) throws(Invalid) {
        if let path = text.without(prefix: "unix:").map(String.init) {
            // sun_path holds 108 bytes, the last of them zero.
            guard !path.isEmpty, path.utf8.count < 108, !path.utf8.contains(0) else {
                throw Invalid(description: "unix: needs a path of 1 to 107 bytes, not \(path.utf8.count)")
            }
            self = .unix(path: path)
            return
        }
        guard let (name, digits) = text.cutAtLast(":") else {
            throw Invalid(description: "\"\(text)\" has no port; write host:port, [v6]:port or unix:/path")
        }
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else {
            throw Invalid(description: "\"\(digits)\" is no port; write 0 to 65535")
        }
        var host = name
        if let literal = host.without(prefix: "[")?.without(suffix: "]") {
            host = literal
        } else if host.has(":") {
            throw Invalid(description: "an IPv6 address needs brackets: [\(host)]:\(port)")
        }
        guard !host.isEmpty else {
            throw Invalid(
                description: "\"\(text)\" has no host; write 0.0.0.0:\(port) or [::]:\(port) for every address")
        }
        self = .tcp(host: String(host), port: Int(port))
    }

    /// The address as ``init(_:)`` reads it.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.has(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
