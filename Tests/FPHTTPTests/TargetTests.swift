import FPHTTP
import HTTPTypes
import NIOCore
import Testing

@Suite("Paths and queries")
struct TargetTests {
    @Test(
        "a path is decoded once, segment by segment",
        arguments: [
            ("/", [""]),
            ("/fp", ["fp"]),
            ("/fp/", ["fp", ""]),
            ("/fp//a", ["fp", "", "a"]),
            ("//", ["", ""]),
            ("/a%20b/%E6%97%A5", ["a b", "日"]),
            ("/a%2Fb/c", ["a/b", "c"]),
            ("/a%252e/b", ["a%2e", "b"]),
            ("/a+b", ["a+b"]),
            ("/...", ["..."]),
            ("/a;b=c/d:e@f", ["a;b=c", "d:e@f"]),
            ("http://host:80/fp?x", ["fp"]),
            ("HTTPS://host", [""]),
            ("/a#b", ["a"]),
        ]
    )
    func segments(target: String, segments: [String]) async throws {
        try await withServer(answering: { request in
            #expect(request.target == target)
            #expect(request.path.segments == segments)
            return .text(.ok, "")
        }) { address in
            let response = try await RawClient.connect(to: address).exchange(get(target))
            #expect(response.status == 200)
        }
    }

    @Test(
        "a path that could mean two things is refused",
        arguments: [
            "/..", "/a/../b", "/./a", "/a/%2e%2E/b", "/%2e", "/a%00b", "/a%0Ab", "/a%7F", "/%", "/%4", "/%zz", "/a%e9",
            "/%c0%af", "/%ed%a0%80", "fp",
        ]
    )
    func refused(target: String) async throws {
        try await withServer(answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange(get(target))
            #expect(response.status == 400)
            #expect(response["Content-Type"] == "text/plain; charset=utf-8")
            #expect(response.body.count > 10)
        }
    }

    @Test("OPTIONS * is about the server")
    func asterisk() async throws {
        try await withServer(answering: { request in
            #expect(request.path.segments.isEmpty)
            return await mirror(request)
        }) { address in
            let response = try await RawClient.connect(to: address).exchange("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(response.text == "OPTIONS *")
        }
    }

    @Test("a query is read as a form")
    func query() async throws {
        let target = "/?load=a%20b+c%2B&x&x=2&=y&%zz=%4&bad=%e9&&e==f&n=%00?"
        let expected = [
            ("load", "a b c+"), ("x", ""), ("x", "2"), ("", "y"), ("%zz", "%4"), ("bad", "\u{FFFD}"), ("e", "=f"),
            ("n", "\u{0}?"),
        ]
        try await withServer(answering: { request in
            #expect(request.query.pairs.map(\.name) == expected.map(\.0))
            #expect(request.query.pairs.map(\.value) == expected.map(\.1))
            #expect(request.query.first("x") == "")
            #expect(request.query.all("x") == ["", "2"])
            #expect(request.query.first("missing") == nil)
            return .text(.ok, "")
        }) { address in
            let response = try await RawClient.connect(to: address).exchange(get(target))
            #expect(response.status == 200)
        }
    }

    @Test("raw UTF-8 in a header arrives as text")
    func rawUTF8() async throws {
        try await withServer(answering: { request in
            .text(.ok, request.headers[values: HTTPField.Name(constant: "upload-name")].first ?? "")
        }) { address in
            let client = try await RawClient.connect(to: address)
            #expect(try await client.exchange(get("/", "Upload-Name: 100% 日本.txt\r\n")).text == "100% 日本.txt")
        }
    }
}
