import FPFormats

/// The address ranges that are no place on the public internet, or that reach one through another address.
///
/// From the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), plus what clouds put on public
/// addresses although it answers to their own machines only.
enum SpecialAddresses {
    /// What makes an address special, in words for an operator's log; nil for an address of the public internet.
    static func kind(of address: IPAddress) -> String? {
        switch address.family {
        case .v4:
            return v4.first { $0.network.contains(address) }?.kind
        case .v6:
            if nat64.contains(address) {
                // An IPv6-only host with DNS64 reaches the whole IPv4 internet here, so the address inside decides.
                return kind(of: IPAddress(v4: UInt32(truncatingIfNeeded: address.bits)))
                    .map { "NAT64 (RFC 6052) of an address that is: \($0)" }
            }
            // Anything outside the global unicast space, known or assigned after this was written, is refused.
            guard globalUnicast.contains(address) else {
                return v6.first { $0.network.contains(address) }?.kind ?? "outside of global unicast (RFC 4291)"
            }
            return v6.first { $0.network.contains(address) }?.kind
        }
    }

    private struct Range: Sendable {
        let network: AddressBlock
        let kind: String
    }

    private static let globalUnicast = v6Network(0x2000, prefix: 3)
    private static let nat64 = AddressBlock(IPAddress(v6: 0x0064_ff9b << 96), prefixLength: 96)

    private static let v4: [Range] = [
        v4Range(0, 0, 0, 0, 8, "this network (RFC 791)"),
        v4Range(10, 0, 0, 0, 8, "private use (RFC 1918)"),
        v4Range(100, 64, 0, 0, 10, "shared address space of carriers (RFC 6598)"),
        v4Range(127, 0, 0, 0, 8, "loopback (RFC 1122)"),
        v4Range(168, 63, 129, 16, 32, "the Azure platform's address inside a virtual machine"),
        v4Range(169, 254, 0, 0, 16, "link-local (RFC 3927), where clouds keep their metadata services"),
        v4Range(172, 16, 0, 0, 12, "private use (RFC 1918)"),
        v4Range(192, 0, 0, 0, 24, "IETF protocol assignments (RFC 6890)"),
        v4Range(192, 0, 2, 0, 24, "documentation (RFC 5737)"),
        v4Range(192, 88, 99, 0, 24, "the withdrawn 6to4 relay anycast (RFC 7526)"),
        v4Range(192, 168, 0, 0, 16, "private use (RFC 1918)"),
        v4Range(198, 18, 0, 0, 15, "benchmarking (RFC 2544)"),
        v4Range(198, 51, 100, 0, 24, "documentation (RFC 5737)"),
        v4Range(203, 0, 113, 0, 24, "documentation (RFC 5737)"),
        v4Range(224, 0, 0, 0, 4, "multicast (RFC 5771)"),
        v4Range(255, 255, 255, 255, 32, "limited broadcast (RFC 919)"),
        v4Range(240, 0, 0, 0, 4, "reserved (RFC 1112)"),
    ]

    private static let v6: [Range] = [
        Range(network: AddressBlock(IPAddress(v6: 0), prefixLength: 128), kind: "unspecified (RFC 4291)"),
        Range(network: AddressBlock(IPAddress(v6: 1), prefixLength: 128), kind: "loopback (RFC 4291)"),
        Range(network: AddressBlock(IPAddress(v6: 0), prefixLength: 96), kind: "IPv4-compatible, withdrawn (RFC 4291)"),
        Range(
            network: AddressBlock(IPAddress(v6: 0x0064_ff9b_0001 << 80), prefixLength: 48),
            kind: "NAT64 of a local network (RFC 8215)"
        ),
        v6Range(0x0100, 64, "discard only (RFC 6666)"),
        // Teredo (2001::/32) carries IPv4 addresses; it, benchmarking (2001:2::/48) and ORCHID are all in here.
        v6Range(0x2001, 23, "IETF protocol assignments, Teredo among them (RFC 2928, RFC 4380)"),
        Range(
            network: AddressBlock(IPAddress(v6: 0x2001_0db8 << 96), prefixLength: 32),
            kind: "documentation (RFC 3849)"
        ),
        v6Range(0x2002, 16, "6to4, withdrawn (RFC 3056, RFC 7526)"),
        v6Range(0x3fff, 20, "documentation (RFC 9637)"),
        v6Range(0x5f00, 16, "segment routing (RFC 9602)"),
        v6Range(0xfc00, 7, "unique local (RFC 4193)"),
        v6Range(0xfe80, 10, "link-local (RFC 4291)"),
        v6Range(0xfec0, 10, "site-local, withdrawn (RFC 3879)"),
        v6Range(0xff00, 8, "multicast (RFC 4291)"),
    ]

    private static func v4Range(
        _ first: UInt32,
        _ second: UInt32,
        _ third: UInt32,
        _ fourth: UInt32,
        _ prefix: Int,
        _ kind: String
    ) -> Range {
        let address = IPAddress(v4: first << 24 | second << 16 | third << 8 | fourth)
        return Range(network: AddressBlock(address, prefixLength: prefix), kind: kind)
    }

    private static func v6Range(_ first: UInt128, _ prefix: Int, _ kind: String) -> Range {
        Range(network: v6Network(first, prefix: prefix), kind: kind)
    }

    /// A range given by the first 16 bits of its address.
    private static func v6Network(_ first: UInt128, prefix: Int) -> AddressBlock {
        AddressBlock(IPAddress(v6: first << 112), prefixLength: prefix)
    }
}
