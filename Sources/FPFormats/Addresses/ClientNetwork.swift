/// Who is one client where limits go by address.
public enum ClientNetwork: Sendable, Hashable {
    /// An IPv4 address, or a /64 of IPv6, in which a host chooses freely.
    case block(AddressBlock)
    /// What a proxy calls a client of which it tells no address: all those that nobody can tell apart are one.
    case named(TextKey)

    /// The network of an address.
    public init(_ address: IPAddress) { self = .block(Self.block(of: address)) }

    /// The network of a client as requests and log lines name it.
    /// - Returns: `nil` for the other end of a Unix socket, which is on this machine: nobody knows how many clients it
    ///   stands for, so it is not counted.
    public init?(client: String) {
        if let address = IPAddress(client) {
            self.init(address)
        } else if client == "unix" {
            return nil
        } else {
            self = .named(TextKey(client))
        }
    }

    /// The block that counts as one with an address.
    public static func block(of address: IPAddress) -> AddressBlock {
        AddressBlock(address, prefixLength: min(64, address.family.width))
    }
}

extension ClientNetwork: CustomStringConvertible {
    /// `192.0.2.1/32`, `2001:db8::/64`, or the name.
    public var description: String {
        switch self {
        case .block(let block): block.description
        case .named(let name): name.text
        }
    }
}
