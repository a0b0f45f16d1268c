import FPFormats
import Support
import Testing

@Suite struct `IP addresses` {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"),
        ("::1", "::1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("fe80::1", "fe80::1"), ("::127.0.0.1", "::127.0.0.1"),
        ("::ffff:10.1.2.3", "10.1.2.3"), ("::ffff:a9fe:a9fe", "169.254.169.254"),
    ])
    func `are read in the forms of RFC 4291 and as dotted quads`(text: String, shown: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == shown)
        #expect(IPAddress(shown) == address)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "[::1]", "::1%eth0", ":::",
        "1::2::3", "::ffff:1.2.3", "localhost", "127.0.0.1\0", "::1\0x", "１.1.1.1",
    ])
    func `are nothing else`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `have the IPv4 spellings of the C library only where they are asked for`() {
        for text in ["2130706433", "0x7f.1", "0177.0.0.1", "127.1"] {
            #expect(IPAddress(legacyIPv4: text) == IPAddress(v4: 0x7f00_0001), "\(text)")
            #expect(IPAddress(text) == nil, "\(text)")
        }
        #expect(IPAddress(legacyIPv4: "127.1\0") == nil)
    }

    @Test func `are the machine's own where they are loopback addresses`() {
        for text in ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.2"] {
            #expect(IPAddress(text)?.isLoopback == true, "\(text)")
        }
        for text in ["126.255.255.255", "128.0.0.0", "0.0.0.0", "::", "::2", "::127.0.0.1"] {
            #expect(IPAddress(text)?.isLoopback == false, "\(text)")
        }
    }

    @Test func `are written so that they are read again as the same`() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<2000 {
            let v4 = IPAddress(v4: UInt32.random(in: 0 ... .max, using: &random))
            let high = UInt128(UInt64.random(in: 0 ... .max, using: &random))
            let v6 = IPAddress(v6: high << 64 | UInt128(UInt64.random(in: 0 ... .max, using: &random)))
            for address in [v4, v6] { #expect(IPAddress("\(address)") == address, "\(address)") }
            #expect(IPAddress("::ffff:\(v4)") == v4)
        }
    }
}

