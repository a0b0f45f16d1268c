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

    @Test(
        "Addresses that lead elsewhere are special",
        arguments: [
            // Every edge of every range.
            "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.100.100.200",
            "100.127.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.0.0",
            "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.192",
            "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0",
            "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255", "224.0.0.0",
            "239.255.255.255", "240.0.0.0", "255.255.255.254", "255.255.255.255",
            "::", "::1", "::2", "::7f00:1", "::127.0.0.1", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fdff::1",
            "fd00:ec2::254", "ff02::1", "ffff::1", "100::1", "2001:db8::1", "3fff::1", "3fff:fff::1", "4000::1",
            "5f00::1", "1fff::1", "2001:2::1", "2001:10::1", "2001:1ff::1",
            // IPv4 addresses in other clothes: mapped, 6to4, NAT64 of both prefixes, Teredo.
            "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:a9fe:a9fe", "2002:7f00:1::", "2002:c0a8:101::1",
            "2002:808:808::1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808",
            "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:a00:1::5601:fefe",
        ]
    )
    func special(text: String) throws {
        #expect(SpecialAddresses.kind(of: try #require(IPAddress(text))) != nil)
    }

    @Test("Every address of a random sample is as special as its mapped, NAT64 and dotted spellings")
    func spellingsAgree() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of spellingsAgree: \(seed)")
        var generator = Seeded(seed)
        for _ in 0..<2000 {
            let address = IPAddress(v4: UInt32.random(in: 0 ... .max, using: &generator))
            let isSpecial = SpecialAddresses.kind(of: address) != nil
            #expect(IPAddress("::ffff:\(address)") == address)
            #expect(IPAddress("\(address)") == address)
            #expect(IPAddress(legacyIPv4: "\(address.bits)") == address)
            #expect(IPAddress(legacyIPv4: "0x" + String(address.bits, radix: 16)) == address)
            let translated = try #require(IPAddress("64:ff9b::\(address)"))
            #expect((SpecialAddresses.kind(of: translated) != nil) == isSpecial, "\(address)")
        }
    }

    @Test("This machine's own addresses are not the public internet, unless they are allowed")
    func ownAddresses() throws {
        let own = try #require(IPAddress("8.8.8.8"))
        let url = try RemoteURL("http://dns.example/")
        var addressGuard = AddressGuard(allow: .none)
        #expect(addressGuard.refusal(of: own, for: url) == nil)
        addressGuard.isOwn = { $0 == own }
        #expect(addressGuard.refusal(of: own, for: url) != nil)
        #expect(addressGuard.refusal(of: try RemoteURL("http://8.8.8.8/")) != nil)
        for entry in ["8.8.8.8", "dns.example"] {
            var lifted = AddressGuard(allow: try allowing([entry]))
            lifted.isOwn = { $0 == own }
            #expect(lifted.refusal(of: own, for: url) == nil)
        }
        #expect(LocalAddresses.contain(IPAddress(v4: 0x7f00_0001)))
        #expect(!LocalAddresses.contain(own))
    }

    @Test("An allow list takes addresses, ranges and names, and covers just those")
    func allowList() throws {
        let list = try allowing(["10.1.0.0/16", "127.0.0.2", "fd00:1::/64", "::1", "Minio.Internal", "0.0.0.0/32"])
        for text in ["10.1.0.0", "10.1.255.255", "127.0.0.2", "fd00:1::5", "::1", "::ffff:10.1.2.3", "0.0.0.0"] {
            #expect(list.contains(try #require(IPAddress(text))), "\(text)")
        }
        for text in ["10.2.0.0", "127.0.0.1", "127.0.0.3", "fd00:1:0:1::5", "::2", "0.0.0.1", "64:ff9b::a01:203"] {
            #expect(!list.contains(try #require(IPAddress(text))), "\(text)")
        }
        #expect(list.contains(name: "minio.internal"))
        #expect(!list.contains(name: "a.minio.internal"))
        #expect(try allowing(["0.0.0.0/0"]).contains(IPAddress(v4: 0x0a00_0001)))
    }
}
