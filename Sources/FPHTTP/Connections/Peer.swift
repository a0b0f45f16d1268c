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
    let end: End
    /// Its address, or the word `unix`, for logs and limits.
    let name: String
    /// Whether it is a proxy that is believed.
    let isTrusted: Bool

    /// - Parameters:
    ///   - remote: The other end's address.
    ///   - local: This end's, which tells a Unix socket.
    init(remote: SocketAddress?, local: SocketAddress?, trusting proxies: TrustedProxies) {
        socketAddress = remote
        if let address = remote?.ipAddress.flatMap({ IPAddress($0) }) {
            end = .address(address)
            name = address.description
        } else if local?.protocol == .unix || remote?.protocol == .unix {
            end = .unixSocket
            name = "unix"
        } else {
            end = .unknown
            name = Forwarding.unknown
        }
        isTrusted = proxies.trusts(end)
    }
}
