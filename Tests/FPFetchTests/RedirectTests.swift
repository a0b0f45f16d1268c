import FPFetch
import Testing

@Suite struct RedirectTests {
    @Test("Redirects of every kind are followed, with a GET each", arguments: [301, 302, 303, 307, 308])
    func followed(status: Int) async throws {
        let server = RawServer(ok("hello"))
        let first = RawServer(redirect(to: server.url("/b?c=d#e"), status: status))
        let (response, body) = try await makeFetcher().fetch(first.url("/a"))
        #expect(body == Array("hello".utf8))
        #expect(response.finalURL == server.url("/b?c=d"))
        #expect(first.requests.map(\.line) == ["GET /a HTTP/1.1"])
        #expect(server.requests.map(\.line) == ["GET /b?c=d HTTP/1.1"])
        #expect(!server.requests[0].fields.contains { $0.lowercased().hasPrefix("referer") })
    }

    @Test("A relative Location is resolved against the URL that it came from")
    func relative() async throws {
        let server = RawServer(redirectingTo: [
            "/a/b/c": "../d?x=1", "/a/d?x=1": "?x=2", "/a/d?x=2": "/e f", "/e%20f": "//HOST/g",
        ])
        let (response, _) = try await makeFetcher().fetch(server.url("/a/b/c"))
        #expect(response.finalURL == server.url("/g"))
        #expect(server.requests.map(\.target) == ["/a/b/c", "/a/d?x=1", "/a/d?x=2", "/e%20f", "/g"])
    }

    @Test("As many redirects as allowed are followed, and not one more")
    func count() async throws {
        let server = RawServer(redirectingTo: ["/3": "/2", "/2": "/1", "/1": "/0"])
        let fetcher = try makeFetcher { $0.maxRedirects = 2 }
        #expect(await fetcher.failure(server.url("/2")) == nil)
        #expect(await fetcher.failure(server.url("/3"))?.reason == .badRedirect)
        let none = try makeFetcher { $0.maxRedirects = 0 }
        #expect(await none.failure(server.url("/1"))?.reason == .badRedirect)
        #expect(await none.failure(server.url("/0")) == nil)
    }

    @Test("A loop ends")
    func loop() async throws {
        let server = RawServer(redirectingTo: ["/a": "/b", "/b": "/a", "/c": ""])
        let fetcher = try makeFetcher()
        #expect(await fetcher.failure(server.url("/a"))?.reason == .badRedirect)
        #expect(server.requests.count == 6)
        #expect(await fetcher.failure(server.url("/c"))?.reason == .badRedirect)
    }

    @Test(
        "A redirect to where nothing can be fetched is refused",
        arguments: [
            "ftp://127.0.0.2/", "file:///etc/passwd", "gopher://127.0.0.2:6379/_x", "http://u:p@127.0.0.2/",
            "http:///x",
            "http://", "javascript:alert(1)", "http://127.0.0.2:99999/", "http://a b/", "//", "http:x",
        ]
    )
    func refused(location: String) async throws {
        let server = RawServer(redirect(to: location))
        #expect(try await makeFetcher().failure(server.url())?.reason == .badRedirect)
    }

    @Test("A redirect without a Location is refused", arguments: [301, 302, 303, 307, 308])
    func withoutLocation(status: Int) async throws {
        let server = RawServer("HTTP/1.1 \(status) X\r\nContent-Length: 0\r\n\r\n")
        #expect(try await makeFetcher().failure(server.url())?.reason == .badRedirect)
    }

    @Test("The body of a redirect is not waited for")
    func body() async throws {
        let server = RawServer(ok("hello"))
        let first = RawServer { connection in
            connection.send("HTTP/1.1 302 Found\r\nLocation: \(server.url())\r\nContent-Length: 1000000\r\n\r\nx")
            _ = connection.isClosed()
        }
        #expect(try await makeFetcher().fetch(first.url()).1 == Array("hello".utf8))
    }

    @Test("The limit of time is for all hops together")
    func time() async throws {
        let server = RawServer { connection in
            _ = connection.isClosed(within: 300)
            connection.send(redirect(to: "/again"))
        }
        let fetcher = try makeFetcher {
            $0.timeout = .seconds(1)
            $0.maxRedirects = 1000
        }
        #expect(await fetcher.failure(server.url())?.reason == .timedOut)
        #expect(server.requests.count <= 4)
    }
}

extension RawServer {
    /// Redirects some targets, HOST standing for its own authority, and serves everything else.
    convenience init(redirectingTo locations: [String: String]) {
        self.init { connection in
            guard let location = locations[connection.request.target] else { return _ = connection.send(ok("end")) }
            let host = connection.request.fields.first { $0.hasPrefix("Host: ") }!.dropFirst(6)
            connection.send(redirect(to: location.replacing("HOST", with: host)))
        }
    }
}
