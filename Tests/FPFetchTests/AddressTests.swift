import FPFormats
import Testing

@testable import FPFetch

@Suite struct AddressTests {
    @Test(
        "Addresses of the public internet are ordinary",
        arguments: [
            "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
            "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0",
            "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "203.0.112.255",
            "203.0.114.0", "223.255.255.255", "168.63.129.15",
            "2606:4700:4700::1111", "2a00:1450:4001::200e", "2001:200::1", "2001:4860:4860::8888", "3ffe::1",
            "2620:fe::fe", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8",
        ]
    )
    func ordinary(text: String) throws {
        #expect(SpecialAddresses.kind(of: try #require(IPAddress(text))) == nil)
    }

    /// The rows of the IANA IPv4 and IPv6 Special-Purpose Address Registries, each with its RFC, and what else is no
    /// place on the internet.
    static let registry = [
        ("0.0.0.0/8", "RFC 791"), ("0.0.0.0/32", "RFC 1122"), ("10.0.0.0/8", "RFC 1918"),
        ("100.64.0.0/10", "RFC 6598"), ("127.0.0.0/8", "RFC 1122"), ("169.254.0.0/16", "RFC 3927"),
        ("172.16.0.0/12", "RFC 1918"), ("192.0.0.0/24", "RFC 6890"), ("192.0.0.0/29", "RFC 7335"),
        ("192.0.0.8/32", "RFC 7600"), ("192.0.0.9/32", "RFC 7723"), ("192.0.0.10/32", "RFC 8155"),
        ("192.0.0.170/32", "RFC 8880"), ("192.0.0.171/32", "RFC 7050"), ("192.0.2.0/24", "RFC 5737"),
        ("192.31.196.0/24", "RFC 7535"), ("192.52.193.0/24", "RFC 7450"), ("192.88.99.0/24", "RFC 7526"),
        ("192.88.99.2/32", "RFC 6751"), ("192.168.0.0/16", "RFC 1918"), ("192.175.48.0/24", "RFC 7534"),
        ("198.18.0.0/15", "RFC 2544"), ("198.51.100.0/24", "RFC 5737"), ("203.0.113.0/24", "RFC 5737"),
        ("224.0.0.0/4", "RFC 5771"), ("240.0.0.0/4", "RFC 1112"), ("255.255.255.255/32", "RFC 919"),
        ("::1/128", "RFC 4291"), ("::/128", "RFC 4291"), ("::/96", "RFC 4291"), ("64:ff9b:1::/48", "RFC 8215"),
        ("100::/64", "RFC 6666"), ("100:0:0:1::/64", "RFC 9780"), ("2001::/23", "RFC 2928"),
        ("2001::/32", "RFC 4380"), ("2001:1::1/128", "RFC 7723"), ("2001:1::2/128", "RFC 8155"),
        ("2001:1::3/128", "RFC 9665"), ("2001:2::/48", "RFC 5180"), ("2001:3::/32", "RFC 7450"),
        ("2001:4:112::/48", "RFC 7535"), ("2001:10::/28", "RFC 4843"), ("2001:20::/28", "RFC 7343"),
        ("2001:30::/28", "RFC 9374"), ("2001:db8::/32", "RFC 3849"), ("2002::/16", "RFC 3056"),
        ("2620:4f:8000::/48", "RFC 7534"), ("3fff::/20", "RFC 9637"), ("5f00::/16", "RFC 9602"),
        ("fc00::/7", "RFC 4193"), ("fe80::/10", "RFC 4291"), ("fec0::/10", "RFC 3879"), ("ff00::/8", "RFC 4291"),
        // What no RFC names: Azure, and all that was never handed out.
        ("168.63.129.16/32", "Azure"), ("4000::/2", "RFC 4291"), ("200::/7", "RFC 4291"), ("e000::/4", "RFC 4291"),
    ]

    @Test(
        "Every special range is refused from its first address to its last, and said to be what it is",
        arguments: registry)
    func special(range: String, source: String) throws {
        let block = try #require(AddressBlock(range))
        let last = block.address.bits | (1 << UInt128(block.address.family.width - block.prefixLength) - 1)
        let width = block.address.family
        for bits in [block.address.bits, last] {
            let address = width == .v4 ? IPAddress(v4: UInt32(bits)) : IPAddress(v6: bits)
            #expect(SpecialAddresses.kind(of: address) != nil, "\(address)")
        }
        // Neither end may lie in a narrower range, which has a name of its own.
        let middle = block.address.bits | (last - block.address.bits) / 3
        let address = width == .v4 ? IPAddress(v4: UInt32(middle)) : IPAddress(v6: middle)
        #expect(SpecialAddresses.kind(of: address)?.contains(source) == true, "\(address)")
    }

    @Test(
        "Where clouds keep their metadata services is refused",
        arguments: [
            "169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254",
            "fd20:ce::254", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe",
        ]
    )
    func metadata(text: String) throws {
        #expect(SpecialAddresses.kind(of: try #require(IPAddress(text))) != nil)
    }

