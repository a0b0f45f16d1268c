import Glibc

/// An IPv4 or IPv6 address as a number.
///
/// IPv4-mapped IPv6 addresses (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2) become the IPv4 address that a socket
/// would in truth talk to, so that nothing downstream has two spellings of one address to think about.
struct IPAddress: Hashable, Sendable {
    enum Family: Hashable, Sendable {
        case v4
        case v6

        /// The length of an address in bits.
        var width: Int {
            switch self {
            case .v4: 32
            case .v6: 128
            }
        }
    }

    let family: Family
    let bits: UInt128

    init(v4 bits: UInt32) {
        family = .v4
        self.bits = UInt128(bits)
    }

    init(v6 bits: UInt128) {
        let isMapped = bits >> 32 == 0xffff
        family = isMapped ? .v4 : .v6
        self.bits = isMapped ? bits & 0xffff_ffff : bits
    }

    /// Reads the textual forms of RFC 4291 section 2.2 and the dotted quad, without brackets and zones.
    init?(_ text: String) {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr))
            return
        }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        self.init(v6: Self.number(v6))
    }

    /// Reads the spellings of an IPv4 address that the C library takes for one: decimal, octal and hexadecimal,
    /// in one to four parts (`2130706433`, `0x7f.1`, `0177.0.0.1`).
    init?(legacyIPv4 text: String) {
        var v4 = in_addr()
        guard inet_aton(text, &v4) == 1 else { return nil }
        self.init(v4: UInt32(bigEndian: v4.s_addr))
    }

    /// The address that a socket address points at; nil for families other than IPv4 and IPv6.
    init?(_ address: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            self.init(v4: UInt32(bigEndian: raw.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr))
        case AF_INET6:
            self.init(v6: Self.number(raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr))
        default:
            return nil
        }
    }

    private static func number(_ address: in6_addr) -> UInt128 {
        withUnsafeBytes(of: address) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
    }

    /// Whether the first `prefix` bits are those of `network`.
    func matches(_ network: IPAddress, prefix: Int) -> Bool {
        guard family == network.family else { return false }
        return (bits ^ network.bits) >> UInt128(family.width - prefix) == 0
    }
}

extension IPAddress: CustomStringConvertible {
    var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        switch family {
        case .v4:
            var address = in_addr(s_addr: UInt32(truncatingIfNeeded: bits).bigEndian)
            inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
        case .v6:
            var address = in6_addr()
            withUnsafeMutableBytes(of: &address) { $0.storeBytes(of: bits.bigEndian, as: UInt128.self) }
            inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// A range of addresses: an address and the number of leading bits that count (RFC 4632, RFC 4291 section 2.3).
struct Network: Hashable, Sendable {
    let address: IPAddress
    let prefix: Int

    init(_ address: IPAddress, prefix: Int) {
        self.address = address
        self.prefix = prefix
    }

    func contains(_ other: IPAddress) -> Bool {
        other.matches(address, prefix: prefix)
    }

    /// The range with the bits behind the prefix cleared.
    var canonical: Network {
        let hostBits = UInt128(address.family.width - prefix)
        let bits = (address.bits >> hostBits) << hostBits
        switch address.family {
        case .v4: return Network(IPAddress(v4: UInt32(truncatingIfNeeded: bits)), prefix: prefix)
        case .v6: return Network(IPAddress(v6: bits), prefix: prefix)
        }
    }
}

extension Network: CustomStringConvertible {
    var description: String { "\(address)/\(prefix)" }
}
