import FPFetch
import Testing

@Suite struct ResponseTests {
    @Test("A file is had by one GET request that gives away nothing")
    func request() async throws {
        let server = RawServer(ok("hello", "Content-Type: text/plain; charset=utf-8"))
        let (response, body) = try await makeFetcher().fetch(server.url("/a/b.txt?x=1#frag"))
        #expect(body == Array("hello".utf8))
        #expect(response.status == 200)
        #expect(response.contentType == "text/plain; charset=utf-8")
        #expect(response.contentLength == 5)
        #expect(response.fileName == "b.txt")
        #expect(response.finalURL == server.url("/a/b.txt?x=1"))
        #expect(server.requests.map(\.line) == ["GET /a/b.txt?x=1 HTTP/1.1"])
        let fields = server.requests[0].fields.sorted()
        #expect(
            fields == [
                "Accept-Encoding: identity", "Accept: */*", "Host: \(server.authority)", "User-Agent: fphost/1.2.3",
            ]
        )
    }

    @Test(
        "A status says what became of the file",
        arguments: [
            (200, nil), (203, nil), (404, .notFound), (410, .notFound), (201, .upstreamStatus(201)),
            (202, .upstreamStatus(202)), (204, .upstreamStatus(204)), (206, .upstreamStatus(206)),
            (300, .upstreamStatus(300)), (304, .upstreamStatus(304)), (400, .upstreamStatus(400)),
            (401, .upstreamStatus(401)), (403, .upstreamStatus(403)), (405, .upstreamStatus(405)),
            (407, .upstreamStatus(407)), (416, .upstreamStatus(416)), (429, .upstreamStatus(429)),
            (500, .upstreamStatus(500)), (503, .upstreamStatus(503)), (599, .upstreamStatus(599)),
            (999, .upstreamStatus(999)),
        ] as [(Int, FetchError.Reason?)]
    )
    func statuses(status: Int, expected: FetchError.Reason?) async throws {
        let server = RawServer("HTTP/1.1 \(status) X\r\nContent-Length: 1\r\n\r\nx")
        #expect(try await makeFetcher().failure(server.url())?.reason == expected)
    }

    @Test(
        "An answer that is not the HTTP of a file is refused",
        arguments: [
            ("", .unreachable), ("hello, this is no HTTP\r\n\r\n", .badResponse),
            ("SSH-2.0-OpenSSH_9.2\r\n", .badResponse),
            ("HTTP/1.1 200 OK\r\nContent-Le", .unreachable), ("HTTP/1.1 200 OK\r\n", .unreachable),
            ("HTTP/1.1 abc\r\n\r\n", .badResponse),
            ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", .badResponse),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello", .badResponse),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", .badResponse),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello!", .badResponse),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nhello", .tooLarge),
            ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nhello", .tooLarge),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", .damaged),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: identity, br\r\n\r\nhello", .unsupportedEncoding),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Encoding: x\r\n\r\nhello", .unsupportedEncoding),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", .unsupportedEncoding),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", .unsupportedEncoding),
            ("HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 70_000))\r\n\r\nhello", .badResponse),
            ("HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 20_000) + "\r\nhello", .badResponse),
            ("HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 500_000))\r\n\r\nhello", .badResponse),
            (String(repeating: "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", count: 5000) + ok("hello"), .badResponse),
        ] as [(String, FetchError.Reason)]
    )
    func nonsense(response: String, expected: FetchError.Reason) async throws {
        let server = RawServer(response)
        #expect(try await makeFetcher().failure(server.url())?.reason == expected)
    }

    @Test(
        "Unusual but valid answers are taken",
        arguments: [
            ok("hello"), "HTTP/1.0 200 OK\r\n\r\nhello", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok("hello"),
            "HTTP/1.1 100 Continue\r\nContent-Encoding: gzip\r\n\r\n" + ok("hello"),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: identity\r\n\r\nhello and more",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n4;x=y\r\nello\r\n0\r\nLocation: /x\r\n\r\n",
        ]
    )
    func unusual(response: String) async throws {
        let server = RawServer(response)
        let (_, body) = try await makeFetcher().fetch(server.url())
        #expect(String(decoding: body, as: UTF8.self) == "hello")
    }

    @Test(
        "A web page is a file only if the URL's path says so",
        arguments: [
            ("/page.html", "text/html", true), ("/page.HTM", "text/html; charset=utf-8", true),
            ("/page.xhtml", "application/xhtml+xml", true), ("/page", "text/html", false),
            ("/page", "Text/HTML;charset=utf-8", false), ("/page", "application/xhtml+xml", false),
            ("/?x=.html", "text/html", false), ("/#.html", "text/html", false), ("/a.html/b", "text/html", false),
            ("/page", "text/html; x=\(String(repeating: "y", count: 300))", false), ("/page", "text/htmlx", true),
            ("/page", "text/plain", true), ("/page", "application/html", true),
        ]
    )
    func webPages(path: String, type: String, isFile: Bool) async throws {
        let server = RawServer(ok("<html>", "Content-Type: \(type)"))
        #expect(try await makeFetcher().failure(server.url(path))?.reason == (isFile ? nil : .html))
    }

    @Test("A web page asked for by name may move to a path without the name, and the other way round")
    func movedWebPages() async throws {
        let page = RawServer(ok("<html>", "Content-Type: text/html"))
        let away = RawServer(redirect(to: page.url("/page")))
        let towards = RawServer(redirect(to: page.url("/page.html")))
        let fetcher = try makeFetcher()
        #expect(await fetcher.failure(away.url("/page.html")) == nil)
        #expect(await fetcher.failure(towards.url("/p")) == nil)
        #expect(await fetcher.failure(away.url("/p"))?.reason == .html)
    }

    @Test(
        "The type of a file is passed on if it can be",
        arguments: [
            ("image/png", "image/png"), ("", nil), ("a\u{1}b", nil), ("caf\u{e9}/x", nil),
            (String(repeating: "x", count: 256), nil),
        ] as [(String, String?)]
    )
    func types(type: String, expected: String?) async throws {
        let server = RawServer(ok("x", "Content-Type: \(type)"))
        #expect(try await makeFetcher().fetch(server.url()).0.contentType == expected)
    }

    @Test("Errors keep what the log needs from what a client is told")
    func errors() async throws {
        let fetcher = try makeFetcher { $0.connectTimeout = .seconds(2) }
        // Nothing listens on the port of a server that is gone.
        let url = RawServer("").url("/x?token=secret")
        let error = try #require(await fetcher.failure(url))
        #expect(error.reason == .unreachable)
        #expect(error.detail.contains("127.0.0.2"))
        #expect(!error.detail.contains("secret"))
        #expect(!error.reason.message.contains("127.0.0.2"))
        for reason in [FetchError.Reason.invalidURL, .html] { #expect(reason.httpStatus == 400) }
        for reason in [FetchError.Reason.unreachable, .incomplete, .upstreamStatus(500)] {
            #expect(reason.httpStatus == 502)
        }
        let invalid = await fetcher.failure("http://u:secret@\(url.dropFirst(7))")
        #expect(invalid?.reason == .invalidURL)
        #expect(invalid?.detail.contains("secret") == false)
    }

    @Test("A name that does not exist is unreachable")
    func unknownName() async throws {
        let error = try await makeFetcher().failure("http://name.invalid/")
        #expect(error?.reason == .unreachable)
    }
}