    @Test("An IPv4 address in IPv6 clothes is refused in all of them if it is refused without")
    func embedded() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of embedded: \(seed)")
        var generator = Seeded(seed)
        let specials = Self.registry.compactMap { AddressBlock($0.0) }.filter { $0.address.family == .v4 }
        for round in 0..<2000 {
            var bits = UInt32.random(in: 0 ... .max, using: &generator)
            if round % 2 == 0, let block = specials.randomElement(using: &generator) {
                // Special ranges are few, so every other address is out of one.
                bits = UInt32(block.address.bits) | bits & UInt32(UInt64(1) << UInt64(32 - block.prefixLength) - 1)
            }
            let address = IPAddress(v4: bits)
            let isSpecial = SpecialAddresses.kind(of: address) != nil
            #expect(IPAddress("\(address)") == address)
            #expect(IPAddress(legacyIPv4: "\(bits)") == address)
            #expect(IPAddress(legacyIPv4: "0x" + String(bits, radix: 16)) == address)
            // These two reach the IPv4 internet.
            #expect(IPAddress("::ffff:\(address)") == address)
            let translated = try #require(IPAddress("64:ff9b::\(address)"))
            #expect((SpecialAddresses.kind(of: translated) != nil) == isSpecial, "\(address)")
            // So does this one, where a router of the prefix's owner knows it.
            let identifier = IPAddress(v6: 0x2a00_0001 << 96 | 0x0200_5efe << 32 | UInt128(bits))
            #expect((SpecialAddresses.kind(of: identifier) != nil) == isSpecial, "\(address)")
            // These are withdrawn or a local network's own, and reached by nobody.
            for disguise in disguises(of: bits, using: &generator) {
                #expect(SpecialAddresses.kind(of: disguise) != nil, "\(disguise)")
                #expect(EmbeddedAddress.all(in: disguise).contains { $0.address == address }, "\(disguise)")
            }
        }
    }

    /// An IPv4 address in every form that carries one and is not fetched from, the rest of the bits at random.
    private func disguises(of bits: UInt32, using generator: inout Seeded) -> [IPAddress] {
        let v4 = UInt128(bits)
        let noise = UInt128(generator.next()) << 64 | UInt128(generator.next())
        let teredo: UInt128 = 0x2001 << 112
        let local: UInt128 = 0x0064_ff9b_0001 << 80
        var disguises: [UInt128] = []
        // 6to4.
        disguises.append((0x2002 << 112) | (v4 << 80) | (noise >> 48))
        // Teredo, by its server and by its client.
        disguises.append(teredo | (v4 << 64) | (noise >> 64))
        disguises.append(teredo | ((noise >> 64) << 32) | (~v4 & 0xffff_ffff))
        // IPv4-compatible and IPv4-translated.
        disguises.append(v4)
        disguises.append((0xffff << 48) | v4)
        // NAT64 of a local network, at the end, and behind a prefix of 48 bits around bits 64 to 71.
        disguises.append(local | ((noise >> 80) << 32) | v4)
        disguises.append(local | ((v4 >> 16) << 64) | ((v4 & 0xffff) << 40) | (noise >> 88))
        return disguises.map { IPAddress(v6: $0) }
    }

    @Test("This machine's own addresses are not the public internet, unless they are allowed")
    func ownAddresses() throws {
        let own = try #require(IPAddress("8.8.8.8"))
        let url = try RemoteURL("http://dns.example/")
        var addressGuard = AddressGuard(FetchRules())
        #expect(addressGuard.refusal(of: own, for: url) == nil)
        addressGuard.isOwn = { $0 == own }
        #expect(addressGuard.refusal(of: own, for: url) != nil)
        #expect(addressGuard.refusal(of: try RemoteURL("http://8.8.8.8/")) != nil)
        let detour = try #require(IPAddress("64:ff9b::8.8.8.8"))
        #expect(addressGuard.refusal(of: detour, for: url) != nil)
        for entry in ["8.8.8.8", "dns.example", "*.example"] {
            var rules = FetchRules()
            rules.allow = try hosts([entry])
            var lifted = AddressGuard(rules)
            lifted.isOwn = { $0 == own }
            #expect(lifted.refusal(of: own, for: url) == nil)
        }
        #expect(LocalAddresses.contain(IPAddress(v4: 0x7f00_0001)))
        #expect(!LocalAddresses.contain(own))
    }

    @Test("A list of hosts takes addresses, ranges and names, and covers just those")
    func hostList() throws {
        let list = try hosts([
            "10.1.0.0/16", "127.0.0.2", "fd00:1::/64", "::1", "Minio.Internal", "0.0.0.0/32", "*.Example.org",
        ])
        for text in ["10.1.0.0", "10.1.255.255", "127.0.0.2", "fd00:1::5", "::1", "::ffff:10.1.2.3", "0.0.0.0"] {
            #expect(list.contains(try #require(IPAddress(text))), "\(text)")
        }
        for text in ["10.2.0.0", "127.0.0.1", "127.0.0.3", "fd00:1:0:1::5", "::2", "0.0.0.1", "64:ff9b::a01:203"] {
            #expect(!list.contains(try #require(IPAddress(text))), "\(text)")
        }
        #expect(list.contains(name: "minio.internal"))
        #expect(!list.contains(name: "a.minio.internal"))
        for name in ["a.example.org", "b.a.example.org"] { #expect(list.contains(name: name), "\(name)") }
        for name in ["example.org", "xexample.org", "a.example.org.evil.net", "org", "", "."] {
            #expect(!list.contains(name: name), "\(name)")
        }
        #expect(try hosts(["0.0.0.0/0"]).contains(IPAddress(v4: 0x0a00_0001)))
    }
}