@Suite struct `Blocks of addresses` {
    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.1", "192.0.2.1/32"), ("0.0.0.0/0", "0.0.0.0/0"), ("::1", "::1/128"),
        ("FD00::/8", "fd00::/8"), ("::/0", "::/0"), ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:10.1.2.3", "10.1.2.3/32"), ("::ffff:0:0/96", "0.0.0.0/0"),
    ])
    func `are an address and the number of its bits that count`(text: String, shown: String) throws {
        #expect(try AddressBlock.parse(text).get().description == shown)
        #expect(AddressBlock(shown) == AddressBlock(text))
    }

    private static let none = "is not an address or a block such as 10.0.0.0/8 or fd00::/8"

    @Test(arguments: [
        ("", none), ("proxy", none), ("a b", none), ("http://x", none), ("10.0.0/8", none), ("1.2.3.4.5", none),
        ("[::1]", none), ("*.internal", none), ("host:80", none), ("unix", none),
        ("10.0.0.0/33", "must have a number from 0 to 32 after the slash"),
        ("10.0.0.0/", "must have a number from 0 to 32 after the slash"),
        ("10.0.0.0/-1", "must have a number from 0 to 32 after the slash"),
        ("10.0.0.0/+8", "must have a number from 0 to 32 after the slash"),
        ("10.0.0.0/8/9", "must have a number from 0 to 32 after the slash"),
        ("::/129", "must have a number from 0 to 128 after the slash"),
        ("10.1.2.3/8", #"has bits set beyond its prefix; did you mean "10.0.0.0/8"?"#),
        ("fd00::1/8", #"has bits set beyond its prefix; did you mean "fd00::/8"?"#),
        ("::ffff:10.1.2.3/104", #"has bits set beyond its prefix; did you mean "10.0.0.0/8"?"#),
        ("::ffff:0:0/95", #"has bits set beyond its prefix; did you mean "0.0.0.0/0"?"#),
    ])
    func `are refused with what would be right`(text: String, complaint: String) {
        #expect(throws: Complaint(complaint)) { try AddressBlock.parse(text).get() }
    }

    @Test func `contain their addresses, also as IPv4 mapped to IPv6, and no others`() throws {
        func contains(_ block: String, _ address: String) throws -> Bool {
            try #require(AddressBlock(block)).contains(try #require(IPAddress(address)))
        }
        for address in ["10.32.0.0", "10.63.255.255", "::ffff:10.40.1.1"] {
            #expect(try contains("10.32.0.0/11", address), "\(address)")
        }
        for address in ["10.64.0.0", "10.31.255.255", "::10.40.1.1", "64:ff9b::a28:101"] {
            #expect(try !contains("10.32.0.0/11", address), "\(address)")
        }
        #expect(try contains("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
        #expect(try !contains("::/0", "1.2.3.4"))
        #expect(try !contains("::/0", "::ffff:1.2.3.4"))
        #expect(try contains("0.0.0.0/0", "::ffff:1.2.3.4"))
        #expect(try contains("fd00:1::/64", "fd00:1::5"))
        #expect(try !contains("fd00:1::/64", "fd00:1:0:1::5"))
    }

    @Test func `contain what has their first bits, for every length`() {
        var random = SeededGenerator(seed: 6)
        for length in 0...32 {
            let block = AddressBlock(IPAddress(v4: UInt32.random(in: 0 ... .max, using: &random)), prefixLength: length)
            let first = UInt32(truncatingIfNeeded: block.address.bits)
            let last = UInt32(UInt64(first) + (UInt64(1) << UInt64(32 - length)) - 1)
            #expect(block.contains(IPAddress(v4: first)) && block.contains(IPAddress(v4: last)))
            if first > 0 { #expect(!block.contains(IPAddress(v4: first - 1))) }
            if last < .max { #expect(!block.contains(IPAddress(v4: last + 1))) }
        }
    }
}

@Suite struct `Names of hosts` {
    @Test(arguments: [
        "localhost", "a", "A.example.org", "xn--bcher-kva.org", "3com.com", String(repeating: "a", count: 63),
    ])
    func `are labels of letters, digits and hyphens`(name: String) {
        #expect(HostName.isValid(name))
    }

    @Test(arguments: [
        "", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "bücher.org", "1.2.3.4", "300.1.1.1", "a.1", "::1",
        "*.a.org", "a:80", "a\0", String(repeating: "a", count: 64), String(repeating: "a.", count: 130) + "a",
    ])
    func `are nothing else`(name: String) {
        #expect(!HostName.isValid(name))
    }

    @Test func `stand in a rule for hosts beside blocks of addresses`() throws {
        #expect(try HostRule.parse("Minio.Internal").get() == .name("minio.internal"))
        let block = try #require(AddressBlock("10.1.0.0/16"))
        #expect(try HostRule.parse("10.1.0.0/16").get() == .addresses(block))
        #expect(
            try ["::1", "files.internal"].map { try HostRule.parse($0).get().description } == [
                "::1/128", "files.internal",
            ])
        let below = try HostRule.parse("*.Example.org").get()
        #expect(below == .subdomains("example.org"))
        #expect(below.description == "*.example.org")
        let refused = [
            "10.1.2.3/8", "", "a b", "http://x", "[::1]", "*", "*.", "*internal", "*.*.internal", "a.*.internal",
            "*.1.2.3.4", "host:80", "a_b", "1.2.3.4.5", "fe80::1%eth0",
        ]
        for text in refused {
            #expect(throws: Complaint.self, "\(text)") { try HostRule.parse(text).get() }
        }
    }
}

@Suite struct `Ports of the settings` {
    @Test(
        arguments: [
            ("443", 443...443, "443"), ("1-65535", 1...65535, "1-65535"), ("8000-8999", 8000...8999, "8000-8999"),
            ("80-80", 80...80, "80"), ("00080", 80...80, "80"),
        ] as [(String, ClosedRange<UInt16>, String)])
    func `are one or a range`(text: String, ports: ClosedRange<UInt16>, shown: String) throws {
        let range = try PortRange.parse(text).get()
        #expect(range == PortRange(ports))
        #expect(range.description == shown)
    }

    @Test(arguments: ["", "0", "-", "80-", "-80", "0-80", "65536", "80-65536", "+80", "80 ", "http", "80-81-82", "８0"])
    func `are nothing else`(text: String) {
        #expect(throws: Complaint("is not a port from 1 to 65535 or a range such as 8000-8999")) {
            try PortRange.parse(text).get()
        }
    }

    @Test func `are a range from the lower to the higher`() {
        #expect(throws: Complaint(#"ends before it begins; did you mean "80-90"?"#)) {
            try PortRange.parse("90-80").get()
        }
    }
}

@Suite struct `Addresses to listen on` {
    @Test(arguments: [
        ("127.0.0.1:8080", ListenAddress.tcp(host: "127.0.0.1", port: 8080)),
        ("localhost:0", .tcp(host: "localhost", port: 0)),
        ("localhost:65535", .tcp(host: "localhost", port: 65535)), (":81", .tcp(host: nil, port: 81)),
        ("[::1]:8080", .tcp(host: "::1", port: 8080)), ("[fe80::1%eth0]:80", .tcp(host: "fe80::1%eth0", port: 80)),
        ("[::ffff:1.2.3.4]:80", .tcp(host: "::ffff:1.2.3.4", port: 80)),
        ("unix:/run/fphost.sock", .unix(path: "/run/fphost.sock")), ("unix:fp.sock", .unix(path: "fp.sock")),
    ])
    func `are read as the settings write them`(text: String, address: ListenAddress) throws {
        #expect(try ListenAddress.parse(text).get() == address)
        #expect(address.description == text)
    }

    @Test(arguments: [
        ("", "is not host:port, [v6]:port, :port or unix:/path"),
        ("localhost", "is not host:port, [v6]:port, :port or unix:/path"),
        (
            "8080",
            #"is not host:port, [v6]:port, :port or unix:/path; did you mean "127.0.0.1:8080" or ":8080"?"#
        ),
        ("localhost:", "must end in a port from 0 to 65535"), ("a:b", "must end in a port from 0 to 65535"),
        ("a:65536", "must end in a port from 0 to 65535"), ("a:-1", "must end in a port from 0 to 65535"),
        ("a:+1", "must end in a port from 0 to 65535"), ("a:１", "must end in a port from 0 to 65535"),
        ("::1:8080", "has an IPv6 address without brackets; write [::1]:port"),
        ("[1.2.3.4]:80", "has no IPv6 address between its brackets"),
        ("300.1.1.1:80", "has no valid host name or address before its port"),
        ("-a:80", "has no valid host name or address before its port"),
        ("*:80", "names every address; write :port for that"),
        ("unix:", "is empty; give a path, or leave the key out"), ("unix:/a\0b", "has a zero byte, which no path has"),
    ])
    func `are refused with what would be right`(text: String, complaint: String) {
        #expect(throws: Complaint(complaint)) { try ListenAddress.parse(text).get() }
    }
}

@Suite struct `Origins` {
    @Test(arguments: [
        ("https://app.example.org", "https://app.example.org"), ("HTTPS://A.example.org:443", "https://a.example.org"),
        ("http://a.org:80", "http://a.org"), ("https://a.org:80", "https://a.org:80"),
        ("capacitor://localhost", "capacitor://localhost"), ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
    ])
    func `have one form, in which browsers send them`(text: String, origin: String) throws {
        #expect(try Origin.parse(text).get() == origin)
    }

    @Test(arguments: [
        "", "app.example.org", "https://", "https://a.org/", "https://a.org/x", "https://a.org?x", "https://bücher.org",
        "https://a.org:0", "https://a.org:99999", "https://a b", "https://u@a.org", "https://[1.2.3.4]", "https://::1",
        "http://[::1]:80:80", "https://a.org:443:443", "http://a.org:8080:80",
    ])
    func `are nothing else`(text: String) {
        #expect(throws: Complaint.self) { try Origin.parse(text).get() }
    }
}

@Suite struct `Base paths` {
    @Test(
        arguments: [
            ("/", []), ("", []), ("/fp", ["fp"]), ("/fp/", ["fp"]), ("uploads/here/", ["uploads", "here"]),
            ("/a/b.c-d_e~", ["a", "b.c-d_e~"]), ("/...", ["..."]),
        ] as [(String, [String])])
    func `are segments that need no escaping`(text: String, segments: [String]) throws {
        #expect(try BasePathSyntax.segments(of: text).get() == segments)
    }

    @Test(arguments: ["//", "/a//b", "/a b", "/é", "/..", "/a/../b", "/.", "/a?b", "/%2e", "/a\0"])
    func `are nothing else`(text: String) {
        #expect(throws: Complaint.self) { try BasePathSyntax.segments(of: text).get() }
    }
}
