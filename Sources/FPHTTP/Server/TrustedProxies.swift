public import FPFormats

/// The peers that are trusted to name the client: reverse proxies, by address, or by the Unix socket that they use.
///
/// Only from them does count what they say of the client, and their `X-Request-ID`; anybody else could write anything
/// there.
public struct TrustedProxies: Sendable, Equatable {
    private let blocks: [AddressBlock]
    private let unixSockets: Bool

    /// Trusts nobody.
    public static let none = TrustedProxies([AddressBlock]())

    /// Trusts whoever has an address of one of these blocks.
    public init(_ blocks: [AddressBlock]) {
        self.blocks = blocks
        unixSockets = false
    }

    /// Trusts whom one of these rules names.
    public init(_ rules: [PeerRule]) {
        blocks = rules.compactMap { if case .addresses(let block) = $0 { block } else { nil } }
        unixSockets = rules.contains(.unixSocket)
    }

    func trusts(_ address: IPAddress) -> Bool {
        blocks.contains { $0.contains(address) }
    }

    func trusts(_ end: Peer.End) -> Bool {
        switch end {
        case .address(let address): trusts(address)
        case .unixSocket: unixSockets
        case .unknown: false
        }
    }
}

/// Which header fields the trusted proxies write. The others count from nobody: a proxy passes on what it does not know,
/// and what it passes on anybody can write.
public enum ForwardingFields: Sendable, Equatable {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`, as most proxies write.
    case xForwarded
    /// `Forwarded` (RFC 7239).
    case forwarded
}
