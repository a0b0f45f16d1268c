import FPFormats
import Testing

@testable import FPFetch

/// Which URLs the lists of the settings let pass. Every server here is at an address that is allowed.
@Suite struct RuleTests {
    @Test("Only the ports of the web are fetched from unless others are named, and any on allowed hosts")
    func ports() async throws {
        let server = RawServer(ok("hello"))
        let guarded = AddressGuard(FetchRules())
        for (url, isWeb) in [
            ("http://a/", true), ("https://a/", true), ("http://a:8080/", false), ("http://a:443/", true),
        ] {
            let url = try RemoteURL(url)
            #expect((guarded.refusal(of: IPAddress(v4: 0x0808_0808), for: url) == nil) == isWeb, "\(url)")
        }
        let near = try anyPort { $0.ports = [try port(server.port - 1), try port(server.port + 1)] }
        #expect(try await makeFetcher(rules: near).failure(server.url())?.reason == .notAllowed)
        #expect(server.mostOpen == 0)
        #expect(try await makeFetcher(rules: FetchRules()).failure(server.url()) == nil)
        let named = try anyPort { $0.ports = [try port(80), try port(server.port)] }
        #expect(try await makeFetcher(rules: named).failure(server.url()) == nil)
        // The port that a URL does not name is that of its scheme.
        let secure = try makeFetcher(rules: try anyPort { $0.ports = [try port(443)] })
        #expect(await secure.failure("http://127.0.0.2/")?.reason == .notAllowed)
        #expect(await secure.failure("https://127.0.0.2:80/")?.reason == .notAllowed)
        #expect(await secure.failure("https://127.0.0.2/")?.reason == .unreachable)
    }

    @Test("Only the schemes of the list are fetched")
    func schemes() async throws {
        let server = RawServer(ok("hello"))
        let fetcher = try makeFetcher(rules: anyPort { $0.schemes = [.https] })
        #expect(await fetcher.failure(server.url())?.reason == .notAllowed)
        #expect(server.mostOpen == 0)
        // It is tried, and finds nobody there.
        #expect(await fetcher.failure("https://127.0.0.2:1/")?.reason == .unreachable)
    }

    @Test(
        "With a list of hosts, no other host is asked",
        arguments: [
            (["localhost"], "localhost", true), (["localhost"], "127.0.0.1", false),
            (["*.localhost"], "localhost", false),
            (["127.0.0.0/24"], "127.0.0.1", true), (["127.0.0.1"], "localhost", true),
            (["127.0.0.3"], "localhost", false),
            (["127.0.0.3"], "127.0.0.1", false), (["files.example.org", "::1"], "localhost", false),
        ]
    )
    func hostList(list: [String], host: String, isFetched: Bool) async throws {
        let server = RawServer(on: "127.0.0.1", ok("hello"))
        let fetcher = try makeFetcher(
            allow: ["127.0.0.0/8", "localhost", "::1"], rules: try anyPort { $0.hosts = try hosts(list) })
        let error = await fetcher.failure("http://\(host):\(server.port)/")
        #expect(error?.reason == (isFetched ? nil : .notAllowed), "\(error.map(String.init(describing:)) ?? "")")
        #expect(server.requests.count == (isFetched ? 1 : 0))
    }

    @Test("A name that is not on a list of names is not even looked up")
    func notLookedUp() async throws {
        let fetcher = try makeFetcher(rules: try anyPort { $0.hosts = try hosts(["example.org", "*.example.org"]) })
        #expect(await fetcher.failure("http://name.invalid/")?.reason == .notAllowed)
    }

    @Test("A list of hosts opens no way into the own network")
    func hostListAllowsNothing() async throws {
        let server = RawServer(on: "127.0.0.1", ok("hello"))
        for host in ["127.0.0.1", "localhost"] {
            let fetcher = try makeFetcher(allow: [], rules: try anyPort { $0.hosts = try hosts([host]) })
            #expect(await fetcher.failure("http://\(host):\(server.port)/")?.reason == .notAllowed)
        }
        #expect(server.mostOpen == 0)
    }

    @Test(
        "What the deny list names is not asked, whatever the other lists say",
        arguments: [
            (["127.0.0.1"], ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"]),
            (["127.0.0.0/8"], ["127.0.0.1", "localhost"]), (["localhost"], ["localhost", "LOCALHOST", "localhost."]),
            (["*.localhost"], ["a.localhost", "b.a.localhost."]),
        ]
    )
    func denied(list: [String], refused: [String]) async throws {
        let server = RawServer(on: "127.0.0.1", ok("hello"))
        let names = ["127.0.0.0/8", "localhost", "*.localhost"]
        let fetcher = try makeFetcher(
            allow: names,
            rules: try anyPort {
                $0.hosts = try hosts(names)
                $0.deny = try hosts(list)
            })
        for host in refused {
            #expect(await fetcher.failure("http://\(host):\(server.port)/")?.reason == .notAllowed, "\(host)")
        }
        #expect(server.mostOpen == 0)
    }

    @Test("What the deny list does not name is asked")
    func notDenied() async throws {
        let server = RawServer(on: "127.0.0.1", ok("hello"))
        let fetcher = try makeFetcher(
            allow: ["127.0.0.1"],
            rules: try anyPort { $0.deny = try hosts(["127.0.0.2", "*.localhost", "example.org"]) })
        #expect(await fetcher.failure("http://localhost:\(server.port)/") == nil)
    }

    @Test("Every list is asked again at each redirect")
    func redirects() async throws {
        let secret = RawServer(on: "127.0.0.3", ok("secret"))
        let first = RawServer(redirectingTo: ["/a": "/b", "/b": secret.url()])
        let changes: [(inout FetchRules) throws -> Void] = [
            { $0.ports = [try port(first.port)] }, { $0.hosts = try hosts(["127.0.0.2"]) },
            { $0.deny = try hosts(["127.0.0.3"]) },
        ]
        for change in changes {
            let fetcher = try makeFetcher(allow: ["127.0.0.0/8"], rules: try anyPort(change))
            #expect(await fetcher.failure(first.url("/a"))?.reason == .notAllowed)
        }
        let plain = RawServer(redirect(to: "https://\(secret.authority)/"))
        let fetcher = try makeFetcher(allow: ["127.0.0.0/8"], rules: anyPort { $0.schemes = [.http] })
        #expect(await fetcher.failure(plain.url())?.reason == .notAllowed)
        #expect(secret.mostOpen == 0)
        #expect(try await makeFetcher(allow: ["127.0.0.0/8"]).failure(first.url("/a")) == nil)
    }

    @Test("A refusal names the list in the log, and no list to the client")
    func words() async throws {
        let fetcher = try makeFetcher(rules: anyPort { $0.ports = [try port(80)] })
        let error = try #require(await fetcher.failure("http://127.0.0.2:8080/x"))
        #expect(error.detail.contains("port 8080 is not in fetch.ports"))
        #expect(error.reason.message == "The URL is not one that this server may fetch from.")
        #expect(error.reason.httpStatus == 403)
    }

    private func port(_ number: UInt16) throws -> PortRange { try PortRange.parse("\(number)").get() }
}
