import FPFormats

/// An IPv4 address that an IPv6 address leads to, in one of the forms that tunnels and translators use.
///
/// Addresses that are mapped to IPv6 (RFC 4291 section 2.5.5.2) are not among them: to ``IPAddress`` they are IPv4.
struct EmbeddedAddress: Sendable, Equatable {
    /// What makes it lead there, in words for an operator's log.
    let form: String
    let address: IPAddress

    /// Those of an address. Where a form leaves open which of its bits are meant, there is one for each reading.
    static func all(in address: IPAddress) -> [EmbeddedAddress] {
        guard address.family == .v6 else { return [] }
        return forms.flatMap { form in
            form.covers(address) ? form.bits.map { EmbeddedAddress(form: form.name, address: $0(address.bits)) } : []
        }
    }

    private struct Form: Sendable {
        let name: String
        let covers: @Sendable (IPAddress) -> Bool
        let bits: [@Sendable (UInt128) -> IPAddress]

        init(_ name: String, _ block: AddressBlock, _ bits: (@Sendable (UInt128) -> IPAddress)...) {
            (self.name, self.bits) = (name, bits)
            covers = block.contains
        }

        /// A form that any prefix can have, told by the upper half of the interface identifier.
        init(_ name: String, identifier: Set<UInt32>, _ bits: @escaping @Sendable (UInt128) -> IPAddress) {
            (self.name, self.bits) = (name, [bits])
            covers = { identifier.contains(UInt32(truncatingIfNeeded: $0.bits >> 32)) }
        }
    }

    private static let forms = [
        Form("NAT64 (RFC 6052)", block(0x0064_ff9b << 96, 96), last),
        // Which of the lengths of RFC 6052 section 2.2 the local network uses cannot be known.
        Form(
            "NAT64 of a local network (RFC 8215)", block(0x0064_ff9b_0001 << 80, 48), last, translated(behind: 48),
            translated(behind: 56), translated(behind: 64)),
        Form("6to4 (RFC 3056)", block(0x2002 << 112, 16)) { part($0 >> 80) },
        // The server, and the client with its bits inverted.
        Form("Teredo (RFC 4380)", block(0x2001 << 112, 32), { part($0 >> 64) }, { part(~$0) }),
        Form("IPv4-compatible (RFC 4291)", block(0, 96), last),
        Form("IPv4-translated (RFC 2765)", block(0xffff << 48, 96), last),
        Form("ISATAP (RFC 5214)", identifier: [0x0000_5efe, 0x0200_5efe], last),
    ]

    private static let last: @Sendable (UInt128) -> IPAddress = { part($0) }

    /// The 32 bits behind a prefix, bits 64 to 71 left out (RFC 6052 section 2.2).
    private static func translated(behind length: Int) -> @Sendable (UInt128) -> IPAddress {
        { bits in
            let joined = (bits >> 64) << 56 | bits & (1 << 56 - 1)
            return part(joined >> UInt128(120 - length - 32))
        }
    }

    private static func part(_ bits: UInt128) -> IPAddress {
        IPAddress(v4: UInt32(truncatingIfNeeded: bits))
    }

    private static func block(_ first: UInt128, _ length: Int) -> AddressBlock {
        AddressBlock(IPAddress(v6: first), prefixLength: length)
    }
}
