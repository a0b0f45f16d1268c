import FPFetch
import Glibc
import Testing

@Suite struct GuardTests {
    @Test(
        "Every spelling of an address that is not public is refused, with one sentence that tells nothing",
        arguments: [
            "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.0.0.1.", "１２７.0.0.1",
            "0.0.0.0", "0", "10.0.0.1", "012.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "0xa9fea9fe",
            "2852039166", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "[::]", "[::1]",
            "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1]", "[fd00::1]", "[ff02::1]",
            "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "localhost", "LOCALHOST", "localhost.",
            "a.localhost", "a.b.localhost.",
        ]
    )
    func spellings(host: String) async throws {
        let server = RawServer(on: "127.0.0.1", ok("secret"))
        let error = try await makeFetcher().failure("http://\(host):\(server.port)/")
        #expect(error?.reason == .notAllowed)
        #expect(error?.reason.message == FetchError.Reason.notAllowed.message)
        #expect(server.requests.isEmpty)
        let closed = try await makeFetcher().failure("http://\(host):1/")
        #expect(closed?.reason == .notAllowed)
    }

    @Test("A name is checked by the address that is connected to, not by its looks")
    func connectTime() async throws {
        // The allow list names one of localhost's two addresses; the server is at the other.
        let server = RawServer(on: "127.0.0.1", ok("secret"))
        let error = try await makeFetcher(allow: ["::1"]).failure("http://localhost:\(server.port)/")
        #expect(error?.reason == .notAllowed)
        #expect(error?.detail.contains("127.0.0.1 is loopback") == true)
        #expect(server.open == 0 && server.mostOpen == 0)
    }

    @Test("The machine's own name leads nowhere", .enabled(if: hostName != nil))
    func ownName() async throws {
        let server = RawServer(on: "0.0.0.0", ok("secret"))
        let error = try await makeFetcher(allow: []).failure("http://\(Self.hostName!):\(server.port)/")
        #expect(error?.reason == .notAllowed)
        #expect(server.mostOpen == 0)
    }

    @Test("What the allow list names can be fetched: an address, a range, a name")
    func allowed() async throws {
        let server = RawServer(on: "127.0.0.1", ok("hello"))
        for allow in ["127.0.0.1", "127.0.0.0/8", "localhost"] {
            let fetcher = try makeFetcher(allow: [allow])
            let (_, body) = try await fetcher.fetch("http://localhost:\(server.port)/")
            #expect(body == Array("hello".utf8))
        }
        // A name lifts nothing but itself.
        let byAddress = try await makeFetcher(allow: ["localhost"]).failure(server.url())
        #expect(byAddress?.reason == .notAllowed)
    }

    @Test("IPv6 is fetched from and refused like IPv4", .enabled(if: hasIPv6))
    func version6() async throws {
        let server = RawServer(on: "::1", ok("six"))
        let (response, body) = try await makeFetcher(allow: ["::1"]).fetch(server.url("/a.txt"))
        #expect(body == Array("six".utf8))
        #expect(response.finalURL == "http://[::1]:\(server.port)/a.txt")
        let refused = try await makeFetcher(allow: ["127.0.0.0/8"]).failure(server.url())
        #expect(refused?.reason == .notAllowed)
        #expect(server.requests.count == 1)
    }

    @Test("A redirect from an allowed host to a private address is refused before a connection is made")
    func redirects() async throws {
        let secret = RawServer(on: "127.0.0.1", ok("secret"))
        let hosts = ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost", "127.1", "[::1]", "0.0.0.0"]
        for host in hosts {
            let server = RawServer(redirect(to: "http://\(host):\(secret.port)/"))
            let error = try await makeFetcher().failure(server.url())
            #expect(error?.reason == .notAllowed, "\(host)")
        }
        #expect(secret.mostOpen == 0)
    }

    @Test("Proxies of the environment are not used")
    func proxies() async throws {
        // In a process of its own: the environment belongs to all threads.
        await #expect(processExitsWith: .success) {
            let proxy = RawServer(ok("proxy"))
            let server = RawServer(ok("server"))
            for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"] {
                setenv(name, "http://\(proxy.authority)", 1)
            }
            let (_, body) = try await makeFetcher().fetch(server.url())
            #expect(body == Array("server".utf8))
            #expect(proxy.mostOpen == 0)
            // The guard must not be fooled into asking a proxy for a private address either.
            setenv("no_proxy", "", 1)
            let error = try await makeFetcher().failure("http://10.0.0.1/")
            #expect(error?.reason == .notAllowed)
        }
    }

    private static let hasIPv6 = RawServer.listen(on: "::1").map { close($0.socket) } != nil

    /// The machine's name, if it can be resolved.
    private static let hostName: String? = {
        var name = [CChar](repeating: 0, count: 256)
        var found: UnsafeMutablePointer<addrinfo>?
        guard gethostname(&name, name.count) == 0, getaddrinfo(name, nil, nil, &found) == 0 else { return nil }
        freeaddrinfo(found)
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }()
}
