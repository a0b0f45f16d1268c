import Glibc

/// An IPv4 or IPv6 address as a number.
///
/// IPv4-mapped IPv6 addresses (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2) become the IPv4 address that a socket
/// would in truth talk to, so that nothing downstream has two spellings of one address to think about.
public struct IPAddress: Hashable, Sendable {
    /// The protocol that an address belongs to.
    public enum Family: Hashable, Sendable {
        /// IPv4.
        case v4
        /// IPv6.
        case v6

        /// The length of an address in bits.
        public var width: Int {
            switch self {
            case .v4: 32
            case .v6: 128
            }
        }
    }

    /// The protocol.
    public let family: Family
    /// The address as a number, its first byte the most significant.
    public let bits: UInt128

    /// An IPv4 address from its number.
    public init(v4 bits: UInt32) {
        family = .v4
        self.bits = UInt128(bits)
    }

    /// An IPv6 address from its number, or the IPv4 address that is mapped to it.
    public init(v6 bits: UInt128) {
        let isMapped = bits >> 32 == 0xffff
        family = isMapped ? .v4 : .v6
        self.bits = isMapped ? bits & 0xffff_ffff : bits
    }

    /// Reads the textual forms of RFC 4291 section 2.2 and the dotted quad, without brackets and zones.
    public init?(_ text: String) {
        // The C library would see the text end there.
        guard !text.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr))
            return
        }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        self.init(v6: Self.number(v6))
    }

    /// Whether the address is the machine's own by definition: 127.0.0.0/8 (RFC 1122) or `::1` (RFC 4291).
    public var isLoopback: Bool {
        switch family {
        case .v4: bits >> 24 == 127
        case .v6: bits == 1
        }
    }

    /// Whether a text is written as an IPv6 address, mapped ones included, whose value is an IPv4 address here.
    public static func isIPv6(_ text: String) -> Bool { text.has(":") && IPAddress(text) != nil }

    /// Reads the spellings of an IPv4 address that the C library takes for one: decimal, octal and hexadecimal,
    /// in one to four parts (`2130706433`, `0x7f.1`, `0177.0.0.1`).
    public init?(legacyIPv4 text: String) {
        guard !text.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        guard inet_aton(text, &v4) == 1 else { return nil }
        self.init(v4: UInt32(bigEndian: v4.s_addr))
    }

    /// The address that a socket address points at; nil for families other than IPv4 and IPv6.
    public init?(_ address: UnsafePointer<sockaddr>) {
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
}

extension IPAddress: CustomStringConvertible {
    /// In the form of RFC 5952 or as a dotted quad, without brackets.
    public var description: String {
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
