import FPFormats

/// The address ranges that are no place on the public internet, or that reach one through another address.
///
/// They are the rows of the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), multicast, what was
/// withdrawn, and what clouds put on public addresses although it answers to their own machines only. Rows that the
/// registries call globally reachable are here too: they are anycast services that have no files, and the nearest one
/// may be inside.
enum SpecialAddresses {
    /// What makes an address special, in words for an operator's log; nil for an address of the public internet.
    static func kind(of address: IPAddress) -> String? {
        let special = (address.family == .v4 ? v4 : v6)
            .filter { $0.block.contains(address) }
            .max { $0.block.prefixLength < $1.block.prefixLength }
        if let special { return special.kind }
        guard address.family == .v6 else { return nil }
        // Anything outside the global unicast space, known or assigned after this was written, is refused.
        guard globalUnicast.contains(address) || nat64.contains(address) else {
            return "outside of global unicast (RFC 4291)"
        }
        // What is left reaches the IPv4 internet where it carries an address: an IPv6-only host with DNS64 has no other
        // way. So the address inside decides.
        for embedded in EmbeddedAddress.all(in: address) {
            if let kind = kind(of: embedded.address) {
                return "\(embedded.form) of \(embedded.address), which is \(kind)"
            }
        }
        return nil
    }

    private struct Range: Sendable {
        let block: AddressBlock
        let kind: String

        init(_ text: String, _ kind: String) {
            guard let block = AddressBlock(text) else { preconditionFailure("\(text) is not a block of addresses") }
            (self.block, self.kind) = (block, kind)
        }
    }

    private static let globalUnicast = AddressBlock(IPAddress(v6: 0x2000 << 112), prefixLength: 3)
    private static let nat64 = AddressBlock(IPAddress(v6: 0x0064_ff9b << 96), prefixLength: 96)

    private static let v4 = [
        Range("0.0.0.0/8", "this network (RFC 791)"),
        Range("0.0.0.0/32", "this host (RFC 1122)"),
        Range("10.0.0.0/8", "private use (RFC 1918)"),
        Range("100.64.0.0/10", "shared address space of carriers (RFC 6598)"),
        Range("127.0.0.0/8", "loopback (RFC 1122)"),
        Range("168.63.129.16/32", "the Azure platform's address inside a virtual machine"),
        Range("169.254.0.0/16", "link-local (RFC 3927), where clouds keep their metadata services"),
        Range("172.16.0.0/12", "private use (RFC 1918)"),
        Range("192.0.0.0/24", "IETF protocol assignments (RFC 6890)"),
        Range("192.0.0.0/29", "IPv4 service continuity (RFC 7335)"),
        Range("192.0.0.8/32", "the dummy address of IPv4 (RFC 7600)"),
        Range("192.0.0.9/32", "port control anycast (RFC 7723)"),
        Range("192.0.0.10/32", "TURN anycast (RFC 8155)"),
        Range("192.0.0.170/31", "NAT64/DNS64 discovery (RFC 8880, RFC 7050)"),
        Range("192.0.2.0/24", "documentation (RFC 5737)"),
        Range("192.31.196.0/24", "AS112 (RFC 7535)"),
        Range("192.52.193.0/24", "multicast tunnels (RFC 7450)"),
        Range("192.88.99.0/24", "the withdrawn 6to4 relay anycast (RFC 7526)"),
        Range("192.88.99.2/32", "the relay of 6a44 (RFC 6751)"),
        Range("192.168.0.0/16", "private use (RFC 1918)"),
        Range("192.175.48.0/24", "direct delegation of AS112 (RFC 7534)"),
        Range("198.18.0.0/15", "benchmarking (RFC 2544)"),
        Range("198.51.100.0/24", "documentation (RFC 5737)"),
        Range("203.0.113.0/24", "documentation (RFC 5737)"),
        Range("224.0.0.0/4", "multicast (RFC 5771)"),
        Range("240.0.0.0/4", "reserved (RFC 1112)"),
        Range("255.255.255.255/32", "limited broadcast (RFC 919, RFC 8190)"),
    ]

    /// Withdrawn forms are here, so that none is reached whatever IPv4 address it carries: nobody serves files there.
    /// Addresses that are mapped to IPv6 (`::ffff:0:0/96`) are IPv4 addresses before they come here.
    private static let v6 = [
        Range("::/128", "unspecified (RFC 4291)"),
        Range("::1/128", "loopback (RFC 4291)"),
        Range("::/96", "IPv4-compatible, withdrawn (RFC 4291)"),
        Range("64:ff9b:1::/48", "NAT64 of a local network (RFC 8215)"),
        Range("100::/64", "discard only (RFC 6666)"),
        Range("100:0:0:1::/64", "the dummy prefix of IPv6 (RFC 9780)"),
        Range("2001::/23", "IETF protocol assignments (RFC 2928)"),
        Range("2001::/32", "Teredo (RFC 4380, RFC 8190)"),
        Range("2001:1::1/128", "port control anycast (RFC 7723)"),
        Range("2001:1::2/128", "TURN anycast (RFC 8155)"),
        Range("2001:1::3/128", "service registration anycast (RFC 9665)"),
        Range("2001:2::/48", "benchmarking (RFC 5180)"),
        Range("2001:3::/32", "multicast tunnels (RFC 7450)"),
        Range("2001:4:112::/48", "AS112 (RFC 7535)"),
        Range("2001:10::/28", "ORCHID, withdrawn (RFC 4843)"),
        Range("2001:20::/28", "ORCHIDv2 (RFC 7343)"),
        Range("2001:30::/28", "identities of drones (RFC 9374)"),
        Range("2001:db8::/32", "documentation (RFC 3849)"),
        Range("2002::/16", "6to4, withdrawn (RFC 3056, RFC 7526)"),
        Range("2620:4f:8000::/48", "direct delegation of AS112 (RFC 7534)"),
        Range("3fff::/20", "documentation (RFC 9637)"),
        Range("5f00::/16", "segment routing (RFC 9602)"),
        Range("fc00::/7", "unique local (RFC 4193)"),
        Range("fe80::/10", "link-local (RFC 4291)"),
        Range("fec0::/10", "site-local, withdrawn (RFC 3879)"),
        Range("ff00::/8", "multicast (RFC 4291)"),
    ]
}
