/// Other ends of connections that a setting names: a block of addresses, or whoever comes by a Unix socket.
public enum PeerRule: Sendable, Hashable {
    /// All that have one of these addresses.
    case addresses(AddressBlock)
    /// All that come by a Unix socket, who have no address.
    case unixSocket

    /// Reads `10.1.0.0/16`, `fd00:1::/64`, `127.0.0.1`, `::1` and `unix`.
    public static func parse(_ text: String) -> Result<PeerRule, Complaint> {
        if text.isSame(as: "unix") { return .success(.unixSocket) }
        return AddressBlock.parse(text).map { .addresses($0) }
    }
}

extension PeerRule: CustomStringConvertible {
    /// As ``parse(_:)`` reads it.
    public var description: String {
        switch self {
        case .addresses(let block): block.description
        case .unixSocket: "unix"
        }
    }
}
