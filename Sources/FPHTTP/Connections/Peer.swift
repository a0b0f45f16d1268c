import FPFormats
import NIOCore

/// The other end of a connection.
struct Peer: Sendable {
    /// Who that is.
    enum End: Sendable, Equatable {
        case address(IPAddress)
        case unixSocket
        /// It is gone before its address could be read.
        case unknown
    }

    let socketAddress: SocketAddress?
    /// Whether the connection itself is one of TCP, whoever it is for.
    let isTCP: Bool
    let end: End
    /// Its address, or the word `unix`, for logs and limits.
    let name: String
    /// Whether it is a proxy that is believed.
    let isTrusted: Bool

    /// - Parameters:
    ///   - remote: The other end's address.
    ///   - local: This end's, which tells a Unix socket.
    init(remote: SocketAddress?, local: SocketAddress?, trusting proxies: TrustedProxies) {
        let isUnix = local?.protocol == .unix || remote?.protocol == .unix
        self.init(remote, isTCP: !isUnix, otherwise: isUnix ? .unixSocket : .unknown, trusting: proxies)
    }

    /// Who the proxy at the other end says that the connection is for; nil if it says no address.
    func client(_ address: SocketAddress?, trusting proxies: TrustedProxies) -> Peer {
        Peer(address, isTCP: isTCP, otherwise: .unknown, trusting: proxies)
    }

    private init(_ remote: SocketAddress?, isTCP: Bool, otherwise: End, trusting proxies: TrustedProxies) {
        socketAddress = remote
        self.isTCP = isTCP
        if let address = remote?.ipAddress.flatMap({ IPAddress($0) }) {
            end = .address(address)
            name = address.description
        } else {
            end = otherwise
            name = otherwise == .unixSocket ? "unix" : Forwarding.unknown
        }
        isTrusted = proxies.trusts(end)
    }
}
